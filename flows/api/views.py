"""Flows and node types over REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.conditions import RevisedView, documented
from flows.api.confirmation import CONFIRM, AffectedSerializer, FlowCallersSerializer, ask_first
from flows.api.filters import FlowFilter
from flows.api.pagination import Envelope
from flows.api.scopes import require
from flows.api.serializers import FlowItemSerializer, FlowSerializer, NodeTypeSerializer
from flows.models import Flow
from flows.pages import node_catalogue
from flows.publishing import versions
from flows.publishing.callers import callers_of
from flows.values.scopes import Scope

HEAVY = ("input_schema", "output_schema", "annotations", "when_to_use", "when_not_to_use")


class FlowList(ApiView, generics.ListCreateAPIView):
    """The flows that you may see, by name; POST stores the draft of a new one."""

    scopes = {"GET": Scope.FLOWS_READ, "POST": Scope.FLOWS_WRITE}
    queryset = Flow.objects.none()
    filterset_class = FlowFilter
    pagination_class = Envelope

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows, without what a list does not show."""
        return Flow.objects.visible_to(self.request.user).for_list().defer(*HEAVY)

    def get_serializer_class(self) -> type[FlowItemSerializer]:
        """A list shows items; a new flow is written and answered whole."""
        return FlowSerializer if self.request.method == "POST" else FlowItemSerializer


@documented(FLOW_ID, FlowSerializer, [CONFIRM], {409: AffectedSerializer})
class FlowDetail(RevisedView, generics.RetrieveUpdateDestroyAPIView):
    """A flow's draft. Changing it never changes what clients call; `isActive` alone takes effect at once."""

    scopes = {"GET": Scope.FLOWS_READ, "PATCH": Scope.FLOWS_WRITE, "DELETE": Scope.FLOWS_PUBLISH}
    queryset = Flow.objects.none()
    serializer_class = FlowSerializer
    lookup_url_kwarg = "flowId"
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    def perform_update(self, serializer: Any) -> None:
        """Store the change; switching off what others call is asked first."""
        flow = serializer.instance
        if serializer.validated_data.get("is_active", flow.is_active) != flow.is_active:
            require(self.request, Scope.FLOWS_PUBLISH, flow.server)
        is_switched_off = flow.is_active and serializer.validated_data.get("is_active") is False
        ask_first(self.request, flow, ["it is switched off"] if is_switched_off else [])
        super().perform_update(serializer)

    def perform_destroy(self, instance: Flow) -> None:
        """Delete the flow; its executions stay. What others call is asked first."""
        ask_first(self.request, instance, ["it is deleted"])
        versions.delete(instance, self.expected)


class FlowCallers(ApiView, generics.GenericAPIView):
    """Who calls a flow: flows by their draft or published version, and the prompts and resources that it answers."""

    scopes = {"GET": Scope.FLOWS_READ}
    queryset = Flow.objects.none()
    serializer_class = FlowCallersSerializer
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    @extend_schema(parameters=[FLOW_ID], operation_id="flows_callers", responses=FlowCallersSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Those that you may see, and how many others there are."""
        return Response(self.get_serializer(callers_of(self.get_object(), request.user)).data)


class NodeTypeList(ApiView):
    """Every node type of this installation, by group and title."""

    scopes = {"GET": Scope.FLOWS_READ}

    @extend_schema(responses=NodeTypeSerializer(many=True), operation_id="node_types_list")
    def get(self, request: Request) -> Response:
        """The node types with the JSON Schema of their parameters."""
        return Response([entry.as_json() for entry in node_catalogue.entries()])
