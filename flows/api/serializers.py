"""Flows on the wire: camelCase names, user data untouched."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from flows.api.fields import JsonField, ModelSerializer, Serializer, VisibleServerField, faults_as_json
from flows.engine.errors import DefinitionError
from flows.engine.shapes import UNKNOWN
from flows.models import MAX_ANSWER_SECONDS, TOOL_NAME, Flow, FlowVersion
from flows.publishing import versions
from flows.schemas.compiled import check_tool_input_schema, compile_schema
from flows.values.reserved_names import not_reserved

TOOL_NAME_TAKEN = "Another flow of this server has that tool name."
JSON_OBJECT = {"type": "object", "additionalProperties": {}}


class DefinitionField(JsonField):
    """The JSON of a flow."""


@extend_schema_field(JSON_OBJECT)
class JsonObjectField(JsonField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        """Accept an object; raises ValidationError for another JSON value."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("Write a JSON object.")
        return super().to_internal_value(data)


class FlowItemSerializer(ModelSerializer):
    """A flow in a list: without its definition and schemas."""

    server = VisibleServerField(help_text="The server's slug.")
    toolName = serializers.CharField(source="tool_name", max_length=64, validators=[TOOL_NAME, not_reserved])
    toolDescription = serializers.CharField(source="tool_description")
    isActive = serializers.BooleanField(source="is_active", default=True)
    publishedVersion = serializers.IntegerField(
        source="published_version.number", read_only=True, allow_null=True, help_text="The number of what clients call."
    )
    revision = serializers.IntegerField(read_only=True, help_text="Of the draft; its ETag is the same.")
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    class Meta:
        model = Flow
        fields = [
            "id",
            "server",
            "name",
            "toolName",
            "toolDescription",
            "isActive",
            "publishedVersion",
            "revision",
            "createdAt",
            "updatedAt",
        ]


