"""A part of the dialog that publishes: whether the tools of other servers are still those that were chosen."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from flows.access.acting import acts
from flows.engine.destinations import origin_of
from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.expressions import paths_in
from flows.engine.paths import Path
from flows.models import Flow, Server
from flows.publishing.versions import graph_of
from flows.values.scopes import Scope
from mcp_bridge.upstream.drift import changed_since
from mcp_bridge.upstream.listing import tools_of

MAX_ASKED = 5
"""Servers that one look at a draft asks; the tools of others are looked at when they are called."""


NOT_ASKED = "Not asked: there are many other servers. It is looked at when it is called."


@dataclass(frozen=True, slots=True)
class Looked:
    """A node that calls a tool of another server; `says` is what came of looking, `kind` that of its mark."""

    node_id: str
    name: str
    tool: str
    kind: str
    says: str


@acts(Scope.FLOWS_PUBLISH)
@require_POST
def chosen_tools(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Ask the other servers for the tools that the stored draft calls, and say which have changed since."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    return render(request, "mcp_bridge/_chosen_tools.html", {"flow": flow, "looked": _looked(flow)})


def _looked(flow: Flow) -> list[Looked]:
    try:
        nodes = [node for node in graph_of(flow.definition).order if node.type == "mcp_tool"]
    except DefinitionError:
        return []
    offers: dict[str, Any] = {}
    found = []
    for node in nodes:
        parameters = node.parameters
        key = repr((parameters["url"], parameters.get("auth")))
        if key not in offers and len(offers) < MAX_ASKED:
            offers[key] = _offer(flow.server, parameters["url"], parameters.get("auth") or {"type": "none"})
        kind, says = _judged(parameters, offers.get(key, NOT_ASKED))
        found.append(Looked(node.id, node.name, parameters["tool"], kind, says))
    return found


def _offer(server: Server, url: str, auth: dict[str, Any]) -> dict[str, Any] | str:
    """The tools of another server by their names, or a sentence that says why there are none."""
    is_fixed = all(isinstance(path, Path) and path.secret_name for _, path in paths_in({"url": url, "auth": auth}, ""))
    if origin_of(url) is None or not is_fixed:
        return "Not asked: a call decides where it is. It is looked at when it is called."
    try:
        return {tool["name"]: tool for tool in tools_of(server, url, auth)}
    except NodeFailed as failed:
        return f"Not known: {failed.message}"


def _judged(parameters: Any, offer: dict[str, Any] | str) -> tuple[str, str]:
    tool, pinned = parameters["tool"], parameters.get("pinned")
    if not pinned:
        return "is-wait", "Not pinned: nobody would be told when it changes. Choose it in the editor."
    if isinstance(offer, str):
        return "", offer
    if tool not in offer:
        return "is-bad", "The other server does not have it any more: calls fail."
    if changed := changed_since(pinned, offer[tool]):
        return "is-bad", f"It is not the one that was chosen: its {' and its '.join(changed)} changed. Calls fail."
    return "is-ok", "As it was when it was chosen."
