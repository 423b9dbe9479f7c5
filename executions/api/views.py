"""Executions over REST: read them, try a draft out, stop one."""

from typing import Any

from django.db.models import F, QuerySet
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions import services
from executions.api.pagination import ExecutionEnvelope
from executions.api.serializers import (
    DraftCallSerializer,
    ExecutionItemSerializer,
    ExecutionSerializer,
    NodeInputsSerializer,
)
from executions.filters import ExecutionFilter
from executions.history import History, Listing
from executions.inputs import inputs_of
from executions.models import Execution, ExecutionQuerySet
from flows.api.base import FLOW_ID, ApiView
from flows.api.fields import faults_as_json, faults_by_field
from flows.engine.errors import DefinitionError
from flows.models import Flow

EXECUTION_ID = OpenApiParameter("executionId", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Its id.")


class NotHere(APIException):
    """The execution cannot be stopped from this process."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The execution has ended, or it runs in another process; there is nothing here to stop."
    default_code = "not_running_here"


class RecordUnavailable(APIException):
    """The record cannot be written, so the call was not answered as done."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The execution cannot be recorded right now; try again in a moment."
    default_code = "record_unavailable"


class ExecutionList(ApiView, generics.ListAPIView):
    """Every execution that you may see, newest first, also of deleted flows.

    `status`, `startedAfter` and `startedBefore` reach as far back as the history does. Any other parameter looks at the
    newest 10,000 executions of the list or time range, `errorKind` and `node` at the newest 10,000 that failed; when
    there are older ones, the header `X-FlowHub-Searched` says `newest 10000`. Ids are always found.
    """

    queryset = Execution.objects.none()
    serializer_class = ExecutionItemSerializer
    filterset_class = ExecutionFilter
    pagination_class = ExecutionEnvelope

    def history(self) -> History:
        """The caller's executions."""
        return History.visible_to(self.request.user)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        """Take what is asked for, which the envelope reads; raises ValidationError."""
        history = self.history()
        chosen = ExecutionFilter(self.request.query_params, queryset=queryset, request=self.request)
        if not chosen.is_valid():
            raise ValidationError(chosen.errors)
        self.listing = Listing.of(history, chosen)
        return queryset


@extend_schema_view(get=extend_schema(parameters=[EXECUTION_ID]))
class ExecutionDetail(ApiView, generics.RetrieveAPIView):
    """One execution, whole."""

    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    filter_backends = []
    lookup_url_kwarg = "executionId"

    def get_queryset(self) -> ExecutionQuerySet:
        """The caller's executions, with the number of the version that ran."""
        visible = Execution.objects.visible_to(self.request.user)
        return visible.annotate(version=F("flow_version__number"))


class OfFlow(ApiView):
    """Views over one flow: a flow that the caller may not see is a 404."""

    @cached_property
    def flow(self) -> Flow:
        """The flow of the address; raises Http404."""
        visible = Flow.objects.visible_to(self.request.user).select_related("server")
        return generics.get_object_or_404(visible, pk=self.kwargs["flowId"])


@extend_schema_view(get=extend_schema(parameters=[FLOW_ID], operation_id="flow_executions_list"))
class FlowExecutionList(OfFlow, ExecutionList):
    """The history of one flow, newest first; its parameters are those of the list of all executions."""

    def history(self) -> History:
        """The flow's executions."""
        return History.of_flow(self.flow, self.request.user)


@extend_schema_view(get=extend_schema(parameters=[FLOW_ID, EXECUTION_ID], operation_id="flow_executions_retrieve"))
class FlowExecutionDetail(OfFlow, ExecutionDetail):
    """One execution of the flow, whole."""

    def get_queryset(self) -> ExecutionQuerySet:
        """The flow's executions."""
        return super().get_queryset().filter(flow=self.flow)


class NodeInputs(OfFlow):
    """What the expressions of a node of the draft may name, with values from the newest executions."""

    @extend_schema(
        parameters=[FLOW_ID, OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The node's slug.")],
        operation_id="flow_node_inputs",
        responses={200: NodeInputsSerializer, 400: OpenApiResponse(description="The draft's faults.")},
    )
    def get(self, request: Request, slug: str, **kwargs: Any) -> Response:
        """List them; 404 for a slug that no node has which the trigger reaches."""
        try:
            found = inputs_of(self.flow, slug, request.user)
        except DefinitionError as error:
            raise ValidationError(faults_by_field(error.faults)) from None
        if found is None:
            raise NotFound
        return Response(NodeInputsSerializer({"items": found}).data)


class FlowTest(OfFlow, generics.GenericAPIView):
    """Call the saved draft and wait for its end; clients keep calling the published version."""

    queryset = Execution.objects.none()
    serializer_class = DraftCallSerializer

    @extend_schema(
        parameters=[FLOW_ID],
        operation_id="flow_test",
        responses={201: ExecutionSerializer, 400: OpenApiResponse(description="Faults, each with its path.")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the ended execution, whether it went well or not."""
        flow = self.flow
        call = self.get_serializer(data=request.data)
        call.is_valid(raise_exception=True)
        execution = _tried(flow, call.validated_data["arguments"], request.user)
        shown = ExecutionSerializer(execution, context=self.get_serializer_context())
        return Response(shown.data, status=status.HTTP_201_CREATED)


def _tried(flow: Flow, arguments: Any, user: Any) -> Execution:
    """The execution of a draft; its refusals become answers of the API."""
    try:
        execution = services.try_draft(flow, arguments, user)
    except DefinitionError as error:
        raise ValidationError(faults_by_field(error.faults)) from None
    except services.ArgumentsError as error:
        raise ValidationError({"arguments": faults_as_json(error.faults)}) from None
    except services.LedgerUnavailable:
        raise RecordUnavailable from None
    return Execution.objects.annotate(version=F("flow_version__number")).get(pk=execution.pk)


class ExecutionCancel(ApiView, generics.GenericAPIView):
    """Stop a pending execution."""

    queryset = Execution.objects.none()
    serializer_class = ExecutionItemSerializer
    lookup_url_kwarg = "executionId"

    def get_queryset(self) -> ExecutionQuerySet:
        """The caller's executions."""
        return Execution.objects.visible_to(self.request.user).for_list()

    @extend_schema(
        request=None,
        parameters=[EXECUTION_ID],
        operation_id="executions_cancel",
        responses={202: ExecutionItemSerializer, 409: OpenApiResponse(description="It does not run here.")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Ask it to stop; it ends as `error` with the kind `cancelled` soon after."""
        execution = self.get_object()
        if not services.cancel(execution, request.user):
            raise NotHere
        return Response(self.get_serializer(execution).data, status=status.HTTP_202_ACCEPTED)
