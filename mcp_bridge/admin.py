"""API keys and connected clients for operators: keys are issued here and shown once; both end by an action."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider import models as toolkit

from flows.values.scopes import CALLS_ONLY, Scope, why_not
from mcp_bridge.models import ApiKey, ConnectedClient

# Its rows come and go by themselves; whom a person let in is a ConnectedClient.
for unused in (toolkit.AccessToken, toolkit.Application, toolkit.Grant, toolkit.IDToken, toolkit.RefreshToken):
    admin.site.unregister(unused)


class ApiKeyForm(forms.ModelForm):
    """What a person says of a key; the key itself is made by FlowHub."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.label} ({scope})") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        initial=CALLS_ONLY,
        required=False,
    )

    class Meta:
        model = ApiKey
        fields = [
            "owner",
            "name",
            "all_servers",
            "servers",
            "tools",
            "scopes",
            "calls_per_minute",
            "calls_at_once",
            "expires_at",
        ]

    def clean(self) -> dict[str, Any]:
        """All servers, or the ones named: not both."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("all_servers") and cleaned.get("servers"):
            self.add_error("servers", "The key opens all servers: take the tick off, or choose none here.")
        if why := why_not(cleaned.get("scopes", ()), cleaned.get("tools", ())):
            self.add_error("scopes", why)
        return cleaned

    def clean_tools(self) -> list[str]:
        """A JSON list of tool names; nothing means all."""
        tools = self.cleaned_data["tools"] or []
        if not isinstance(tools, list) or not all(isinstance(tool, str) for tool in tools):
            raise forms.ValidationError('Write a JSON list of tool names, as ["find_order"].')
        return tools


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    """The keys of everybody: issue them, narrow them down, revoke them. Their text is shown once and stored nowhere."""

    form = ApiKeyForm
    list_display = ["name", "prefix", "owner", "usable", "expires_at", "last_used_at", "revoked_at", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["name", "prefix", "owner__username"]
    filter_horizontal = ["servers"]
    actions = ["revoke"]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A new key ends after 90 days, as on the page of keys, unless somebody empties that."""
        until = timezone.now() + timedelta(days=90)
        return {"expires_at": until} | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """What a person may not change: a key stays its owner's."""
        return ["owner", "prefix", "last_used_at", "revoked_at", "created_at"] if obj else []

    @admin.display(boolean=True)
    def usable(self, key: ApiKey) -> bool:
        """Whether the key lets somebody in."""
        return key.is_usable and key.owner.is_active

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Store what changed; a new key is issued and shown this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        stored, text = ApiKey.issue(
            obj.owner,
            obj.name,
            expires_at=obj.expires_at,
            servers=None if obj.all_servers else (),
            tools=obj.tools,
            scopes=obj.scopes,
            calls_per_minute=obj.calls_per_minute,
            calls_at_once=obj.calls_at_once,
        )
        # The form goes on with `obj`: it stores the servers and names the key in the log.
        obj.__dict__.update(stored.__dict__)
        self.message_user(request, f"Copy the key now; it is not shown again: {text}", messages.WARNING)

    @admin.action(description="Revoke the keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End the keys; a key that has ended keeps its date."""
        keys = list(queryset)
        for key in keys:
            key.revoke()
        self.message_user(request, f"Keys revoked: {len(keys)}.", messages.SUCCESS)


@admin.register(ConnectedClient)
class ConnectedClientAdmin(admin.ModelAdmin):
    """The clients that people let in by signing in: to look at, and to end."""

    list_display = ["name", "user", "server", "created_at", "last_used_at"]
    list_select_related = ["user", "application", "server"]
    search_fields = ["application__name", "user__username", "server__slug"]
    fields = ["name", "user", "server", "created_at", "last_used_at"]
    actions = ["disconnect"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """People let clients in, nobody else does."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ConnectedClient | None = None) -> bool:
        """It is what the person allowed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ConnectedClient | None = None) -> bool:
        """By the action, which ends the tokens too."""
        return False

    def has_disconnect_permission(self, request: HttpRequest) -> bool:
        """Who may delete keys may end clients."""
        return bool(request.user.has_perm("mcp_bridge.delete_connectedclient"))

    @admin.action(description="Disconnect the clients", permissions=["disconnect"])
    def disconnect(self, request: HttpRequest, queryset: QuerySet[ConnectedClient]) -> None:
        """End what they may do, and their tokens."""
        clients = list(queryset)
        for client in clients:
            client.disconnect()
        self.message_user(request, f"Clients disconnected: {len(clients)}.", messages.SUCCESS)
