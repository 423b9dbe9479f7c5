"""Which executions a person or a script asks for: one set of query parameters for pages and API.

Time range and status are found through indexes, at any depth. The other parameters have to be looked at row by row, so
they are bounded: only the newest SEARCH_LIMIT executions of the list, or of the time range, are looked at; for the kind
or node of an error, the newest that failed. Search alone has the database read payloads. `startedBefore` leads further
back, and a flow's list is one of its own.
"""

import contextlib
import json
import re
import string
import uuid
from datetime import datetime
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field

from executions.models import Execution, ExecutionQuerySet
from executions.record.error_kinds import ERROR_KINDS
from executions.record.status import Status
from flows.models import FlowVersion

SEARCH_LIMIT = 10_000
"""How many executions are looked at row by row: about 50 ms, however long the history is."""

BY_INDEX = ("startedAfter", "startedBefore")
ROW_BY_ROW = (
    "flow", "tool", "source", "version", "minDuration", "maxDuration", "caller", "errorKind", "node", "search"
)  # fmt: skip
OF_ERRORS = ("errorKind", "node")

LARGEST_ID = 2**63 - 1
DRAFT = "draft"
"""In place of a number of a version."""
VERSION = rf"({DRAFT}|[1-9][0-9]{{0,8}})"
"""What a version is called: its number, which is as large as the database keeps it, or DRAFT."""

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


def year_refusal(moment: datetime) -> str:
    """Why a moment cannot be compared everywhere: in another time zone it may lie outside of all years; empty if so."""
    return "" if 1 < moment.year < 9999 else f"The year {moment.year} is too far away: write one from 2 to 9998."


class MomentField(django_filters.fields.IsoDateTimeField):
    """A time; without an offset it is the person's. Django's own field refuses the hours when clocks are changed."""

    def to_python(self, value: Any) -> datetime | None:
        """The first of two moments that a clock shows alike; one that it skips is as long after the change."""
        with contextlib.suppress(ValueError):
            parsed = parse_datetime(str(value or "").strip())
            if parsed is not None and (refusal := year_refusal(parsed)):
                raise forms.ValidationError(refusal, code="invalid")
            if parsed is not None and timezone.is_naive(parsed):
                return timezone.make_aware(parsed)
        found: datetime | None = super().to_python(value)
        return found


class VersionField(forms.CharField):
    """The number of a version, or DRAFT."""

    def validate(self, value: Any) -> None:
        """Raise ValidationError for anything else."""
        super().validate(value)
        if value and not re.fullmatch(VERSION, value):
            raise forms.ValidationError(f"Write the number of a version, such as 3, or {DRAFT}.", code="invalid")


@extend_schema_field({"type": "string", "pattern": f"^{VERSION}$"})
class VersionFilter(django_filters.Filter):
    """What ran: one version, or a draft."""

    field_class = VersionField

    def filter(self, queryset: ExecutionQuerySet, value: Any) -> ExecutionQuerySet:
        """Narrow down; the versions are read first, one a flow at most: a join would tempt PostgreSQL to sort."""
        if value in EMPTY_VALUES:
            return queryset
        if value == DRAFT:
            return queryset.of_drafts()
        return queryset.filter(
            flow_version__in=list(FlowVersion.objects.filter(number=value).values_list("pk", flat=True))
        )


class MomentFilter(django_filters.IsoDateTimeFilter):
    """A time, as people type it and as scripts write it."""

    field_class = MomentField


class Found(NamedTuple):
    """What a filter leaves of a list; `searched` tells how many of the newest were looked at, when there are older."""

    executions: ExecutionQuerySet
    any_status: ExecutionQuerySet
    searched: int | None


