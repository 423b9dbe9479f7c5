"""The envelope around lists of executions."""

from typing import Any

from rest_framework.request import Request

from executions.status import Status
from flows.api.pagination import Envelope


class ExecutionEnvelope(Envelope):
    """The list envelope and `hasPendingExecutions`: whether anything is pending, on whatever page or filter."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Read one page, and ask whether anything that the view may show is still pending."""
        items = super().paginate_queryset(queryset, request, view)
        self.has_pending = view.get_queryset().order_by().filter(status=Status.PENDING).exists()
        return items

    def envelope(self, items: Any) -> dict[str, Any]:
        """What is sent around the items."""
        return super().envelope(items) | {"hasPendingExecutions": self.has_pending}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope in OpenAPI."""
        described = super().get_paginated_response_schema(schema)
        described["properties"]["hasPendingExecutions"] = {"type": "boolean"}
        described["required"].append("hasPendingExecutions")
        return described
