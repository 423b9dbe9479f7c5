"""Servers and their secrets over REST: a secret's value goes in and never comes out."""

from typing import Any

from django.db.models import QuerySet
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request

from flows.api.base import ApiView
from flows.api.conditions import RevisedView, documented
from flows.api.fields import CallsField, ModelSerializer
from flows.api.pagination import Envelope
from flows.engine.destinations import MAX_ORIGINS, allowed_origins
from flows.models import MAX_SECRET, SECRET_NAME, Secret, Server
from flows.publishing import versions
from flows.values.scopes import Scope

SERVER_ID = OpenApiParameter("serverId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The server's id.")
SECRET = OpenApiParameter("name", OpenApiTypes.STR, OpenApiParameter.PATH, description="The secret's name.")


class ServerSerializer(ModelSerializer):
    """A server."""

    isPublished = serializers.BooleanField(
        source="is_published", help_text="False: its address answers 401, as one where no server is."
    )
    agentTools = serializers.BooleanField(
        source="agent_tools", help_text="Whether clients can look at the executions of their own key."
    )
    linksFailures = serializers.BooleanField(
        source="links_failures", help_text="Whether a failure ends with the address of its execution."
    )
    callsPerMinute = CallsField(
        source="calls_per_minute", help_text="Of all its callers together; null: as many as come."
    )
    callsAtOnce = CallsField(source="calls_at_once", help_text="The same, under way in each process.")
    strangerCallsPerMinute = CallsField(
        source="stranger_calls_per_minute",
        help_text="From one address without an API key; null: what this FlowHub allows.",
    )
    strangerCallsAtOnce = CallsField(source="stranger_calls_at_once", help_text="The same, under way in each process.")
    revision = serializers.IntegerField(read_only=True, help_text="Its ETag is the same.")

    class Meta:
        model = Server
        fields = [
            "id",
            "slug",
            "name",
            "description",
            "access",
            "isPublished",
            "agentTools",
            "linksFailures",
            "callsPerMinute",
            "callsAtOnce",
            "strangerCallsPerMinute",
            "strangerCallsAtOnce",
            "revision",
        ]

    def update(self, instance: Server, validated_data: dict[str, Any]) -> Server:
        """Change the named fields; connected clients are told."""
        expected = validated_data.pop("expected", None)
        for name, value in validated_data.items():
            setattr(instance, name, value)
        versions.save_server(instance, validated_data, expected)
        return instance


@extend_schema_field(
    {"type": "string", "maxLength": 300, "pattern": r"^https?://(\*\.[a-z0-9]+\.)?[a-z0-9]+(\.[a-z0-9]+)*/?$"}
)
class OriginField(serializers.CharField):
    """An origin, as most are; `flows.engine.destinations` knows all of them."""


class SecretSerializer(ModelSerializer):
    """A secret without its value."""

    name = serializers.CharField(read_only=True)
    value = serializers.CharField(
        write_only=True,
        trim_whitespace=False,
        allow_blank=True,
        max_length=MAX_SECRET,
        style={"input_type": "password"},
        help_text="May be empty, where a system wants a user name and no password.",
    )
    origins = serializers.ListField(
        child=OriginField(max_length=300),
        required=False,
        max_length=MAX_ORIGINS,
        help_text="Where it may be sent: https://api.example.com or https://*.example.com. None: wherever the author "
        "of a flow sends it. Left out: as it is.",
    )
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    updatedAt = serializers.DateTimeField(source="updated_at", read_only=True)

    class Meta:
        model = Secret
        fields = ["name", "value", "origins", "createdAt", "updatedAt"]

    def validate_origins(self, value: list[str]) -> list[str]:
        """Each in its one form."""
        try:
            return allowed_origins(value)
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.") from None

    def update(self, instance: Secret, validated_data: dict[str, Any]) -> Secret:
        """Give the secret another value, or say where it may be sent, or both."""
        origins = validated_data.get("origins")
        if "value" in validated_data:
            return versions.set_secret(instance.server, instance.name, validated_data["value"], origins)
        if origins is not None:
            versions.set_origins(instance, origins)
        return instance


