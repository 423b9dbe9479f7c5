"""Pages about reaching FlowHub from outside: how to connect a client, and API keys."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from executions.reading.client_programs import ServerAddress
from flows.models import Flow
from mcp_bridge.keys.forms import KeyForm
from mcp_bridge.models import ApiKey
from mcp_bridge.pages.client_texts import configs


@require_GET
def connect(request: HttpRequest, flow_id: int) -> HttpResponse:
    """The flow's address and what to paste into each client."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    address = ServerAddress.of(flow.server)
    context = {
        "flow": flow,
        "tab": "connect",
        "url": address.url,
        "needs_key": address.needs_key,
        "clients": configs(address, flow.tool_name),
    }
    return render(request, "mcp_bridge/connect.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The user's keys, and a new one: its text is in this one answer and nowhere else."""
    form = KeyForm(request.POST or None, user=request.user)
    context = {"title": "API keys", "form": form}
    if request.method == "POST" and form.is_valid():
        stored, text = ApiKey.issue(
            request.user, form.cleaned_data["name"], expires_at=form.expires_at, servers=form.cleaned_data["servers"]
        )
        context |= {"new_key": stored, "new_text": text, "form": KeyForm(user=request.user)}
    visible = ApiKey.objects.visible_to(request.user)
    context["keys"] = visible.select_related("owner").prefetch_related("servers")
    return render(request, "mcp_bridge/keys.html", context)


@require_POST
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """End one of the person's keys (a superuser: any): within seconds it lets nobody in, and its streams end."""
    key = ApiKey.objects.visible_or_404(request.user, pk=key_id)
    key.revoke()
    messages.success(request, f"The key {key.name} is revoked.")
    return redirect("bridge:keys")
