"""Flows and node types over REST."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.conditions import RevisedView, documented
from flows.api.filters import FlowFilter
from flows.api.pagination import Envelope
from flows.api.serializers import FlowItemSerializer, FlowSerializer, NodeTypeSerializer
from flows.models import Flow
from flows.pages import node_catalogue
from flows.publishing import versions

HEAVY = ("input_schema", "output_schema", "annotations", "when_to_use", "when_not_to_use")


class FlowList(ApiView, generics.ListCreateAPIView):
    """The flows that you may see, by name; POST stores the draft of a new one."""

    queryset = Flow.objects.none()
    filterset_class = FlowFilter
    pagination_class = Envelope

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows, without what a list does not show."""
        return Flow.objects.visible_to(self.request.user).for_list().defer(*HEAVY)

    def get_serializer_class(self) -> type[FlowItemSerializer]:
        """A list shows items; a new flow is written and answered whole."""
        return FlowSerializer if self.request.method == "POST" else FlowItemSerializer


@documented(FLOW_ID, FlowSerializer)
class FlowDetail(RevisedView, generics.RetrieveUpdateDestroyAPIView):
    """A flow's draft. Changing it never changes what clients call; `isActive` alone takes effect at once."""

    queryset = Flow.objects.none()
    serializer_class = FlowSerializer
    lookup_url_kwarg = "flowId"
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    def perform_destroy(self, instance: Flow) -> None:
        """Delete the flow; its executions stay."""
        versions.delete(instance, self.expected)


class NodeTypeList(ApiView):
    """Every node type of this installation, by group and title."""

    @extend_schema(responses=NodeTypeSerializer(many=True), operation_id="node_types_list")
    def get(self, request: Request) -> Response:
        """The node types with the JSON Schema of their parameters."""
        return Response(NodeTypeSerializer(node_catalogue.entries(), many=True).data)
