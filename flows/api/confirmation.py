"""Changes that others feel at once: without `?confirm=true` they are 409, with the names of whom they concern."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request

from flows.api.fields import Serializer
from flows.models import Flow
from flows.publishing.callers import callers_of

CONFIRM = OpenApiParameter(
    "confirm",
    OpenApiTypes.BOOL,
    description="true: do it although flows, prompts or resources that clients meet depend on it. Else 409 names them.",
)


class FlowCallerSerializer(Serializer):
    """A flow that calls this one, or a prompt or resource that it answers."""

    kind = serializers.ChoiceField(["flow", "prompt", "resource"])
    id = serializers.IntegerField(source="row.pk")
    key = serializers.CharField(help_text="The tool name, the prompt's name, the resource's URI.")
    name = serializers.CharField(source="row.name")
    isLive = serializers.BooleanField(source="is_live", help_text="Whether clients meet it now.")
    inDraft = serializers.BooleanField(source="in_draft")
    version = serializers.IntegerField(allow_null=True, help_text="The number of the published version that calls it.")


class FlowCallersSerializer(Serializer):
    """Who depends on a flow."""

    items = FlowCallerSerializer(source="seen", many=True)
    total = serializers.IntegerField(help_text="With those that you may not see.")
    hidden = serializers.IntegerField(help_text="How many of them you may not see.")


class AffectedSerializer(Serializer):
    """Why a change waits for a confirmation."""

    detail = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    callers = FlowCallersSerializer()


class CallersAffected(APIException):
    """The change breaks what clients meet, and was not confirmed."""

    status_code = status.HTTP_409_CONFLICT


def is_confirmed(request: Request) -> bool:
    """Whether the query says `confirm=true`; raises ValidationError for a word that is neither true nor false."""
    said = request.query_params.get("confirm", "false")
    if said not in ("true", "false"):
        raise ValidationError({"confirm": ["Write true or false."]})
    return said == "true"


def ask_first(request: Request, flow: Flow, reasons: Sequence[str]) -> None:
    """Raise CallersAffected when there are reasons to ask, somebody to ask for, and no confirmation."""
    confirmed = is_confirmed(request)
    if not reasons or confirmed:
        return
    live = callers_of(flow, request.user).live
    if live.total:
        error: Any = CallersAffected()
        error.detail = {
            "detail": "Nothing was done: this breaks what clients meet now. Send it again with ?confirm=true to do it.",
            "reasons": list(reasons),
            "callers": FlowCallersSerializer(live).data,
        }
        raise error
