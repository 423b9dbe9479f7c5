"""Prompts and resources over REST, with the faults of a refused one at their fields."""

from collections.abc import Collection
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import generics, serializers

from flows.api.base import ApiView
from flows.api.conditions import RevisedView, documented
from flows.api.fields import JsonField, ModelSerializer, VisibleServerField, faults_by_field
from flows.api.filters import is_active
from flows.api.pagination import Envelope
from flows.engine.errors import DefinitionError
from flows.models import Flow, Offer, OfferQuerySet, Prompt, Resource
from flows.offers.changes import delete_offer, save_offer
from flows.offers.prompts import ARGUMENTS_SCHEMA, MESSAGES_SCHEMA
from flows.offers.resources import COMPLETIONS_SCHEMA
from flows.values.content_blocks import BLOCK_SCHEMA
from flows.values.scopes import Scope

PROMPT_ID = OpenApiParameter("promptId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The prompt's id.")
RESOURCE_ID = OpenApiParameter("resourceId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The resource's id.")


@extend_schema_field(dict(ARGUMENTS_SCHEMA))
class ArgumentsField(JsonField):
    """The arguments of a prompt."""


def _messages_in_openapi() -> dict[str, Any]:
    """The schema of messages without what OpenAPI 3.0 does not know: which keys go with which kind of block."""
    content = {name: part for name, part in BLOCK_SCHEMA.items() if name != "allOf"}
    message = MESSAGES_SCHEMA["items"]
    return {**MESSAGES_SCHEMA, "items": message | {"properties": message["properties"] | {"content": content}}}


@extend_schema_field(_messages_in_openapi())
class MessagesField(JsonField):
    """The messages of a prompt."""


@extend_schema_field(dict(COMPLETIONS_SCHEMA))
class CompletionsField(JsonField):
    """What to propose for each variable."""


@extend_schema_field(dict(BLOCK_SCHEMA["properties"]["annotations"]))
class AnnotationsField(JsonField):
    """Hints for clients."""


class FlowNameField(serializers.CharField):
    """A flow of the same server by its tool name."""

    def to_representation(self, value: Any) -> str:
        """The tool name."""
        return str(value.tool_name)


@extend_schema_field({"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}$"})
class PromptNameField(serializers.CharField):
    """What clients ask for a prompt by."""


class OfferSerializer(ModelSerializer):
    """What prompts and resources have in common."""

    server = VisibleServerField(help_text="The server's slug.")
    title = serializers.CharField(max_length=200, allow_blank=True, default="")
    flow = FlowNameField(allow_null=True, default=None, help_text="The tool name of the flow that answers.")
    isActive = serializers.BooleanField(source="is_active", default=True, help_text="Whether clients see it.")
    revision = serializers.IntegerField(read_only=True, help_text="Its ETag is the same.")
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    def validate_server(self, value: Any) -> Any:
        """It stays where its clients found it."""
        if self.instance is not None and value != self.instance.server:
            raise serializers.ValidationError("It stays in its server; make another one there.")
        return value

    def create(self, validated_data: dict[str, Any]) -> Any:
        """Check and store a new one."""
        model: Any = self.Meta.model
        return self._stored(model(), validated_data, None)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        """Change the named fields."""
        expected = validated_data.pop("expected", None)
        return self._stored(instance, validated_data, expected)

    def _stored(self, row: Any, values: dict[str, Any], expected: Collection[int] | None) -> Any:
        for name, value in values.items():
            if name != "flow":
                setattr(row, name, value)
        if "flow" in values:
            row.flow = self._flow(row, values["flow"])
        try:
            save_offer(row, values, expected)
        except DefinitionError as error:
            raise serializers.ValidationError(faults_by_field(error.faults, self.fields, "server")) from None
        return row

    def _flow(self, row: Any, tool_name: str | None) -> Flow | None:
        if tool_name is None:
            return None
        flows = Flow.objects.filter(server=row.server).select_related("published_version")
        found = flows.filter(tool_name=tool_name).first()
        if found is None:
            has = ", ".join(flows.values_list("tool_name", flat=True)[:50]) or "none"
            raise serializers.ValidationError({"flow": [f"The server has no flow {tool_name!r}. It has: {has}."]})
        return found


