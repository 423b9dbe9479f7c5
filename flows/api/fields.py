"""Serializer fields that FlowHub's data needs, and how faults look in an answer."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from flows.engine.errors import Fault
from flows.models import MAX_CALLS, Server
from flows.values.json_text import unstorable

FAULTY_FIELDS = ("definition", "inputSchema", "outputSchema", "toolDescription", "annotations")


class JsonField(serializers.JSONField):
    """User data: any JSON that both databases store and every client can read back, with its keys as they are."""

    def to_internal_value(self, data: Any) -> Any:
        """Accept a JSON value; raises ValidationError that says what cannot be kept."""
        if (reason := unstorable(data)) is not None:
            raise serializers.ValidationError(reason)
        return data


class VisibleServerField(serializers.SlugRelatedField):
    """A server by its slug; a server that the caller may not see is answered like one that does not exist."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(slug_field="slug", queryset=Server.objects.all(), **kwargs)

    def get_queryset(self) -> QuerySet[Server]:
        """The servers that the caller may name."""
        return Server.objects.visible_to(self.context["request"].user)


class CallsField(serializers.IntegerField):
    """A limit of calls that somebody may set; null is none of their own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_null=True, min_value=1, max_value=MAX_CALLS, **kwargs)


class FaultSerializer(serializers.Serializer):
    """One thing that keeps a flow from being published."""

    path = serializers.CharField(allow_blank=True, help_text="Where: definition.nodes[2].parameters.url")
    key = serializers.CharField(
        allow_blank=True, help_text="The member that is missing there or may not be there; empty for the value."
    )
    message = serializers.CharField(help_text="What to change.")


def faults_as_json(faults: Iterable[Fault]) -> list[dict[str, str]]:
    """Faults as they stand in an answer; `key` is the member that is missing at the path, or too much there."""
    return [fault.as_json() for fault in faults]


def faults_by_field(
    faults: Iterable[Fault], fields: Iterable[str] = FAULTY_FIELDS, otherwise: str = "definition"
) -> dict[str, list[dict[str, str]]]:
    """Faults under the field that they are in, with the path inside that field; those of a flow, if nothing is said."""
    found: dict[str, list[dict[str, str]]] = {}
    for fault in faults:
        field = next((name for name in fields if fault.is_inside(name)), otherwise)
        path = fault.path.removeprefix(field).removeprefix(".")
        found.setdefault(field, []).append({**fault.as_json(), "path": path})
    return found
