"""What a model sees of a flow, over REST: the definition in both eras, the lint, the tokens, and what changes."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.fields import FaultSerializer, Serializer, faults_as_json
from flows.api.serializers import JsonObjectField
from flows.models import Flow
from flows.publishing import versions
from flows.publishing.review import (
    DRAFT,
    Review,
    UnknownVersion,
    compare,
    review_draft,
    review_live,
    server_costs,
)
from flows.review import tokens
from flows.values.scopes import Scope
from mcp_bridge.catalogue.definitions import definitions

_VERSION = {"type": "string", "pattern": f"^({DRAFT}|[1-9][0-9]{{0,8}})$"}
_VERSION_OR_NONE = {"type": "string", "pattern": f"^(|{DRAFT}|[1-9][0-9]{{0,8}})$"}
BEFORE = OpenApiParameter(
    "before", _VERSION_OR_NONE, description="A version's number, or draft. Left out: what clients call now."
)
AFTER = OpenApiParameter("after", {**_VERSION, "default": DRAFT}, description="A version's number, or draft.")


class FindingSerializer(Serializer):
    """What a rule of the lint says."""

    rule = serializers.CharField(help_text="The rule's id, which never changes.")
    level = serializers.ChoiceField(["error", "warning", "hint"])
    path = serializers.CharField(allow_blank=True)
    message = serializers.CharField(help_text="What to change, and why.")


class PartSerializer(Serializer):
    """A part of a definition."""

    path = serializers.CharField()
    tokens = serializers.IntegerField()


class TokensSerializer(Serializer):
    """An estimate; `marginPercent` is how far off it may be for a definition in English."""

    total = serializers.IntegerField()
    marginPercent = serializers.IntegerField()
    parts = PartSerializer(many=True, help_text="Heaviest first.")


class ReviewSerializer(Serializer):
    """A contract, and what is said of it."""

    version = serializers.IntegerField(allow_null=True, help_text="Null for the draft.")
    modern = JsonObjectField(allow_null=True, help_text="As clients of 2026-07-28 get it; null if it cannot be sent.")
    legacy = JsonObjectField(allow_null=True, help_text="As clients of the handshake protocols get it.")
    unservable = serializers.CharField(allow_blank=True, help_text="Why it cannot be sent; empty when it can.")
    findings = FindingSerializer(many=True)
    tokens = TokensSerializer()


class ChangeSerializer(Serializer):
    """A change of a contract."""

    path = serializers.CharField()
    kind = serializers.CharField(help_text="renamed, removed, now-required, type, bound, default, words, ...")
    verdict = serializers.ChoiceField(["breaking", "compatible"])
    message = serializers.CharField(help_text="What changed, and why it matters.")


class InsideChangeSerializer(Serializer):
    """A change inside the flow, which the contract does not show."""

    kind = serializers.ChoiceField(["node", "connection", "note", "group", "setting"])
    verdict = serializers.ChoiceField(["added", "removed", "changed"])
    name = serializers.CharField(help_text="A node's slug, a connection's ends, a note's first words, a name.")
    message = serializers.CharField(allow_blank=True)


class ComparisonSerializer(Serializer):
    """What changes for clients from one contract to another."""

    before = serializers.CharField()
    after = serializers.CharField()
    verdict = serializers.ChoiceField(["same", "compatible", "breaking"])
    changes = ChangeSerializer(many=True)
    inside = InsideChangeSerializer(many=True, help_text="What changed inside the flow.")


class ServerCostSerializer(Serializer):
    """What a model reads of the whole server."""

    tools = serializers.IntegerField()
    tokens = serializers.IntegerField(help_text="An estimate.")


class ToolSerializer(Serializer):
    """The tool of a flow: as clients call it, and as it would be published."""

    live = ReviewSerializer(allow_null=True, help_text="Null for a flow that is not published.")
    draft = ReviewSerializer()
    faults = FaultSerializer(many=True)
    comparison = ComparisonSerializer(allow_null=True, help_text="Null when there is nothing to compare with.")
    server = ServerCostSerializer()


class FlowTool(ApiView, generics.GenericAPIView):
    """What a model sees of a flow."""

    scopes = {"GET": Scope.FLOWS_READ}
    queryset = Flow.objects.none()
    serializer_class = ToolSerializer
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    @extend_schema(parameters=[FLOW_ID, BEFORE, AFTER], operation_id="flows_tool", responses=ToolSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Definition, lint, tokens and changes in one document."""
        flow = self.get_object()
        live, costs = review_live(flow), server_costs(flow.server)
        before, after = request.query_params.get("before", ""), request.query_params.get("after", DRAFT)
        try:
            comparison = compare(flow, before, after)
        except UnknownVersion as error:
            raise ValidationError({"detail": str(error)}) from None
        return Response(
            {
                "live": _review(flow, live) if live else None,
                "draft": _review(flow, review_draft(flow)),
                "faults": faults_as_json(versions.publishing_faults(flow)),
                "comparison": ComparisonSerializer(comparison).data if comparison else None,
                "server": {"tools": len(costs), "tokens": sum(cost.tokens.total for cost in costs)},
            }
        )


def _review(flow: Flow, review: Review) -> dict[str, Any]:
    sent = definitions(flow, review.version)
    return {
        "version": review.version.number if review.version else None,
        "modern": sent.modern,
        "legacy": sent.legacy,
        "unservable": sent.why,
        "findings": FindingSerializer(review.findings, many=True).data,
        "tokens": {
            "total": review.tokens.total,
            "marginPercent": tokens.MARGIN,
            "parts": PartSerializer(review.tokens.parts, many=True).data,
        },
    }
