"""The saved cases of a flow over REST: keep them, call them, see which passed."""

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from executions.acting.actions import ActionRefused
from executions.admission.allowances import OverLimit
from executions.api.refusals import TOO_MANY, OverItsLimit
from executions.api.views import OfFlow
from executions.cases import calls
from executions.running.targets import draft_target
from flows.api.base import FLOW_ID
from flows.api.fields import JsonField, ModelSerializer, Serializer, faults_by_field
from flows.api.pagination import Envelope
from flows.api.serializers import JsonObjectField
from flows.cases.drafts import print_of
from flows.cases.expectations import COMPARISONS, OUTCOMES, Expectation
from flows.engine.errors import DefinitionError
from flows.models import Flow, SavedCase
from flows.values.scopes import Scope

CASE_ID = OpenApiParameter("caseId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The case's id.")


class OutputSerializer(Serializer):
    """How the answer is compared with a value."""

    compare = serializers.ChoiceField(
        choices=COMPARISONS,
        help_text="equals: the same JSON; contains: every key and item of the value is in the answer; "
        "textContains: the value is part of the answer's text.",
    )
    value = JsonField(allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A text is compared with a text."""
        # PATCH asks no nested field to be there, although it replaces the expectation as a whole.
        if missing := {"compare", "value"} - attrs.keys():
            raise serializers.ValidationError({name: ["This field is required."] for name in sorted(missing)})
        if attrs["compare"] == "textContains" and not isinstance(attrs["value"], str):
            raise serializers.ValidationError({"value": ["Write a text."]})
        return attrs


class ExpectationSerializer(Serializer):
    """What is expected of the call. `output` counts for a success, `errorContains` for a failure."""

    outcome = serializers.ChoiceField(choices=OUTCOMES, default="succeeds")
    output = OutputSerializer(required=False)
    errorContains = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nothing is expected that the outcome rules out."""
        outcome = attrs.get("outcome", "succeeds")
        if "output" in attrs and outcome != "succeeds":
            raise serializers.ValidationError({"output": ['Only with the outcome "succeeds".']})
        if attrs.get("errorContains") and outcome != "fails":
            raise serializers.ValidationError({"errorContains": ['Only with the outcome "fails".']})
        return attrs


class LastCallSerializer(Serializer):
    """How a case went the last time. `passed` is null while the call runs."""

    passed = serializers.BooleanField(source="last_passed", allow_null=True)
    reason = serializers.CharField(source="last_reason")
    differences = serializers.ListField(source="last_differences", child=JsonObjectField())
    executionId = serializers.UUIDField(source="last_execution_id", allow_null=True)
    calledAt = serializers.DateTimeField(source="last_at", allow_null=True)
    isCurrent = serializers.SerializerMethodField(help_text="Whether it was on the draft as it is saved now.")

    def get_isCurrent(self, case: SavedCase) -> bool:
        """Whether the draft has not changed since."""
        return bool(case.last_target == self.context["draft_print"])


class CaseSerializer(ModelSerializer):
    """A saved case. Write-only arguments and credentials are not stored: `omitted` has their paths."""

    arguments = JsonObjectField(default=dict)
    omitted = serializers.ListField(child=serializers.CharField(), read_only=True)
    expectation = ExpectationSerializer(default=dict)
    lastCall = LastCallSerializer(source="*", read_only=True)

    class Meta:
        model = SavedCase
        fields = ["id", "name", "arguments", "omitted", "expectation", "lastCall"]

    def create(self, validated_data: dict[str, Any]) -> SavedCase:
        """Store a new case of the flow in the address; raises ValidationError, also when it has cases enough."""
        return self._saved(SavedCase(flow=self.context["flow"]), validated_data)

    def update(self, instance: SavedCase, validated_data: dict[str, Any]) -> SavedCase:
        """Change what is named; how the case went before counts no more."""
        return self._saved(instance, validated_data)

    def _saved(self, case: SavedCase, values: dict[str, Any]) -> SavedCase:
        expectation = Expectation.of(values.get("expectation", case.expectation))
        arguments, name = values.get("arguments", case.arguments), values.get("name", case.name)
        try:
            calls.save(case, draft_target(self.context["flow"]), name, arguments, expectation)
        except DefinitionError as error:
            raise ValidationError(faults_by_field(error.faults)) from None
        except ModelError as error:
            raise ValidationError({"name": error.messages}) from None
        except ActionRefused as error:
            raise ValidationError({"detail": str(error)}) from None
        return case


class OfCases(OfFlow, generics.GenericAPIView):
    """Views over the cases of one flow: whoever may see the flow may change them."""

    queryset = SavedCase.objects.none()
    serializer_class: type[serializers.BaseSerializer] = CaseSerializer
    filter_backends = []

    def get_queryset(self) -> QuerySet[SavedCase]:
        """The flow's cases, judged if their execution has ended meanwhile."""
        found = SavedCase.objects.visible_to(self.request.user).filter(flow=self.flow)
        calls.settle([case for case in found if case.last_passed is None])
        return found.all()

    def get_serializer_context(self) -> dict[str, Any]:
        """The flow of a new case; there is none while the document of the API is made."""
        context = dict(super().get_serializer_context())
        if not getattr(self, "swagger_fake_view", False):
            context |= {"flow": self.flow, "draft_print": print_of(self.flow)}
        return context


@extend_schema_view(
    get=extend_schema(parameters=[FLOW_ID], operation_id="cases_list"),
    post=extend_schema(parameters=[FLOW_ID], operation_id="cases_create"),
)
class CaseList(OfCases, generics.ListCreateAPIView):
    """The saved cases of a flow, by name, at most 100; POST keeps a new one."""

    scopes = {"GET": Scope.EXECUTIONS_READ, "POST": Scope.EXECUTIONS_WRITE}
    pagination_class = Envelope


@extend_schema_view(
    get=extend_schema(parameters=[FLOW_ID, CASE_ID], operation_id="cases_retrieve"),
    patch=extend_schema(parameters=[FLOW_ID, CASE_ID], operation_id="cases_update"),
    delete=extend_schema(parameters=[FLOW_ID, CASE_ID], operation_id="cases_delete"),
)
class CaseDetail(OfCases, generics.RetrieveUpdateDestroyAPIView):
    """One saved case; the executions that it made stay when it is deleted."""

    scopes = {"GET": Scope.EXECUTIONS_READ, "PATCH": Scope.EXECUTIONS_WRITE, "DELETE": Scope.EXECUTIONS_WRITE}
    lookup_url_kwarg = "caseId"
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_destroy(self, instance: SavedCase) -> None:
        """Delete it, and say so in the audit log."""
        calls.delete(instance)


class CasesCallSerializer(Serializer):
    """What the cases call."""

    version = serializers.ChoiceField(choices=("draft", "published"), default="draft")


class CaseVerdictSerializer(Serializer):
    """How one case went."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    passed = serializers.BooleanField(source="last_passed")
    reason = serializers.CharField(source="last_reason", help_text="Empty when it passed.")
    differences = serializers.ListField(source="last_differences", child=JsonObjectField())
    executionId = serializers.UUIDField(
        source="last_execution_id", allow_null=True, help_text="Null when nothing was called."
    )


class CasesCalledSerializer(Serializer):
    """How the cases went together."""

    passed = serializers.IntegerField()
    total = serializers.IntegerField()
    items = CaseVerdictSerializer(many=True)


class CasesCall(OfCases):
    """Call every case of a flow, four at a time, and wait for the end of the last.

    Each is a call within the limits of the key or person: the `reason` of one beyond them says when to come back. It is
    429 when none was let in.
    """

    scopes = {"POST": Scope.EXECUTIONS_WRITE}
    serializer_class = CasesCallSerializer

    @extend_schema(
        parameters=[FLOW_ID],
        operation_id="cases_run",
        responses={
            200: CasesCalledSerializer,
            400: OpenApiResponse(description="The draft has faults."),
            429: TOO_MANY,
        },
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the verdict over each case, and how many passed, after the end of the last."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rows = list(self.get_queryset())
        _call_all(rows, self.flow, request, is_published=asked.validated_data["version"] == "published")
        passed = sum(bool(case.last_passed) for case in rows)
        answer = CasesCalledSerializer({"passed": passed, "total": len(rows), "items": rows})
        return Response(answer.data)


def _call_all(rows: list[SavedCase], flow: Flow, request: Request, *, is_published: bool) -> None:
    """Call the cases; what keeps the flow from being called becomes an answer of the API."""
    allowance = getattr(request.auth, "allowance", None)
    try:
        calls.call_all(rows, flow, request.user, allowance, is_published=is_published)
    except OverLimit as over:
        raise OverItsLimit(over) from None
    except DefinitionError as error:
        raise ValidationError(faults_by_field(error.faults)) from None
    except ValueError as error:
        raise ValidationError({"version": [str(error)]}) from None
