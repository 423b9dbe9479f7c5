"""Which executions a person or a script asks for: one set of query parameters for pages and API."""

import string
import uuid
from typing import Any, get_args

import django_filters
from django import forms
from django.db.models import Q

from executions.models import Execution, ExecutionQuerySet
from executions.status import Status
from flows.engine.errors import ErrorKind

LARGEST_ID = 2**63 - 1
SHORTEST_ID_PREFIX = 8
"""Hex digits: fewer would match words such as `added`; eight of a UUIDv7 are about a minute of executions."""


def id_range(text: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """The first and last id that begin with `text`, or None when it does not look like the start of a UUID."""
    digits = text.replace("-", "").lower()
    if not SHORTEST_ID_PREFIX <= len(digits) <= 32 or not set(digits) <= set(string.hexdigits):
        return None
    return uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))


def _choice(choices: list[tuple[str, str]], **kwargs: Any) -> django_filters.ChoiceFilter:
    """A choice whose error lists what may be written."""
    values = ", ".join(value for value, _ in choices)
    message = f"%(value)s is not one of the choices: {values}."
    return django_filters.ChoiceFilter(choices=choices, error_messages={"invalid_choice": message}, **kwargs)


class IntegerFilter(django_filters.Filter):
    """A whole number; `min_value` and `max_value` keep it inside what the database can compare."""

    field_class = forms.IntegerField


class ExecutionFilter(django_filters.FilterSet):
    """Query parameters over executions; the names are camelCase because they are seen in addresses."""

    status = _choice(list(Status.choices), label="Status", empty_label="Any status")
    flow = IntegerFilter(field_name="flow_id", label="Flow id", min_value=1, max_value=LARGEST_ID)
    tool = django_filters.CharFilter(field_name="flow_tool_name", label="Tool name", max_length=128)
    startedAfter = django_filters.IsoDateTimeFilter(
        field_name="started_at", lookup_expr="gte", label="Started at or after"
    )
    startedBefore = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt", label="Started before")
    minDuration = django_filters.NumberFilter(
        field_name="duration_ms", lookup_expr="gte", label="Shortest duration in milliseconds"
    )
    maxDuration = django_filters.NumberFilter(
        field_name="duration_ms", lookup_expr="lte", label="Longest duration in milliseconds"
    )
    caller = django_filters.CharFilter(
        field_name="caller_name", lookup_expr="icontains", label="Part of the caller's name", max_length=200
    )
    errorKind = _choice(
        [(kind, kind) for kind in get_args(ErrorKind)], field_name="error_kind", label="Error kind", empty_label="Any"
    )
    search = django_filters.CharFilter(
        method="search_text",
        label="Text in the first parameter, caller or tool name; or the start of an id",
        max_length=200,
    )

    class Meta:
        model = Execution
        fields: list[str] = []

    def search_text(self, queryset: ExecutionQuerySet, name: str, value: str) -> ExecutionQuerySet:
        """Look through the short text columns only: the JSON columns are too large to read for a list."""
        text = value.strip()
        found = Q(params_preview__icontains=text) | Q(caller_name__icontains=text) | Q(flow_tool_name__icontains=text)
        if ids := id_range(text):
            found |= Q(pk__range=ids)
        return queryset.filter(found)
