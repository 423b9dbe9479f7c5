"""The numbers over a flow's executions on the wire, as its Insights tab shows them."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.serializers import ExecutionItemSerializer
from executions.api.views import OfFlow
from executions.models import Execution
from executions.reading.history import History
from executions.reading.insights import Insights, insights_of
from executions.reading.periods import Period
from executions.reading.refused_calls import Refused, refused_of_flow
from flows.api.base import FLOW_ID
from flows.api.fields import Serializer
from flows.values.scopes import Scope

PERIOD = OpenApiParameter(
    "period", OpenApiTypes.STR, enum=[period.value for period in Period], default=Period.DAY.value,
    description="How far back: 24 hours by the hour, 7 or 30 days by the day.",
)  # fmt: skip


class TallySerializer(Serializer):
    """Calls by status; exact."""

    total = serializers.IntegerField()
    fulfilled = serializers.IntegerField()
    error = serializers.IntegerField()
    pending = serializers.IntegerField()
    successRate = serializers.FloatField(
        source="success_rate", allow_null=True, help_text="Fulfilled among the ended, 0 to 1; null when none has ended."
    )


class FiguresSerializer(Serializer):
    """What a period's calls of clients add up to."""

    calls = TallySerializer(source="tally")
    tests = TallySerializer(source="trials", help_text="Tests and replays, which are in none of the other numbers.")
    p50 = serializers.FloatField(source="p50_ms", allow_null=True, help_text="Milliseconds.")
    p95 = serializers.FloatField(source="p95_ms", allow_null=True, help_text="Milliseconds.")
    sampled = serializers.IntegerField(help_text="How many of the newest ended calls p50 and p95 are from.")


class BucketSerializer(Serializer):
    """One hour or day."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    calls = TallySerializer()


class BinSerializer(Serializer):
    """Calls that took `from` milliseconds or more, and less than `to`; the last bin has no end."""

    to = serializers.FloatField(source="high", allow_null=True)
    calls = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field]:
        """`from` is a word of Python, so it cannot be declared as the others are."""
        return {"from": serializers.FloatField(source="low")} | super().get_fields()


class KindSerializer(Serializer):
    """Errors of one kind."""

    kind = serializers.CharField()
    count = serializers.IntegerField()


class NodeSerializer(Serializer):
    """Errors of one node."""

    nodeName = serializers.CharField(allow_null=True, help_text="Null for errors of no node, as a refused call.")
    count = serializers.IntegerField()


class CallerSerializer(Serializer):
    """Calls of one client."""

    caller = serializers.CharField(source="name", allow_blank=True)
    calls = TallySerializer(source="tally")
    p95 = serializers.FloatField(source="p95_ms", allow_null=True, help_text="Milliseconds.")


class RefusedSerializer(Serializer):
    """Calls that a limit refused: they left no execution, and are in none of the other numbers."""

    strangers = serializers.IntegerField(help_text="Without an API key.")
    others = serializers.IntegerField()


class InsightsSerializer(Serializer):
    """The numbers over a flow's executions. Calls are exact; the rest is from the newest, as many as it says."""

    period = serializers.ChoiceField(choices=[(period.value, period.words) for period in Period])
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    now = FiguresSerializer()
    refused = RefusedSerializer(help_text="From a week back at most.")
    before = FiguresSerializer(help_text="As many hours, one period earlier.")
    buckets = BucketSerializer(many=True)
    sampledCalls = serializers.IntegerField(help_text="From how many of the newest calls the next three are.")
    durations = BinSerializer(many=True)
    callers = CallerSerializer(many=True)
    slowest = ExecutionItemSerializer(many=True)
    sampledErrors = serializers.IntegerField(help_text="From how many of the newest errors the next two are.")
    errorsByKind = KindSerializer(many=True)
    errorsByNode = NodeSerializer(many=True)


def _on_the_wire(insights: Insights, refused: Refused) -> dict[str, Any]:
    """The insights under the names of the serializer."""
    overview = insights.overview
    places = zip(overview.span.buckets, overview.buckets, strict=True)
    return {
        "period": overview.period,
        "start": overview.span.start,
        "end": overview.span.stop,
        "now": overview.now,
        "refused": refused,
        "before": overview.before,
        "buckets": [{"start": bucket.start, "end": bucket.end, "calls": tally} for bucket, tally in places],
        "sampledCalls": insights.sampled,
        "durations": insights.distribution,
        "callers": insights.callers,
        "slowest": insights.slowest,
        "sampledErrors": insights.errors_sampled,
        "errorsByKind": [{"kind": kind, "count": number} for kind, number in insights.kinds],
        "errorsByNode": [{"nodeName": name or None, "count": number} for name, number in insights.nodes],
    }


class FlowInsights(OfFlow, generics.GenericAPIView):
    """How often a flow was called, how long calls took, what failed where, and who called."""

    scopes = {"GET": Scope.EXECUTIONS_READ}
    queryset = Execution.objects.none()
    serializer_class = InsightsSerializer
    filter_backends = []
    pagination_class = None

    @extend_schema(parameters=[FLOW_ID, PERIOD], operation_id="flow_insights")
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the numbers of the period, and of the period before to compare."""
        asked = request.query_params.get("period", Period.DAY.value)
        if asked not in set(Period):
            choices = ", ".join(Period)
            raise ValidationError({"period": [f"{asked} is not one of the choices: {choices}."]})
        insights = insights_of(History.of_flow(self.flow, request.user), Period(asked))
        refused = refused_of_flow(self.flow.pk, insights.overview.span.start)
        return Response(self.get_serializer(_on_the_wire(insights, refused)).data)