class PromptSerializer(OfferSerializer):
    """A prompt."""

    name = PromptNameField()
    description = serializers.CharField(max_length=2000)
    arguments = ArgumentsField(required=False)
    messages = MessagesField(required=False)

    class Meta:
        model = Prompt
        fields = [
            "id",
            "server",
            "name",
            "title",
            "description",
            "arguments",
            "messages",
            "flow",
            "isActive",
            "revision",
            "createdAt",
            "updatedAt",
        ]
        validators: list[Any] = []


class ResourceSerializer(OfferSerializer):
    """A resource, or with variables in its URI a resource template."""

    uri = serializers.CharField(
        max_length=2000, help_text="With variables, orders:{order_id}, a template, which a flow answers."
    )
    isTemplate = serializers.BooleanField(source="is_template", read_only=True)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=2000, allow_blank=True, default="")
    mimeType = serializers.CharField(source="mime_type", max_length=200, allow_blank=True, default="")
    text = serializers.CharField(allow_blank=True, trim_whitespace=False, default="")
    blob = serializers.CharField(allow_blank=True, default="", help_text="Bytes as base64.")
    annotations = AnnotationsField(required=False)
    completions = CompletionsField(required=False)

    class Meta:
        model = Resource
        fields = [
            "id",
            "server",
            "uri",
            "isTemplate",
            "name",
            "title",
            "description",
            "mimeType",
            "text",
            "blob",
            "flow",
            "annotations",
            "completions",
            "isActive",
            "revision",
            "createdAt",
            "updatedAt",
        ]
        validators: list[Any] = []


class OfferFilter(django_filters.FilterSet):
    """Query parameters over prompts and resources."""

    server = django_filters.CharFilter(field_name="server__slug", label="Slug of the server", max_length=63)
    isActive = is_active("Whether clients see it")
    search = django_filters.CharFilter(
        method="search_text", label="Text in the name, title or description", max_length=200
    )

    def search_text(self, queryset: OfferQuerySet, name: str, value: str) -> OfferQuerySet:
        """Look through what people read of it."""
        return queryset.filter(Q(name__icontains=value) | Q(title__icontains=value) | Q(description__icontains=value))


class OffersView(ApiView, generics.GenericAPIView):
    """A view over prompts or over resources, as the serializer says."""

    filterset_class = OfferFilter
    pagination_class = Envelope

    def get_queryset(self) -> QuerySet[Any]:
        """What the caller may see."""
        serializer: Any = self.serializer_class
        model = serializer.Meta.model
        rows = model.objects.visible_to(self.request.user).order_by("server__slug", *model._meta.ordering)
        found: QuerySet[Any] = rows.select_related("server", "flow__published_version")
        return found


class OfferDetail(RevisedView, OffersView, generics.RetrieveUpdateDestroyAPIView):
    """One prompt or resource. Clients see a change at once."""

    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_destroy(self, instance: Offer) -> None:
        """Remove it; clients that listen are told."""
        delete_offer(instance, self.expected)


class PromptList(OffersView, generics.ListCreateAPIView):
    """The prompts of your servers, by server and name; POST stores a new one, which clients see at once."""

    scopes = {"GET": Scope.FLOWS_READ, "POST": Scope.FLOWS_PUBLISH}
    queryset = Prompt.objects.none()
    serializer_class = PromptSerializer


@documented(PROMPT_ID, PromptSerializer)
class PromptDetail(OfferDetail):
    """A prompt. Clients see a change at once."""

    scopes = {"GET": Scope.FLOWS_READ, "PATCH": Scope.FLOWS_PUBLISH, "DELETE": Scope.FLOWS_PUBLISH}
    queryset = Prompt.objects.none()
    serializer_class = PromptSerializer
    lookup_url_kwarg = "promptId"


class ResourceList(OffersView, generics.ListCreateAPIView):
    """The resources of your servers, by server and URI; POST stores a new one, which clients see at once."""

    scopes = {"GET": Scope.FLOWS_READ, "POST": Scope.FLOWS_PUBLISH}
    queryset = Resource.objects.none()
    serializer_class = ResourceSerializer


@documented(RESOURCE_ID, ResourceSerializer)
class ResourceDetail(OfferDetail):
    """A resource. Clients see a change at once."""

    scopes = {"GET": Scope.FLOWS_READ, "PATCH": Scope.FLOWS_PUBLISH, "DELETE": Scope.FLOWS_PUBLISH}
    queryset = Resource.objects.none()
    serializer_class = ResourceSerializer
    lookup_url_kwarg = "resourceId"
