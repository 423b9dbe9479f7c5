"""Serializer fields that FlowHub's data needs, and how faults look in an answer."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from flows.engine.errors import Fault
from flows.models import MAX_CALLS, Server
from flows.values.json_text import unstorable

MAX_NAMED = 20
"""Unknown members of a body that its refusal names."""

FAULTY_FIELDS = ("definition", "inputSchema", "outputSchema", "toolDescription", "annotations")


TYPES: Mapping[type[serializers.Field], tuple[type, str]] = {
    serializers.BooleanField: (bool, "Write true or false."),
    serializers.CharField: (str, "Write a text."),
    serializers.ChoiceField: (str, "Write a text."),
    serializers.SlugRelatedField: (str, "Write a text."),
    serializers.IntegerField: (int, "Write a whole number."),
}
"""What JSON has for a field. Django REST framework would take 1 and "yes" for true, 7 for a text, "7" for a number."""


def _misread(field: serializers.Field, value: Any) -> str:
    """What to write in place of a value of another type than the document says; empty when it is of this one."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next(filter(None, (_misread(field.child, each) for each in value)), "")
    wanted, say = next((each for kind, each in TYPES.items() if isinstance(field, kind)), (object, ""))
    is_whole = wanted is int and isinstance(value, float) and value.is_integer()
    return "" if value is None or is_whole or isinstance(value, wanted) else say


class _KnownMembers:
    """A body that has members of other names is refused: a name that is written wrong would change nothing in silence.

    What is only shown may be sent back, so that a body can be what was read.
    """

    passed_over: Collection[str] = ()
    """Members of what was read that are no fields of this."""

    keywords: Mapping[str, Any] = {}
    """What the document says of the whole body in JSON Schema, beside its fields."""

    def to_internal_value(self, data: Any) -> Any:
        """Read a body; raises ValidationError that names every member which is wrong, or not there to be written."""
        fields: Mapping[str, Any] = self.fields  # type: ignore[attr-defined]
        sent = data if isinstance(data, Mapping) else {}
        unknown = [name for name in sent if name not in fields and name not in self.passed_over][:MAX_NAMED]
        known = ", ".join(name for name, field in fields.items() if not field.read_only)
        refused = {str(name)[:100]: [f"There is no member of this name. There are: {known}."] for name in unknown}
        written = [(name, field) for name, field in fields.items() if name in sent and not field.read_only]
        refused |= {name: [why] for name, field in written if (why := _misread(field, sent[name]))}
        try:
            value = super().to_internal_value(data)  # type: ignore[misc]
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**refused, **error.detail}) from None  # type: ignore[dict-item]
        if refused:
            raise serializers.ValidationError(refused)
        return value


class Serializer(_KnownMembers, serializers.Serializer):
    """What a body may hold, and nothing else."""


class ModelSerializer(_KnownMembers, serializers.ModelSerializer):
    """The same of a row."""


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


class FaultSerializer(Serializer):
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
