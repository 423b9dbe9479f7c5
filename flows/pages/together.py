"""The page that publishes many drafts of a server: choose them, see what it means for each, and do it."""

from collections import Counter

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from flows.access.acting import acts
from flows.models import MAX_NOTE, Flow, Server
from flows.publishing import versions
from flows.publishing.together import MAX_TOGETHER, judged, publish_together
from flows.values.scopes import Scope


@acts(Scope.FLOWS_PUBLISH)
@never_cache
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, server_id: int) -> HttpResponse:
    """Show the drafts that clients do not call yet, `?flow=` ticked; sent, what publishing means; confirmed, do it."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    named = request.POST.getlist("flow") or request.GET.getlist("flow")
    chosen = [int(pk) for pk in named if pk.isdecimal() and len(pk) < 10]
    flows = Flow.objects.visible_to(request.user).filter(server=server).order_by("name", "id")
    problem = ""
    if request.method == "POST":
        problem = "Choose at least one flow." if not chosen else ""
        if len(set(chosen)) > MAX_TOGETHER:
            problem = f"Choose at most {MAX_TOGETHER} flows at once; {len(set(chosen))} are chosen."
    context = {"server": server, "tab": "publish", "problem": problem, "max_together": MAX_TOGETHER}
    if request.method == "GET" or problem:
        rows = [flow for flow in flows if versions.has_unpublished_changes(flow)]
        context |= {"flows": rows, "chosen": set(chosen), "all_ticked": request.GET.get("tick") == "all"}
        return render(request, "flows/publish_many.html", context, status=400 if problem else 200)
    note, activate = request.POST.get("note", "")[:MAX_NOTE], "activate" in request.POST
    rows, confirmed = list(flows.filter(pk__in=chosen)), "confirm" in request.POST
    is_done = "publish" in request.POST
    if is_done:
        outcomes = publish_together(rows, request.user, note=note, activate=activate, confirmed=confirmed)
    else:
        outcomes = judged(rows, request.user)
    context |= {
        "is_done": is_done,
        "outcomes": sorted(outcomes, key=lambda outcome: outcome.what in ("published", "ready", "unchanged")),
        "counts": Counter(outcome.what for outcome in outcomes),
        "off": sum(not outcome.flow.is_active for outcome in outcomes),
        "note": note,
    }
    return render(request, "flows/publish_many_outcome.html", context)
