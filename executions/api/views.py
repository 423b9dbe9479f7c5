"""Executions over REST: read them, write a note, delete one, try a draft out."""

from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions.acting import actions, trials
from executions.api.pagination import ExecutionEnvelope
from executions.api.refusals import TOO_MANY, let_in, refusals_answered
from executions.api.serializers import (
    DraftCallSerializer,
    ExecutionItemSerializer,
    ExecutionSerializer,
    NodeInputsSerializer,
    NoteSerializer,
)
from executions.models import Execution, ExecutionQuerySet
from executions.reading.filters import ExecutionFilter
from executions.reading.history import History, Listing
from executions.reading.node_inputs import inputs_of
from executions.running.calls import Caller
from flows.api.base import FLOW_ID, ApiView
from flows.api.scopes import require
from flows.models import Flow
from flows.values.scopes import Scope

EXECUTION_ID = OpenApiParameter("executionId", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Its id.")


class ExecutionList(ApiView, generics.ListAPIView):
    """Every execution that you may see, newest first, also of deleted flows.

    `status`, `startedAfter` and `startedBefore` reach as far back as the history does. Any other parameter looks at the
    newest 10,000 executions of the list or time range, `errorKind` and `node` at the newest 10,000 that failed; when
    there are older ones, the header `X-FlowHub-Searched` says `newest 10000`. Ids are always found.
    """

    scopes = {"GET": Scope.EXECUTIONS_READ}
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


class ExecutionRetrieve(ApiView, generics.RetrieveAPIView):
    """One execution, whole."""

    scopes = {"GET": Scope.EXECUTIONS_READ}
    queryset = Execution.objects.none()
    serializer_class = ExecutionSerializer
    filter_backends = []
    lookup_url_kwarg = "executionId"

    def get_queryset(self) -> ExecutionQuerySet:
        """The caller's executions, with the number of the version that ran."""
        return Execution.objects.visible_to(self.request.user).with_version_number()


@extend_schema_view(get=extend_schema(parameters=[EXECUTION_ID]))
class ExecutionDetail(ExecutionRetrieve):
    """One execution, whole: read it, write a note on it, delete it."""

    scopes = {"GET": Scope.EXECUTIONS_READ, "PATCH": Scope.EXECUTIONS_WRITE, "DELETE": Scope.EXECUTIONS_WRITE}

    @extend_schema(parameters=[EXECUTION_ID], request=NoteSerializer, responses={200: ExecutionSerializer})
    def patch(self, request: Request, **kwargs: Any) -> Response:
        """Replace the note; nothing else of a record can be changed."""
        execution = self.get_object()
        asked = NoteSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        if "note" in asked.validated_data:
            actions.note(execution, asked.validated_data["note"])
        return Response(whole(execution, request))

    @extend_schema(
        parameters=[EXECUTION_ID],
        responses={204: None, 409: OpenApiResponse(description="It is pinned or still pending; `detail` says so.")},
    )
    def delete(self, request: Request, **kwargs: Any) -> Response:
        """Delete the record for good, and the answer that is kept for its client; not while it is pinned or pending."""
        with refusals_answered():
            actions.delete(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class OfFlow(ApiView):
    """Views over one flow: a flow that the caller may not see is a 404."""

    @cached_property
    def flow(self) -> Flow:
        """The flow of the address; raises Http404."""
        return Flow.objects.visible_or_404(self.request.user, pk=self.kwargs["flowId"])


@extend_schema_view(get=extend_schema(parameters=[FLOW_ID], operation_id="flow_executions_list"))
class FlowExecutionList(OfFlow, ExecutionList):
    """The history of one flow, newest first; its parameters are those of the list of all executions."""

    def history(self) -> History:
        """The flow's executions."""
        return History.of_flow(self.flow, self.request.user)


@extend_schema_view(get=extend_schema(parameters=[FLOW_ID, EXECUTION_ID], operation_id="flow_executions_retrieve"))
class FlowExecutionDetail(OfFlow, ExecutionRetrieve):
    """One execution of the flow, whole."""

    def get_queryset(self) -> ExecutionQuerySet:
        """Those of the flow in the address: one of another flow is a 404 here, also for who may see it."""
        return super().get_queryset().filter(flow=self.flow)


class NodeInputs(OfFlow):
    """What the expressions of a node of the draft may name, with values from the newest executions."""

    scopes = {"GET": Scope.EXECUTIONS_READ}

    @extend_schema(
        parameters=[FLOW_ID, OpenApiParameter("slug", str, OpenApiParameter.PATH, description="The node's slug.")],
        operation_id="flow_node_inputs",
        responses={200: NodeInputsSerializer, 400: OpenApiResponse(description="The draft's faults.")},
    )
    def get(self, request: Request, slug: str, **kwargs: Any) -> Response:
        """List them; 404 for a slug that no node has which the trigger reaches."""
        flow = self.flow
        # They are named by the draft, and secrets are among them.
        require(request, Scope.FLOWS_READ, flow.server)
        with refusals_answered():
            found = inputs_of(flow, slug, request.user)
        if found is None:
            raise NotFound
        return Response(NodeInputsSerializer({"items": found}).data)


class FlowTest(OfFlow, generics.GenericAPIView):
    """Call the saved draft and wait until it ends or asks; clients keep calling the published version."""

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    queryset = Execution.objects.none()
    serializer_class = DraftCallSerializer

    @extend_schema(
        parameters=[FLOW_ID],
        operation_id="flow_test",
        responses={
            201: ExecutionSerializer,
            400: OpenApiResponse(description="Faults, each with its path."),
            429: TOO_MANY,
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the ended execution, whether it went well or not; with a pending one when it asks you.

        A pending one comes back too when you do not wait for its end.
        """
        flow = self.flow
        call = self.get_serializer(data=request.data)
        call.is_valid(raise_exception=True)
        with refusals_answered(), let_in(request, flow):
            caller = Caller.of_user(request.user, Execution.Source.API.value)
            asked = call.validated_data
            execution = trials.try_draft(
                flow, asked["arguments"], caller, asked["untilNode"], asked["outputs"], waits=asked["waits"]
            )
        return Response(whole(execution, request), status=status.HTTP_201_CREATED)


def whole(execution: Execution, request: Request) -> Any:
    """An execution as its own address shows it, read anew."""
    found = Execution.objects.with_version_number().get(pk=execution.pk)
    return ExecutionSerializer(found, context={"request": request}).data
