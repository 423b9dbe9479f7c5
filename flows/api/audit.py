"""The audit log over REST."""

from django.db.models import QuerySet
from rest_framework import generics, serializers

from flows.api.base import ApiView
from flows.api.fields import ModelSerializer
from flows.api.pagination import Envelope
from flows.audit.filters import AuditFilter
from flows.models import AuditEntry
from flows.values.scopes import Scope


class AuditEntrySerializer(ModelSerializer):
    """One change: when, who, through which door, what was done to what of which server. Names are those of then."""

    person = serializers.CharField(source="user_name", help_text="Empty where a command did it.")
    key = serializers.CharField(source="key_name", help_text="The API key that acted for the person.")
    server = serializers.CharField(source="server_slug", help_text="Empty for what belongs to no server.")
    objectId = serializers.CharField(source="object_id")
    objectName = serializers.CharField(source="object_name")

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "person", "key", "door", "action", "server", "kind", "objectId", "objectName", "what"]


class AuditList(ApiView, generics.ListAPIView):
    """Who changed what, newest first: of the servers that you own, of your keys; for a superuser of everything."""

    scopes = {"GET": Scope.AUDIT_READ}
    queryset = AuditEntry.objects.none()
    serializer_class = AuditEntrySerializer
    pagination_class = Envelope
    filterset_class = AuditFilter

    def get_queryset(self) -> QuerySet[AuditEntry]:
        """What the caller may see."""
        return AuditEntry.objects.visible_to(self.request.user).order_by("-id")
