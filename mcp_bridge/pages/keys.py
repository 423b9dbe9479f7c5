"""The pages of API keys: list, make, change, rotate, revoke. The text of a key is in one answer alone."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from executions.reading.refused_calls import refused_by_principal
from flows.access.acting import acts
from flows.models import Server
from flows.values.scopes import CALLS_ONLY
from mcp_bridge.keys.forms import KeyForm, RotationForm
from mcp_bridge.models import ApiKey


@never_cache
@acts(None)
@require_http_methods(["GET", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """The user's keys, and a new one; `?server=` ticks a server."""
    ticked = Server.objects.visible_to(request.user).filter(slug=request.GET.get("server", ""))
    initial = {"servers": [str(server.pk) for server in ticked]}
    form = KeyForm(request.POST or None, user=request.user, initial=initial)
    context: dict[str, Any] = {"title": "API keys", "form": form}
    if request.method == "POST" and form.is_valid():
        stored, text = ApiKey.issue(request.user, **form.values)
        context |= {"new_key": stored, "new_text": text, "form": KeyForm(user=request.user)}
    visible = ApiKey.objects.visible_to(request.user)
    listed = list(visible.select_related("owner").prefetch_related("servers"))
    refused = refused_by_principal([each.principal_id for each in listed])
    context["keys"] = [(each, refused.get(each.principal_id, 0)) for each in listed]
    return render(request, "mcp_bridge/keys.html", context)


def _key(request: HttpRequest, key_id: int) -> ApiKey:
    """One of the person's keys (a superuser: any) that still lets somebody in, or could."""
    return ApiKey.objects.visible_or_404(request.user, pk=key_id, revoked_at=None)


@never_cache
@acts(None)
@require_http_methods(["GET", "POST"])
def key(request: HttpRequest, key_id: int) -> HttpResponse:
    """One key, to change what it is for; within seconds it does what is ticked now and nothing else."""
    found = _key(request, key_id)
    form = KeyForm(request.POST or None, user=found.owner, key=found)
    if request.method == "POST" and form.is_valid():
        found.change(**form.values)
        messages.success(request, f"The key {found.name} is changed.")
        return redirect("bridge:keys")
    return _page(request, found, form)


def _page(request: HttpRequest, found: ApiKey, form: KeyForm | None = None, **more: Any) -> HttpResponse:
    context = {
        "title": found.name,
        "key": found,
        "form": form or KeyForm(user=found.owner, key=found),
        "rotation": RotationForm(),
        "refused": refused_by_principal([found.principal_id]).get(found.principal_id, 0),
    }
    return render(request, "mcp_bridge/key.html", context | more)


@never_cache
@acts(None)
@require_POST
def rotate(request: HttpRequest, key_id: int) -> HttpResponse:
    """Give a key another text, which is in this one answer."""
    found = _key(request, key_id)
    rotation = RotationForm(request.POST)
    if not rotation.is_valid():
        return _page(request, found, rotation=rotation)
    text = found.rotate(timedelta(seconds=int(rotation.cleaned_data["overlap"])))
    return _page(request, found, new_text=text)


@acts(None)
@require_POST
def narrow(request: HttpRequest, key_id: int) -> HttpResponse:
    """Have a key call tools and do nothing else."""
    found = _key(request, key_id)
    found.change(scopes=CALLS_ONLY)
    messages.success(request, f"The key {found.name} calls tools from now on, and does nothing else.")
    return redirect("bridge:keys")


@acts(None)
@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """Ask, then end a key: within seconds it lets nobody in, and its streams end."""
    found = _key(request, key_id)
    if request.method == "POST":
        found.revoke()
        messages.success(request, f"The key {found.name} is revoked.")
        return redirect("bridge:keys")
    return render(request, "mcp_bridge/key_revoke.html", {"title": f"Revoke {found.name}", "key": found})
