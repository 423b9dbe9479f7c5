"""Acting on an execution over REST: stop it, run it again, pin it. A note and deletion belong to its own address."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from executions.acting import actions, from_node, replays
from executions.api.refusals import TOO_MANY, Conflict, let_in, refusals_answered
from executions.api.serializers import ExecutionItemSerializer, ExecutionSerializer, PinSerializer, ReplaySerializer
from executions.api.views import EXECUTION_ID, whole
from executions.models import Execution, ExecutionQuerySet
from executions.running import cancelling
from flows.api.base import ApiView
from flows.values.scopes import Scope

GONE = OpenApiResponse(description="The execution is not in a state for this; `detail` says why.")


class ExecutionAction(ApiView, generics.GenericAPIView):
    """Views over one execution: one that the caller may not see is a 404."""

    queryset = Execution.objects.none()
    lookup_url_kwarg = "executionId"

    def get_queryset(self) -> ExecutionQuerySet:
        """What the caller may see: also executions of deleted flows, and those of keys that are revoked."""
        return Execution.objects.visible_to(self.request.user)


class ExecutionCancel(ExecutionAction):
    """Stop a pending execution."""

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    serializer_class = ExecutionItemSerializer

    @extend_schema(
        request=None,
        parameters=[EXECUTION_ID],
        operation_id="executions_cancel",
        responses={202: ExecutionItemSerializer, 409: OpenApiResponse(description="It has ended.")},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Ask it to stop, whatever process runs it; it ends as `error` with the kind `cancelled` soon after."""
        execution = self.get_object()
        if not cancelling.cancel(execution):
            raise Conflict("The execution has ended; there is nothing to stop.")
        return Response(self.get_serializer(execution).data, status=status.HTTP_202_ACCEPTED)


class ExecutionReplay(ExecutionAction):
    """Run an execution again, as a new one that is linked to it (`replayOf`)."""

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    serializer_class = ReplaySerializer

    @extend_schema(
        parameters=[EXECUTION_ID],
        operation_id="executions_replay",
        responses={
            201: ExecutionSerializer,
            400: OpenApiResponse(description="Faults, each with its path."),
            409: GONE,
            429: TOO_MANY,
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the new execution; one that takes longer than a second is still pending."""
        execution = self.get_object()
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        arguments, node_id = asked.validated_data.get("arguments"), asked.validated_data.get("fromNode")
        with refusals_answered(), let_in(request, replays.flow_of(execution, request.user)):
            if node_id is not None:
                replay = from_node.replay_from(execution, node_id, request.user)
            else:
                replay = replays.replay(execution, request.user, arguments)
        return Response(whole(replay, request), status=status.HTTP_201_CREATED)


class ExecutionPin(ExecutionAction):
    """Keep an execution whatever is pruned, or stop keeping it."""

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    serializer_class = PinSerializer

    @extend_schema(parameters=[EXECUTION_ID], operation_id="executions_pin", responses={200: ExecutionSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the execution; a pending one can be pinned too, and whoever may see it may unpin it."""
        execution = self.get_object()
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        actions.pin(execution, asked.validated_data["is_pinned"])
        return Response(whole(execution, request))
