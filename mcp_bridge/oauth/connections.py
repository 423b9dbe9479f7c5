"""The page of the clients that a person has let in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from flows.access.acting import acts
from mcp_bridge.models import ConnectedClient


@never_cache
@require_safe
def connections(request: HttpRequest) -> HttpResponse:
    """Which client may use which server in the person's name, since when, and when it last did."""
    visible = ConnectedClient.objects.visible_to(request.user).select_related("user", "application", "server")
    return render(request, "mcp_bridge/oauth/clients.html", {"title": "Connected clients", "clients": visible})


@acts(None)
@require_POST
def disconnect(request: HttpRequest, connection_id: int) -> HttpResponse:
    """End what a client was let do: within a second it is let in no more."""
    found = ConnectedClient.objects.visible_or_404(request.user, pk=connection_id)
    found.disconnect()
    messages.success(request, f"{found.name} is disconnected from {found.server}.")
    return redirect("oauth:clients")