class FlowSerializer(FlowItemSerializer):
    """The whole flow, to read and to write its draft."""

    whenToUse = serializers.CharField(source="when_to_use", allow_blank=True, default="")
    whenNotToUse = serializers.CharField(source="when_not_to_use", allow_blank=True, default="")
    inputSchema = JsonObjectField(source="input_schema", required=False)
    outputSchema = JsonObjectField(source="output_schema", allow_null=True, default=None)
    annotations = JsonObjectField(required=False)
    definition = DefinitionField(required=False)
    timeoutSeconds = serializers.IntegerField(source="timeout_seconds", min_value=1, max_value=86_400, default=300)
    answerSeconds = serializers.IntegerField(
        source="answer_seconds",
        min_value=1,
        max_value=MAX_ANSWER_SECONDS,
        allow_null=True,
        default=None,
        help_text="After so long the client is told that the execution goes on; null: it waits for the end.",
    )
    hasUnpublishedChanges = serializers.SerializerMethodField()

    class Meta(FlowItemSerializer.Meta):
        fields = [
            *FlowItemSerializer.Meta.fields,
            "whenToUse",
            "whenNotToUse",
            "inputSchema",
            "outputSchema",
            "annotations",
            "definition",
            "timeoutSeconds",
            "answerSeconds",
            "hasUnpublishedChanges",
        ]
        validators: list[Any] = []

    def get_hasUnpublishedChanges(self, flow: Flow) -> bool:
        """Whether the draft differs from what clients call."""
        return versions.has_unpublished_changes(flow)

    def validate_server(self, value: Any) -> Any:
        """A flow stays in the server in which its clients found it."""
        if self.instance is not None and value != self.instance.server:
            raise serializers.ValidationError("A flow stays in its server; duplicate it to have it in another.")
        return value

    def validate_definition(self, value: Any) -> Any:
        """Every fault of the definition, each at its path; what its expressions may name, the input schema says."""
        schema = self.initial_data.get("inputSchema", self.instance.input_schema if self.instance else UNKNOWN)
        if faults := versions.definition_faults(value, schema):
            raise serializers.ValidationError(faults_as_json(faults))
        return value

    def validate_inputSchema(self, value: Any) -> Any:
        """Every fault of the tool's input schema."""
        return _checked(check_tool_input_schema, value)

    def validate_outputSchema(self, value: Any) -> Any:
        """Every fault of the tool's output schema."""
        return value if value is None else _checked(compile_schema, value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A tool name is unique in its server, and expressions name what can be there."""
        if self.is_taken(attrs):
            raise serializers.ValidationError({"toolName": [TOOL_NAME_TAKEN]})
        if "input_schema" in attrs and "definition" not in attrs and self.instance is not None:
            faults = versions.definition_faults(self.instance.definition, attrs["input_schema"])
            # A draft that was stored as a graph need not be one for ever: node types come and go.
            known = versions.definition_faults(self.instance.definition, self.instance.input_schema)
            if new := [fault for fault in faults if fault not in known]:
                raise serializers.ValidationError({"definition": faults_as_json(new)})
        return attrs

    def is_taken(self, attrs: dict[str, Any]) -> bool:
        """Whether another flow of the server has the tool name."""
        server = attrs.get("server") or (self.instance and self.instance.server)
        others = Flow.objects.filter(server=server, tool_name=attrs.get("tool_name"))
        if self.instance is not None:
            others = others.exclude(pk=self.instance.pk)
        return others.exists()

    def create(self, validated_data: dict[str, Any]) -> Flow:
        """Store a draft; clients see it once it is published."""
        flow = Flow(**validated_data)
        with _taken_names():
            versions.insert_flow(flow)
        return flow

    def update(self, instance: Flow, validated_data: dict[str, Any]) -> Flow:
        """Change the named fields of the draft; switching it on or off takes effect at once."""
        expected = validated_data.pop("expected", None)
        active = validated_data.pop("is_active", instance.is_active)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        with _taken_names():
            versions.save_draft(instance, validated_data, expected)
            if active != instance.is_active:
                versions.set_active(instance, active)
        return instance


@contextmanager
def _taken_names() -> Iterator[None]:
    """Store in here; the constraint decides when two callers take the same tool name at once."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise serializers.ValidationError({"toolName": [TOOL_NAME_TAKEN]}) from None


def _checked(check: Callable[[Any], Any], value: Any) -> Any:
    """The value, when `check` finds no fault; raises ValidationError with every fault at its path."""
    try:
        check(value)
    except DefinitionError as error:
        raise serializers.ValidationError(faults_as_json(error.faults)) from None
    return value


class VersionItemSerializer(ModelSerializer):
    """A published version in a list: without its contract."""

    version = serializers.IntegerField(source="number", read_only=True)
    toolName = serializers.CharField(source="tool_name", read_only=True)
    isCurrent = serializers.SerializerMethodField(help_text="Whether clients call this one, if the flow is active.")
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    createdBy = serializers.SerializerMethodField(help_text="The name of who published it; null when nobody is known.")

    class Meta:
        model = FlowVersion
        fields = ["version", "toolName", "note", "isCurrent", "createdAt", "createdBy"]

    def get_isCurrent(self, version: FlowVersion) -> bool:
        """Whether it is the published one."""
        return version.flow is not None and version.flow.published_version_id == version.pk

    def get_createdBy(self, version: FlowVersion) -> str | None:
        """A person's name."""
        return version.created_by.get_username() if version.created_by else None


class FlowVersionSerializer(VersionItemSerializer):
    """A version that has just been published."""

    flowId = serializers.IntegerField(source="flow_id", read_only=True)
    isActive = serializers.BooleanField(
        source="flow.is_active", read_only=True, help_text="False: clients see it once the flow is switched on."
    )
    takenAlong = serializers.SerializerMethodField(
        help_text="Tool names of the flows whose drafts name this one by its new name now; publish them too."
    )
    contract = JsonObjectField(read_only=True, help_text="The tool as clients see it.")
    timeoutSeconds = serializers.IntegerField(source="timeout_seconds", read_only=True)
    answerSeconds = serializers.IntegerField(source="answer_seconds", read_only=True, allow_null=True)

    class Meta(VersionItemSerializer.Meta):
        fields = [
            *("flowId", "version", "toolName", "note", "isCurrent", "isActive", "takenAlong", "contract"),
            *("timeoutSeconds", "answerSeconds", "createdAt", "createdBy"),
        ]

    def get_takenAlong(self, version: FlowVersion) -> list[str]:
        """Tool names."""
        return [flow.tool_name for flow in version.taken_along]


class NodeTypeSerializer(Serializer):
    """A node type and what its nodes' parameters must be."""

    type = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    group = serializers.CharField(help_text="The heading in the catalogue.")
    help = serializers.CharField(help_text="A few sentences on how it is used.")
    icon = serializers.CharField()
    handles = serializers.ListField(
        child=serializers.CharField(), help_text="The ways out; where they depend on the parameters, the example's."
    )
    choosesHandles = serializers.BooleanField()
    hasEffects = serializers.BooleanField()
    parametersSchema = JsonObjectField()
    outputSchema = JsonObjectField(allow_null=True, help_text="Of the example's output; null when nothing is known.")
    example = JsonObjectField(allow_null=True, help_text="Parameters of a node that could stand in a flow.")
