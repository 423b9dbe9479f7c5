"""The Connect tab: how a client reaches a flow's server, and a key for it."""

from dataclasses import replace
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from executions.reading.client_programs import ServerAddress
from flows.access.acting import acts
from flows.models import Flow
from mcp_bridge.keys.forms import ClientForm
from mcp_bridge.models import ApiKey
from mcp_bridge.pages.client_texts import configs

KEY_LIFETIME = timedelta(days=90)


@never_cache
@acts(None)
@require_http_methods(["GET", "POST"])
def connect(request: HttpRequest, flow_id: int) -> HttpResponse:
    """The flow's address and what to paste into each client; POST makes a key for its server, and puts it in there."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    form = ClientForm(request.POST or None)
    address, made = ServerAddress.of(flow.server), None
    if request.method == "POST" and form.is_valid():
        ends = timezone.now() + KEY_LIFETIME
        made, text = ApiKey.issue(request.user, form.cleaned_data["name"], servers=[flow.server], expires_at=ends)
        address = replace(address, key=text)
    context = {
        "form": form,
        "made": made,
        "key": address.key,
        "flow": flow,
        "tab": "connect",
        "url": address.url,
        "needs_key": address.needs_key,
        "clients": configs(address, flow.tool_name),
    }
    return render(request, "mcp_bridge/connect.html", context)
