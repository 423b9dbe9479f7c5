"""Versions of a flow over REST: publish the draft, look at what was published, restore it, publish it again."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import generics, serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from flows.api.base import FLOW_ID, ApiView
from flows.api.conditions import ETAG, IF_MATCH, RevisedView, StaleSerializer
from flows.api.confirmation import CONFIRM, AffectedSerializer, ask_first
from flows.api.fields import Serializer, faults_by_field
from flows.api.pagination import Envelope
from flows.api.serializers import FlowSerializer, FlowVersionSerializer, VersionItemSerializer
from flows.engine.errors import DefinitionError
from flows.models import MAX_NOTE, Flow, FlowVersion, Revised
from flows.publishing import versions
from flows.publishing.review import reasons_to_ask
from flows.values.scopes import Scope

NUMBER = OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH, description="The version's number.")
FAULTS = OpenApiResponse(description="Faults, each with its path.")


class PublishAgainSerializer(Serializer):
    """How to publish."""

    note = serializers.CharField(
        max_length=MAX_NOTE, allow_blank=True, default="", help_text="What is new in it, for people."
    )
    activate = serializers.BooleanField(default=False, help_text="Switch the flow on with it, if it is off.")


class PublishSerializer(PublishAgainSerializer):
    """How to publish the draft."""

    revision = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="The revision of the draft to publish; another one by now is 412.",
    )


class RestoredSerializer(FlowSerializer):
    """The flow with its new draft."""

    replaced = serializers.SerializerMethodField()

    class Meta(FlowSerializer.Meta):
        fields = [*FlowSerializer.Meta.fields, "replaced"]

    @extend_schema_field(FlowSerializer)
    def get_replaced(self, flow: Flow) -> Any:
        """The flow with the draft that was there before, which nothing else keeps."""
        return FlowSerializer(self.context["replaced"], context=self.context).data


class OfFlow(RevisedView):
    """A view below a flow; 412 shows its draft."""

    queryset = Flow.objects.none()
    lookup_url_kwarg = "flowId"

    def get_queryset(self) -> QuerySet[Flow]:
        """The caller's flows."""
        return Flow.objects.visible_to(self.request.user)

    def shown(self, row: Revised) -> Mapping[str, Any]:
        """The draft."""
        return FlowSerializer(row, context=self.get_serializer_context()).data

    def version(self, flow: Flow) -> FlowVersion:
        """The version that the address names; raises Http404."""
        number = self.kwargs["number"]
        return get_object_or_404(flow.versions, number=int(number) if number.isdecimal() and len(number) < 10 else 0)

    def said(self) -> dict[str, Any]:
        """What the body says, which may be left out; raises ValidationError."""
        sent: Any = self.request.data
        asked = self.get_serializer(data={} if sent is None else sent)
        asked.is_valid(raise_exception=True)
        return dict(asked.validated_data)

    def published(self, flow: Flow, **said: Any) -> Response:
        """Publish what the flow has as its draft; 400 names every fault with its path."""
        ask_first(self.request, flow, reasons_to_ask(flow))
        try:
            version = versions.publish(flow, self.request.user, self.expected, **said)
        except DefinitionError as error:
            raise ValidationError(faults_by_field(error.faults)) from None
        return Response(FlowVersionSerializer(version).data, status=status.HTTP_201_CREATED)


class FlowPublish(OfFlow):
    """Make an immutable version of the draft; clients call it from now on."""

    scopes = {"POST": Scope.FLOWS_PUBLISH}
    serializer_class = PublishSerializer

    @extend_schema(
        parameters=[FLOW_ID, IF_MATCH, CONFIRM],
        operation_id="flows_publish",
        responses={201: FlowVersionSerializer, 400: FAULTS, 409: AffectedSerializer, 412: StaleSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Publish the draft, or one revision of it and no other."""
        flow = self.get_object()
        said = self.said()
        if (revision := said.pop("revision", None)) is not None:
            self.expected = frozenset([revision]) & (self.expected or {revision})
        return self.published(flow, **said)


@extend_schema_view(get=extend_schema(parameters=[FLOW_ID], operation_id="flow_versions_list"))
class VersionList(ApiView, generics.ListAPIView):
    """The published versions of a flow, newest first."""

    scopes = {"GET": Scope.FLOWS_READ}
    queryset = FlowVersion.objects.none()
    serializer_class = VersionItemSerializer
    pagination_class = Envelope
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[FlowVersion]:
        """The flow's versions, without what a list does not show."""
        flow = Flow.objects.visible_or_404(self.request.user, pk=self.kwargs["flowId"])
        rows = FlowVersion.objects.filter(flow=flow).select_related("flow", "created_by")
        return rows.defer("definition", "contract", "flow__definition")


class VersionRestore(OfFlow):
    """Make what a version holds the draft again."""

    scopes = {"POST": Scope.FLOWS_WRITE}
    serializer_class = RestoredSerializer

    @extend_schema(
        request=None,
        parameters=[FLOW_ID, NUMBER, IF_MATCH, ETAG],
        operation_id="flow_versions_restore",
        responses={200: RestoredSerializer, 400: FAULTS, 412: StaleSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Restore; the answer holds the draft that it replaced."""
        flow = self.get_object()
        try:
            restored = versions.restore(flow, self.version(flow), self.expected)
        except DefinitionError as error:
            raise ValidationError(faults_by_field(error.faults, FlowSerializer().fields)) from None
        context = {**self.get_serializer_context(), "replaced": flow}
        return Response(RestoredSerializer(restored, context=context).data)


class VersionPublish(OfFlow):
    """Publish what a version holds once more, as a new version; the draft stays as it is."""

    scopes = {"POST": Scope.FLOWS_PUBLISH}
    serializer_class = PublishAgainSerializer

    @extend_schema(
        parameters=[FLOW_ID, NUMBER, IF_MATCH, CONFIRM],
        operation_id="flow_versions_publish",
        responses={201: FlowVersionSerializer, 400: FAULTS, 409: AffectedSerializer, 412: StaleSerializer},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Publish it again; it is checked as a draft is."""
        flow = self.get_object()
        return self.published(versions.drafted(flow, self.version(flow)), **self.said())
