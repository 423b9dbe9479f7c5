"""The forms of an API key: a new one, a change, a rotation."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone

from flows.models import MAX_CALLS, Flow, Server
from flows.values.reserved_names import AGENT_TOOLS
from flows.values.scopes import CALLS_ONLY, Scope, why_not
from mcp_bridge.models import MAX_OVERLAP_SECONDS, ApiKey

ALL = "*"
"""In place of a server or a tool: every one, also those that come later."""

AS_IT_IS = "as-it-is"
LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never")]
OVERLAPS = [("0", "No longer"), ("3600", "An hour"), ("86400", "A day"), (str(MAX_OVERLAP_SECONDS), "A week")]


class KeyForm(forms.Form):
    """Who uses a key, which servers it opens, which tools it calls, what else it may do, and how long it lasts."""

    name = forms.CharField(max_length=100, help_text="Who or what uses it; shown with every call.")
    lifetime = forms.ChoiceField(label="Expires", choices=LIFETIMES, required=False, initial="90")
    servers = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, error_messages={"required": "Tick what the key opens."}
    )
    tools = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        initial=[ALL],
        error_messages={"required": "Tick what the key calls."},
        help_text="Of the servers that it opens.",
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope.value, f"{scope.label} ({scope})") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        initial=list(CALLS_ONLY),
        error_messages={"required": "Tick what the key may do."},
        help_text="Over REST it sees what belongs to the servers and tools that are ticked here, and nothing else.",
    )

    calls_per_minute = forms.IntegerField(
        label="Calls a minute", min_value=1, max_value=MAX_CALLS, required=False, help_text="Empty: as many as come."
    )
    calls_at_once = forms.IntegerField(
        min_value=1,
        max_value=MAX_CALLS,
        required=False,
        help_text=f"In each process. Empty: {settings.MAX_KEY_CALLS_AT_ONCE:,}, so that others do not starve.",
    )

    def __init__(self, *args: Any, user: Any, key: ApiKey | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._key = key
        self._servers = {str(server.pk): server for server in Server.objects.visible_to(user)}
        named = [(pk, f"{server.name} ({server.slug})") for pk, server in self._servers.items()]
        chosen: Any = self.fields
        chosen["servers"].choices = [(ALL, "Every server that you may see, also later ones"), *named]
        chosen["tools"].choices = [(ALL, "Every tool, also later ones"), *_tools(self._servers.values(), key)]
        if key is not None:
            until = "never" if key.expires_at is None else f"{timezone.localtime(key.expires_at):%b %-d %Y, %H:%M}"
            chosen["lifetime"].choices = [(AS_IT_IS, f"As it is: {until}"), *LIFETIMES]
            self.initial = {
                "name": key.name,
                "lifetime": AS_IT_IS,
                "servers": [ALL] if key.all_servers else [str(server.pk) for server in key.servers.all()],
                "tools": key.tools or [ALL],
                "scopes": key.scopes,
                "calls_per_minute": key.calls_per_minute,
                "calls_at_once": key.calls_at_once,
            }

    def clean_servers(self) -> list[str]:
        """Every server, or the ones ticked: not both."""
        return self._one_or_the_other("servers", "server")

    def clean_tools(self) -> list[str]:
        """Every tool, or the ones ticked: not both."""
        return self._one_or_the_other("tools", "tool")

    def _one_or_the_other(self, name: str, word: str) -> list[str]:
        ticked: list[str] = self.cleaned_data[name]
        if ALL in ticked and len(ticked) > 1:
            raise forms.ValidationError(f"Take the tick off every {word}, or off the single ones.")
        return ticked

    def clean(self) -> dict[str, Any]:
        """A key for single tools has no scope over whole servers."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if why := why_not(cleaned.get("scopes", ()), set(cleaned.get("tools", ())) - {ALL}):
            self.add_error("scopes", why)
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """What `ApiKey.issue` and `ApiKey.change` take; `servers` is None for every one."""
        cleaned = self.cleaned_data
        if (days := cleaned["lifetime"]) == AS_IT_IS and self._key is not None:
            expires_at = self._key.expires_at
        else:
            expires_at = timezone.now() + timedelta(days=int(days)) if days else None
        return {
            "name": cleaned["name"],
            "expires_at": expires_at,
            "servers": None if ALL in cleaned["servers"] else [self._servers[pk] for pk in cleaned["servers"]],
            "tools": [name for name in cleaned["tools"] if name != ALL],
            "scopes": cleaned["scopes"],
            "calls_per_minute": cleaned["calls_per_minute"],
            "calls_at_once": cleaned["calls_at_once"],
        }


def _tools(servers: Any, key: ApiKey | None) -> list[tuple[str, str]]:
    """The tools that clients meet, by name with their servers, and those that the key names besides."""
    found: dict[str, list[str]] = {}
    published = Flow.objects.callable().filter(server__in=servers).order_by("tool_name", "server__slug")
    for name, slug in published.values_list("published_version__tool_name", "server__slug"):
        found.setdefault(name, []).append(slug)
    for server in servers:
        for name in AGENT_TOOLS if server.agent_tools else ():
            found.setdefault(name, []).append(server.slug)
    gone = [] if key is None else [(name, f"{name} (not published now)") for name in key.tools if name not in found]
    return [(name, f"{name} ({', '.join(slugs)})") for name, slugs in found.items()] + gone


class ClientForm(forms.Form):
    """Who uses a key that is made where a client is connected."""

    name = KeyForm.base_fields["name"]


class RotationForm(forms.Form):
    """When the text of now stops working."""

    overlap = forms.ChoiceField(
        label="The text of now works for", choices=OVERLAPS, initial="86400", help_text="Until it ends, both work."
    )
