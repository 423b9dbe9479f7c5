"""Many flows of a server published in one request over REST: what became of each."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.confirmation import is_confirmed
from flows.api.fields import FaultSerializer, Serializer, faults_as_json
from flows.api.servers import SERVER_ID, OfServer
from flows.models import MAX_NOTE, Flow
from flows.publishing.together import MAX_TOGETHER, WHAT, Outcome, publish_together
from flows.values.scopes import Scope

CONFIRM = OpenApiParameter(
    "confirm",
    OpenApiTypes.BOOL,
    description="true: publish also what breaks calls of those that clients meet. Else its outcome is `breaking`.",
)


class PublishTogetherSerializer(Serializer):
    """Which flows to publish, and how."""

    flows = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=MAX_TOGETHER,
        error_messages={
            "min_length": "Name at least one flow by its id.",
            "max_length": f"Name at most {MAX_TOGETHER} flows at once.",
        },
        help_text="Ids.",
    )
    note = serializers.CharField(
        max_length=MAX_NOTE, allow_blank=True, default="", help_text="What is new in them, for people."
    )
    activate = serializers.BooleanField(default=False, help_text="Switch those on that are off.")


class OutcomeSerializer(Serializer):
    """What became of one flow."""

    flowId = serializers.IntegerField(source="flow.pk")
    toolName = serializers.CharField(source="flow.tool_name")
    outcome = serializers.ChoiceField(
        [what for what in WHAT if what != "ready"],
        source="what",
        help_text="unchanged: clients call this draft already. breaking: see confirm. stale: the draft was changed "
        "in this moment, publish it again.",
    )
    version = serializers.IntegerField(
        source="version.number", default=None, allow_null=True, help_text="The number of what clients call."
    )
    isActive = serializers.BooleanField(source="flow.is_active")
    faults = serializers.SerializerMethodField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text="What it breaks for those who call it.")

    @extend_schema_field(FaultSerializer(many=True))
    def get_faults(self, outcome: Outcome) -> Any:
        """What keeps it from being published."""
        return faults_as_json(outcome.faults)


class PublishedTogetherSerializer(Serializer):
    """What became of all of them."""

    items = OutcomeSerializer(many=True)
    published = serializers.IntegerField(help_text="How many were published.")
    notFound = serializers.ListField(child=serializers.IntegerField(), help_text="Ids of no flow of this server.")


class ServerPublish(OfServer):
    """Publish many flows of a server; clients hear of all of them once."""

    scopes = {"POST": Scope.FLOWS_PUBLISH}

    @extend_schema(
        operation_id="servers_publish",
        parameters=[SERVER_ID, CONFIRM],
        request=PublishTogetherSerializer,
        responses={
            200: PublishedTogetherSerializer,
            400: OpenApiResponse(description="The body is not what it should be; nothing was published."),
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Publish each flow that can be; 200 says what became of each, in the order of the ids."""
        server = self.server
        asked = PublishTogetherSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        wanted = dict.fromkeys(said.pop("flows"))
        found = {flow.pk: flow for flow in Flow.objects.visible_to(request.user).filter(server=server, pk__in=wanted)}
        flows = [found[pk] for pk in wanted if pk in found]
        outcomes = publish_together(flows, request.user, confirmed=is_confirmed(request), **said)
        answer = {
            "items": outcomes,
            "published": sum(outcome.what == "published" for outcome in outcomes),
            "notFound": [pk for pk in wanted if pk not in found],
        }
        return Response(PublishedTogetherSerializer(answer).data)
