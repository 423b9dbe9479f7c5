"""API keys over REST, for people alone: a key cannot make, change or end a key."""

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from executions.reading.refused_calls import refused_by_principal
from flows.api.base import ApiView
from flows.api.fields import CallsField, ModelSerializer, Serializer, VisibleServerField
from flows.api.pagination import Envelope
from flows.models import Server
from flows.values.scopes import EVERYTHING, Scope, why_not
from mcp_bridge.models import MAX_OVERLAP_SECONDS, ApiKey, calls_only

KEY_ID = OpenApiParameter("keyId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The key's id.")


class Revoked(APIException):
    """The key has been revoked."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The key is revoked, and cannot be brought back; make another one."
    default_code = "revoked"


class ServersField(serializers.ListField):
    """The servers that a key opens, by slug; null for every one."""

    child = VisibleServerField()

    def get_attribute(self, instance: ApiKey) -> list[Server] | None:
        """What the key opens."""
        return None if instance.all_servers else list(instance.servers.all())


class KeySerializer(ModelSerializer):
    """An API key without its text."""

    owner = serializers.CharField(source="owner.username", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), default=calls_only)
    servers = ServersField(allow_null=True, help_text="Slugs; null for every server.")
    tools = serializers.ListField(
        child=serializers.CharField(max_length=128), default=list, help_text="Tool names; none for every tool."
    )
    callsPerMinute = CallsField(source="calls_per_minute", default=None, help_text="null: as many as come.")
    callsAtOnce = CallsField(
        source="calls_at_once",
        default=None,
        help_text="Under way in each process; null: so many that others do not starve.",
    )
    expiresAt = serializers.DateTimeField(source="expires_at", allow_null=True, default=None)
    lastUsedAt = serializers.DateTimeField(source="last_used_at", read_only=True, allow_null=True)
    revokedAt = serializers.DateTimeField(source="revoked_at", read_only=True, allow_null=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    refusedLastDay = serializers.SerializerMethodField(
        help_text="Calls that its limit refused in the last 24 hours; they left no execution."
    )
    overlapUntil = serializers.DateTimeField(
        source="overlap_until",
        read_only=True,
        allow_null=True,
        help_text="Until when the text of before the last rotation works too.",
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "owner",
            "name",
            "prefix",
            "scopes",
            "servers",
            "tools",
            "callsPerMinute",
            "callsAtOnce",
            "expiresAt",
            "lastUsedAt",
            "revokedAt",
            "createdAt",
            "overlapUntil",
            "refusedLastDay",
        ]

    def get_refusedLastDay(self, key: ApiKey) -> int:
        """Those of the key."""
        return self._refused.get(key.principal_id, 0)

    @cached_property
    def _refused(self) -> dict[str, int]:
        """Those of all keys that are written together, asked for once."""
        keys: list[Any] = self.instance if isinstance(self.instance, list) else [self.instance]
        return refused_by_principal([key.principal_id for key in keys])

    def validate_scopes(self, value: Any) -> list[str]:
        """In the order in which they are shown everywhere."""
        return [scope for scope in EVERYTHING if scope in value]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A key for single tools has no scope over whole servers."""
        key = self.instance
        scopes, tools = (attrs.get(name, getattr(key, name, ())) for name in ("scopes", "tools"))
        if why := why_not(scopes, tools):
            raise serializers.ValidationError({"scopes": [why]})
        return attrs

    def update(self, instance: ApiKey, validated_data: dict[str, Any]) -> ApiKey:
        """Change what is named; it takes effect within a second."""
        instance.change(**validated_data)
        return instance


class ShownKeySerializer(KeySerializer):
    """An API key with its text, which is shown this once."""

    key = serializers.CharField(source="text", read_only=True, help_text="What clients send: fh_...")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]

    def create(self, validated_data: dict[str, Any]) -> ApiKey:
        """Make a key of the caller."""
        stored, text = ApiKey.issue(self.context["request"].user, **validated_data)
        return _with_text(stored, text)


def _with_text(key: Any, text: str) -> ApiKey:
    key.text = text
    found: ApiKey = key
    return found


class RotationSerializer(Serializer):
    """How a key is rotated."""

    overlapSeconds = serializers.IntegerField(
        min_value=0, max_value=MAX_OVERLAP_SECONDS, default=0, help_text="How long the text of now works too."
    )


class KeysView(ApiView, generics.GenericAPIView):
    """A view over keys. It names no scope, so no key may use it."""

    queryset = ApiKey.objects.none()
    serializer_class: type[serializers.BaseSerializer] = KeySerializer
    filter_backends: list[Any] = []
    lookup_url_kwarg = "keyId"

    def get_queryset(self) -> QuerySet[ApiKey]:
        """The caller's keys."""
        return ApiKey.objects.visible_to(self.request.user).select_related("owner").prefetch_related("servers")

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """No cache keeps what may hold the text of a key."""
        answered = super().finalize_response(*args, **kwargs)
        answered["Cache-Control"] = "no-store"
        return answered


@extend_schema_view(post=extend_schema(request=KeySerializer, responses={201: ShownKeySerializer}))
class KeyList(KeysView, generics.ListCreateAPIView):
    """Your keys, newest first; POST makes one, and shows its text this once. For people alone, not for keys."""

    pagination_class = Envelope

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        """The answer about a new key has its text."""
        return ShownKeySerializer if self.request.method == "POST" else KeySerializer


class OfKey(KeysView):
    """Views over one key; one that was revoked is only looked at."""

    def get_object(self) -> ApiKey:
        """The key; raises Revoked for a change of one that is."""
        key: ApiKey = super().get_object()
        if key.revoked_at is not None and self.request.method != "GET":
            raise Revoked
        return key


GONE = OpenApiResponse(description="It is revoked.")


@extend_schema_view(
    get=extend_schema(parameters=[KEY_ID]),
    patch=extend_schema(parameters=[KEY_ID], responses={200: KeySerializer, 409: GONE}),
    delete=extend_schema(parameters=[KEY_ID], responses={204: None, 409: GONE}),
)
class KeyDetail(OfKey, generics.RetrieveUpdateDestroyAPIView):
    """A key: PATCH changes what it is for, DELETE revokes it. For people alone, not for keys."""

    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_destroy(self, instance: ApiKey) -> None:
        """End it; what it did stays in the records."""
        instance.revoke()


class KeyRotation(OfKey):
    """Give a key another text. For people alone, not for keys."""

    serializer_class = RotationSerializer

    @extend_schema(parameters=[KEY_ID], operation_id="keys_rotate", responses={200: ShownKeySerializer, 409: GONE})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer with the new text, which is shown this once; a text from an earlier rotation ends now."""
        key = self.get_object()
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        text = key.rotate(timedelta(seconds=asked.validated_data["overlapSeconds"]))
        return Response(ShownKeySerializer(_with_text(key, text), context=self.get_serializer_context()).data)
