"""The envelope around every list of the API."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
"""Rows on one page of a list over REST."""
PAGE: dict[str, Any] = {"type": "integer", "minimum": 1, "default": 1}
LIMIT: dict[str, Any] = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
"""The two query parameters in OpenAPI."""


def _whole(message: str, **kwargs: Any) -> serializers.IntegerField:
    """A whole number whose every error is the same sentence: what may be written."""
    return serializers.IntegerField(
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value", "max_string_length"), message), **kwargs
    )


class PageQuery(serializers.Serializer):
    """Which page is asked for; an answer of 400 says the range."""

    page = _whole("Write a whole number of at least 1.", min_value=1, default=1)
    limit = _whole(
        f"Write a whole number from 1 to {MAX_LIMIT}.", min_value=1, max_value=MAX_LIMIT, default=DEFAULT_LIMIT
    )


class Envelope(BasePagination):
    """`{"items", "total", "page", "limit", "totalPages"}`; a page beyond the end has no items."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        """Count the rows and read one page of them; raises ValidationError for a page or limit out of range."""
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        self.page, self.limit = query.validated_data["page"], query.validated_data["limit"]
        self.total = len(queryset) if isinstance(queryset, Sequence) else queryset.count()
        start = (self.page - 1) * self.limit
        return list(queryset[start : start + self.limit]) if start < self.total else []

    def envelope(self, items: Any) -> dict[str, Any]:
        """What is sent around the items."""
        return {
            "items": items,
            "total": self.total,
            "page": self.page,
            "limit": self.limit,
            "totalPages": -(-self.total // self.limit),
        }

    def get_paginated_response(self, data: Any) -> Response:
        """Send the page."""
        return Response(self.envelope(data))

    def get_results(self, data: Any) -> Any:
        """The items of an envelope; the browsable pages ask for them before they offer the filters."""
        return data["items"]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope in OpenAPI."""
        whole = {"type": "integer"}
        properties = {"items": schema, "total": whole, "page": whole, "limit": whole, "totalPages": whole}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """The query parameters in OpenAPI."""
        return [
            {"name": "page", "in": "query", "schema": PAGE, "description": "Which page, counted from 1."},
            {"name": "limit", "in": "query", "schema": LIMIT, "description": "Items on a page."},
        ]