class ExecutionFilter(django_filters.FilterSet):
    """Query parameters over executions; the names are camelCase because they are seen in addresses."""

    status = _choice(list(Status.choices), method="in_status", label="Status", empty_label="Any status")
    flow = IntegerFilter(field_name="flow_id", label="Flow id", min_value=1, max_value=LARGEST_ID)
    tool = django_filters.CharFilter(field_name="flow_tool_name", label="Tool name", max_length=128)
    startedAfter = MomentFilter(method="started_after", label="Started at or after")
    startedBefore = MomentFilter(method="started_before", label="Started before")
    source = _choice(
        list(Execution.Source.choices), field_name="source", label="Through which door it came", empty_label="Any"
    )
    version = VersionFilter(label=f"Number of the version that ran, or `{DRAFT}`", max_length=20)
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
        [(kind, kind) for kind in ERROR_KINDS], field_name="error_kind", label="Error kind", empty_label="Any"
    )
    node = django_filters.CharFilter(
        field_name="failed_node_name", label="Name of the node that failed", max_length=200, strip=False
    )
    search = django_filters.CharFilter(
        method="search_text",
        label="Text in the parameters, the answer, caller, tool name or note; `n:21` for a key with its value, "
        '`"n:21"` for that text; or the start of an id',
        max_length=200,
    )

    class Meta:
        model = Execution
        fields: list[str] = []

    @property
    def narrows(self) -> bool:
        """Whether anything but the status is asked for; then the counters of `executions.ledger.counts` do not help."""
        asked = self.form.cleaned_data
        return any(asked.get(name) not in EMPTY_VALUES for name in (*BY_INDEX, *ROW_BY_ROW))

    @property
    def wants_errors(self) -> bool:
        """Whether only executions that failed can be what is asked for."""
        return any(self.form.cleaned_data.get(name) for name in OF_ERRORS)

    def filter_queryset(self, queryset: ExecutionQuerySet) -> ExecutionQuerySet:
        """The executions that are asked for."""
        return self.find(queryset).executions

    def find(self, queryset: ExecutionQuerySet) -> Found:
        """Narrow down through the indexes, then among the newest of that row by row, then by status."""
        asked, searched = dict(self.form.cleaned_data), None
        status = asked.pop("status", None)
        for name in BY_INDEX:
            queryset = self.filters[name].filter(queryset, asked.pop(name, None))
        if (found := _by_id(queryset, asked.get("search", ""))) is not None:
            queryset, asked["search"] = found, ""
        elif any(value not in EMPTY_VALUES for value in asked.values()):
            queryset, searched = _newest(queryset)
        for name, value in asked.items():
            queryset = self.filters[name].filter(queryset, value)
        return Found(self.filters["status"].filter(queryset, status), queryset, searched)

    def started_after(self, queryset: ExecutionQuerySet, name: str, value: datetime) -> ExecutionQuerySet:
        """Narrow down to those that started at a moment or later."""
        return queryset.started(since=value)

    def started_before(self, queryset: ExecutionQuerySet, name: str, value: datetime) -> ExecutionQuerySet:
        """Narrow down to those that started earlier."""
        return queryset.started(before=value)

    def in_status(self, queryset: ExecutionQuerySet, name: str, value: str) -> ExecutionQuerySet:
        """Narrow down to one status."""
        return queryset.in_status(Status(value))

    def search_text(self, queryset: ExecutionQuerySet, name: str, value: str) -> ExecutionQuerySet:
        """Look for a key with its value at any depth of the parameters and the answer, or for a text anywhere."""
        text = value.strip()
        if pair := _KEY_AND_VALUE.match(text):
            return queryset.filter(_holds(*pair.groups()))
        if _QUOTED.match(text):
            text = text[1:-1]
        return queryset.filter(
            Q(params_preview__icontains=text)
            | Q(caller_name__icontains=text)
            | Q(flow_tool_name__icontains=text)
            | Q(note__icontains=text)
            | _in_payloads(_inside(text))
        )


_QUOTED = re.compile(r'".+"\Z', re.DOTALL)
_KEY_AND_VALUE = re.compile(r'([A-Za-z_$][\w$.-]*):(?!//)("[^"]*"|[^\s"]+)\Z')
_LITERAL = re.compile(r"(-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null)\Z")


def _holds(key: str, value: str) -> Q:
    """Whether a key with this value stands in what came in or went back; `21` is a number or a text, `"21"` a text.

    The JSON of a record has no spaces. Most rows are asked for the two texts alone.
    """
    before = f'"{_inside(key)}":'
    found = _in_payloads(f'{before}"{_inside(value.strip(chr(34)))}"')
    if _LITERAL.match(value):
        # Clients write whole numbers either way, and the record keeps what they wrote.
        whole = re.fullmatch(r"(-?\d+)(\.0)?", value)
        for written in (whole[1], f"{whole[1]}.0") if whole else (value,):
            # Not 210, which begins alike.
            ends = _in_payloads(f"{before}{written},") | _in_payloads(f"{before}{written}}}")
            found |= _in_payloads(before + written) & ends
    return found


def _inside(text: str) -> str:
    """A text as it stands between the quotation marks of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _in_payloads(text: str) -> Q:
    """Whether a text stands in what came in or in what went back."""
    return Q(initial_params__icontains=text) | Q(result__icontains=text)


def _newest(queryset: ExecutionQuerySet) -> tuple[ExecutionQuerySet, int | None]:
    """The newest SEARCH_LIMIT executions, as a range of ids: an index reads it in the order of the list."""
    edge = list(queryset.newest_first().values_list("pk", flat=True)[SEARCH_LIMIT - 1 : SEARCH_LIMIT + 1])
    if len(edge) < 2:
        return queryset, None
    return queryset.filter(pk__gte=edge[0]), SEARCH_LIMIT


def _by_id(queryset: ExecutionQuerySet, text: str) -> ExecutionQuerySet | None:
    """The executions whose id begins with `text`, however old; None when no id does."""
    ids = id_range(text.strip())
    if ids is None:
        return None
    found = queryset.filter(pk__range=ids)
    return found if found.exists() else None
