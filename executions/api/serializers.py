"""Executions on the wire: camelCase names, user data untouched. Only the ledger writes executions."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from executions.models import NOTE_LENGTH, Execution
from executions.questions.answers_of_people import schema_of, wait_of
from flows.api.fields import JsonField, ModelSerializer, Serializer
from flows.api.serializers import JsonObjectField
from flows.engine.questions import KINDS, Question
from flows.engine.references import Reference


class ExecutionItemSerializer(ModelSerializer):
    """An execution in a list: no JSON column is read for it."""

    flowId = serializers.IntegerField(source="flow_id", read_only=True, allow_null=True)
    flowName = serializers.CharField(source="flow_name", read_only=True)
    flowToolName = serializers.CharField(source="flow_tool_name", read_only=True)
    startedAt = serializers.DateTimeField(source="started_at", read_only=True)
    endedAt = serializers.DateTimeField(source="ended_at", read_only=True, allow_null=True)
    duration = serializers.FloatField(
        source="duration_ms", read_only=True, allow_null=True, help_text="Milliseconds; null while pending."
    )
    initialParamsPreview = serializers.CharField(source="params_preview", read_only=True)
    failedNodeName = serializers.SerializerMethodField()
    # Every serializer field has an attribute of this name; DRF takes the declared ones out of the class.
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=Execution.Source.choices, read_only=True, help_text="Through which door it came."
    )
    version = serializers.IntegerField(
        source="flow_version.number",
        read_only=True,
        allow_null=True,
        help_text="The number of what ran; null for a draft, and where nothing ran.",
    )

    class Meta:
        model = Execution
        fields = [
            "id",
            "flowId",
            "flowName",
            "flowToolName",
            "status",
            "startedAt",
            "endedAt",
            "duration",
            "initialParamsPreview",
            "failedNodeName",
            "source",
            "version",
        ]
        read_only_fields = fields

    def get_failedNodeName(self, execution: Execution) -> str | None:
        """The node that raised (FR-007); null when none did."""
        return execution.failed_node_name or None


class QuestionSerializer(Serializer):
    """What a node of an execution asks."""

    kind = serializers.ChoiceField(choices=list(KINDS), help_text="Whom it is for.")
    parameters = JsonObjectField(help_text="Of MCP's request: a message, or the messages of a model's conversation.")
    schema = JsonObjectField(help_text="JSON Schema of the content of an answer that accepts.")
    isYours = serializers.BooleanField(help_text="Whether you may answer; see POST .../answer/.")


class ExecutionSerializer(ExecutionItemSerializer):
    """The whole execution."""

    initialParams = JsonField(source="initial_params", read_only=True)
    nodeExecutions = serializers.SerializerMethodField(
        help_text="In execution order. In place of what was too large for the record stands an object with the keys "
        "`$truncated`, `bytes`, `sha256`, `head` and `tail`; in place of all nodes, it is the only item."
    )
    request = JsonField(
        source="requested",
        read_only=True,
        help_text="The client's message; of other calls, the one that would make them.",
    )
    result = JsonField(
        source="received", read_only=True, allow_null=True, help_text="What the client got; MCP's result."
    )
    errorInfo = JsonObjectField(source="error_info", read_only=True, allow_null=True)
    caller = JsonObjectField(read_only=True)
    replayOf = serializers.UUIDField(
        source="replay_of_id", read_only=True, allow_null=True, help_text="The execution that this one repeats."
    )
    # As `source` above.
    parent = serializers.UUIDField(  # type: ignore[assignment]
        source="parent_id", read_only=True, allow_null=True, help_text="The execution whose node started this one."
    )
    children = serializers.SerializerMethodField(help_text="The first 100 executions that this one's nodes started.")
    waitingFor = serializers.SerializerMethodField(
        help_text="What it waits for, by the slugs of the nodes that ask; null when it waits for no answer."
    )
    isPinned = serializers.BooleanField(source="is_pinned", read_only=True, help_text="Pruning leaves it alone.")
    note = serializers.CharField(read_only=True)
    createdAt = serializers.DateTimeField(source="started_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    class Meta(ExecutionItemSerializer.Meta):
        fields = [
            *ExecutionItemSerializer.Meta.fields,
            "initialParams",
            "nodeExecutions",
            "request",
            "result",
            "errorInfo",
            "caller",
            "replayOf",
            "parent",
            "children",
            "waitingFor",
            "isPinned",
            "note",
            "createdAt",
            "updatedAt",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=JsonObjectField()))
    def get_nodeExecutions(self, execution: Execution) -> list[Any]:
        """The stored list as it is."""
        stored: Any = execution.node_executions
        return stored if isinstance(stored, list) else [] if stored is None else [stored]

    @extend_schema_field(ExecutionItemSerializer(many=True))
    def get_children(self, execution: Execution) -> list[Any]:
        """The executions that this one called, in the order of their start, for who may see them."""
        return list(ExecutionItemSerializer(execution.children_for(self.context["request"].user), many=True).data)

    @extend_schema_field(serializers.DictField(child=QuestionSerializer(), allow_null=True))
    def get_waitingFor(self, execution: Execution) -> dict[str, Any] | None:
        """The questions; what an answer has to bring besides stays here."""
        wait = wait_of(execution, self.context["request"].user)
        if wait is None:
            return None
        return {slug: _question(question, wait.is_yours) for slug, question in wait.questions.items()}


def _question(question: Question, is_yours: bool) -> dict[str, Any]:
    parameters = {name: value for name, value in question.parameters.items() if name != "requestedSchema"}
    return {
        "kind": question.kind,
        "parameters": parameters,
        "schema": dict(schema_of(question)),
        "isYours": is_yours,
    }


class ReferenceSerializer(Serializer):
    """One thing that an expression of a node may name."""

    expression = serializers.SerializerMethodField()
    path = serializers.CharField(help_text="Without the braces.")
    types = serializers.ListField(child=serializers.CharField(), help_text="JSON types; none when nothing is known.")
    nodeId = serializers.CharField(source="node.id", allow_null=True, default=None)
    nodeName = serializers.CharField(source="node.name", allow_null=True, default=None)
    nodeSlug = serializers.CharField(source="node.slug", allow_null=True, default=None)
    samples = serializers.ListField(
        child=JsonField(), help_text="Up to three values that it had in the newest executions, texts cut."
    )

    def get_expression(self, reference: Reference) -> str:
        """What to write."""
        return f"{{{{ {reference.path} }}}}"


class NodeInputsSerializer(Serializer):
    """What expressions of a node may name: outputs of the nodes before it, then what the host provides."""

    items = ReferenceSerializer(many=True)


class DraftCallSerializer(Serializer):
    """What a test call of a draft is given."""

    arguments = JsonObjectField(default=dict, help_text="As an MCP client would send them.")
    untilNode = serializers.CharField(
        required=False,
        allow_null=True,
        default=None,
        max_length=200,
        help_text="The id of a node: it and what leads to it are executed, and the execution ends with its output.",
    )
    outputs = JsonObjectField(
        default=dict,
        help_text="Outputs by node id, which stand for executing those nodes, as `heldOutput` in the draft does.",
    )
    waits = serializers.BooleanField(
        default=True,
        help_text="False: the answer comes after a second at most, whether the execution has ended or not.",
    )


class ReplaySerializer(Serializer):
    """How to run an execution again; without anything, with the same parameters."""

    keywords = {"maxProperties": 1}

    arguments = JsonObjectField(required=False, help_text="In place of the recorded parameters.")
    fromNode = serializers.CharField(
        required=False,
        max_length=200,
        help_text="The id of a node: it and what comes after it run, what the others gave is taken from the record.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Other arguments would change what the nodes before `fromNode` gave."""
        if len(attrs) > 1:
            raise serializers.ValidationError({"fromNode": ["Give arguments or fromNode, not both."]})
        return attrs


class PinSerializer(Serializer):
    """Whether pruning leaves an execution alone."""

    isPinned = serializers.BooleanField(source="is_pinned")


class NoteSerializer(Serializer):
    """What people write about an execution."""

    note = serializers.CharField(max_length=NOTE_LENGTH, allow_blank=True)
