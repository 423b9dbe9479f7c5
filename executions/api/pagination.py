"""The envelope around lists of executions."""

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from executions.models import Execution
from executions.reading.history import Listing
from executions.record.status import Status
from flows.api.pagination import Envelope

SEARCHED = "X-FlowHub-Searched"
"""Tells that only the newest executions were looked at, as `newest 10000`."""


class _Counted:
    """A listing with the two things that the envelope asks of a queryset."""

    def __init__(self, listing: Listing, counts: Mapping[str, int]) -> None:
        self.listing = listing
        self.counts = counts

    def count(self) -> int:
        """How many rows the list has."""
        return self.listing.total(self.counts)

    def __getitem__(self, part: slice) -> list[Execution]:
        return self.listing.rows(part.start, part.stop - part.start)


class ExecutionEnvelope(Envelope):
    """The list envelope and `hasPendingExecutions`: whether anything is pending, on whatever page or filter."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Read one page of `view.listing`; the counters say how long it is and whether anything is pending."""
        self.listing: Listing = view.listing
        totals = self.listing.history.totals()
        counts = self.listing.counts() if self.listing.found else totals
        self.has_pending = totals[Status.PENDING] > 0
        return super().paginate_queryset(_Counted(self.listing, counts), request, view)

    def get_paginated_response(self, data: Any) -> Response:
        """Send the page; a header says it when the search stopped before the oldest executions."""
        answer = super().get_paginated_response(data)
        if self.listing.searched is not None:
            answer[SEARCHED] = f"newest {self.listing.searched}"
        return answer

    def envelope(self, items: Any) -> dict[str, Any]:
        """What is sent around the items."""
        return super().envelope(items) | {"hasPendingExecutions": self.has_pending}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope in OpenAPI."""
        described = super().get_paginated_response_schema(schema)
        described["properties"]["hasPendingExecutions"] = {"type": "boolean"}
        described["required"].append("hasPendingExecutions")
        return described