class NewSecretSerializer(SecretSerializer):
    """A secret that the server does not have yet."""

    name = serializers.CharField(validators=[SECRET_NAME])

    def validate_name(self, value: str) -> str:
        """A name is unique in its server."""
        if self.context["view"].server.secrets.filter(name=value).exists():
            raise serializers.ValidationError("This server has a secret of that name.")
        return value

    def create(self, validated_data: dict[str, Any]) -> Secret:
        """Store the secret."""
        given = validated_data
        return versions.set_secret(self.context["view"].server, given["name"], given["value"], given.get("origins"))


class ServerList(ApiView, generics.ListAPIView):
    """The servers that you may see, by slug."""

    scopes = {"GET": Scope.FLOWS_READ}
    queryset = Server.objects.none()
    serializer_class = ServerSerializer
    pagination_class = Envelope
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Server]:
        """The caller's servers."""
        return Server.objects.visible_to(self.request.user)


@documented(SERVER_ID, ServerSerializer)
class ServerDetail(RevisedView, generics.RetrieveUpdateAPIView):
    """A server. Clients see a change at once; another slug is another address."""

    scopes = {"GET": Scope.FLOWS_READ, "PATCH": Scope.FLOWS_PUBLISH}
    queryset = Server.objects.none()
    serializer_class = ServerSerializer
    lookup_url_kwarg = "serverId"
    http_method_names = ["get", "patch", "head", "options"]

    def get_queryset(self) -> QuerySet[Server]:
        """The caller's servers."""
        return Server.objects.visible_to(self.request.user)


class OfServer(ApiView):
    """A view below a server; one that the caller may not see is answered like one that does not exist."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who may not add to a server is told so before the body is looked at."""
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            _ = self.server

    @property
    def server(self) -> Server:
        """The server that the address names; raises Http404."""
        return Server.objects.visible_or_404(self.request.user, pk=self.kwargs["serverId"])


@extend_schema_view(get=extend_schema(parameters=[SERVER_ID]), post=extend_schema(parameters=[SERVER_ID]))
@method_decorator(sensitive_post_parameters("value"), name="dispatch")
class SecretList(OfServer, generics.ListCreateAPIView):
    """The names of a server's secrets; POST stores a new one, whose value no answer holds."""

    scopes = {"GET": Scope.SECRETS_WRITE, "POST": Scope.SECRETS_WRITE}
    queryset = Secret.objects.none()
    serializer_class = NewSecretSerializer
    pagination_class = Envelope
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Secret]:
        """The server's secrets, by name."""
        return self.server.secrets.order_by("name")


@extend_schema_view(
    put=extend_schema(parameters=[SERVER_ID, SECRET]),
    patch=extend_schema(parameters=[SERVER_ID, SECRET]),
    delete=extend_schema(parameters=[SERVER_ID, SECRET]),
)
@method_decorator(sensitive_post_parameters("value"), name="dispatch")
class SecretDetail(OfServer, generics.UpdateAPIView, generics.DestroyAPIView):
    """A secret: PUT gives it another value, which the next call of a flow uses; PATCH says where it may be sent, or
    both; DELETE removes it.
    """

    scopes = {"PUT": Scope.SECRETS_WRITE, "PATCH": Scope.SECRETS_WRITE, "DELETE": Scope.SECRETS_WRITE}
    queryset = Secret.objects.none()
    serializer_class = SecretSerializer
    lookup_field = "name"
    http_method_names = ["put", "patch", "delete", "options"]

    def get_queryset(self) -> QuerySet[Secret]:
        """The server's secrets."""
        return self.server.secrets.select_related("server")

    def perform_destroy(self, instance: Secret) -> None:
        """Remove the secret; flows that name it fail from the next call on."""
        versions.delete_secret(instance)
