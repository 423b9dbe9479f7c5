"""Answering over REST what an execution asks whoever called it."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.actions import ExecutionAction
from executions.api.refusals import Conflict, refusals_answered
from executions.api.serializers import ExecutionSerializer
from executions.api.views import EXECUTION_ID, whole
from executions.ledger import suspensions
from executions.questions import answers_of_people
from executions.questions.answers_of_people import ACTIONS, AnswerFaults, NotYours, PersonReply
from flows.api.fields import Serializer, faults_as_json
from flows.api.serializers import JsonObjectField
from flows.values.scopes import Scope


class ReplyField(Serializer):
    """What is done with one question."""

    action = serializers.ChoiceField(choices=ACTIONS)
    content = JsonObjectField(required=False, help_text="With `accept`: what fits the question's `schema`.")


class AnswersSerializer(Serializer):
    """Answers by the slugs of the nodes that ask; who gets none goes on asking."""

    answers = serializers.DictField(child=ReplyField(), allow_empty=False)


class ExecutionAnswer(ExecutionAction):
    """Answer an execution that waits: for whom it waits, see `isYours` of its `waitingFor`."""

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    serializer_class = AnswersSerializer

    @extend_schema(
        parameters=[EXECUTION_ID],
        operation_id="executions_answer",
        responses={
            200: ExecutionSerializer,
            400: OpenApiResponse(description="Faults by the slug of the question, each with its path in the content."),
            403: OpenApiResponse(description="It waits for somebody else."),
            409: OpenApiResponse(description="It does not wait (any more); `detail` says why."),
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the execution; one that takes longer than a second more is still pending, or asks again."""
        execution = self.get_object()
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        replies = {
            slug: PersonReply(reply["action"], reply.get("content", {}))
            for slug, reply in asked.validated_data["answers"].items()
        }
        try:
            with refusals_answered():
                answers_of_people.answer(execution, replies, request.user)
        except AnswerFaults as error:
            raise ValidationError(
                {"answers": {slug: faults_as_json(each) for slug, each in error.faults.items()}}
            ) from None
        except NotYours as error:
            raise PermissionDenied(str(error)) from None
        except suspensions.AnswerRefused as error:
            raise Conflict(str(error)) from None
        return Response(whole(execution, request))
