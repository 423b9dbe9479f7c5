"""Pages of flows and servers: list, build, duplicate, switch, delete; the catalogue of node types."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.access.acting import acts
from flows.access.roles import Role, grants
from flows.cases.drafts import summary_of
from flows.engine.errors import DefinitionError
from flows.engine.graph import Node
from flows.models import Flow, Revised, Server
from flows.pages import node_catalogue
from flows.pages.canvas import canvas_of
from flows.pages.drawing import draw
from flows.pages.editor import can_be_edited, editor_of
from flows.pages.forms import FlowForm, ServerForm
from flows.pages.publishing import say_taken_along
from flows.pages.return_addresses import own_address
from flows.publishing import versions as publishing
from flows.publishing.callers import callers_of
from flows.publishing.review import compare, server_costs
from flows.revisions.conflicts import base_of, conflict_page, is_chosen, merged, started_from
from flows.revisions.writes import Stale
from flows.templatetags.canvas import canvas_is_built
from flows.values.scopes import Scope


@require_GET
def flow_list(request: HttpRequest) -> HttpResponse:
    """Every flow that the user may see, by name; `?server=` keeps one server's."""
    flows = Flow.objects.visible_to(request.user).for_list()
    server, search = request.GET.get("server", ""), request.GET.get("search", "").strip()
    if server:
        flows = flows.filter(server__slug=server)
    if search:
        flows = flows.filter(name__icontains=search) | flows.filter(tool_name__icontains=search)
    servers = Server.objects.visible_to(request.user)
    context = {"title": "Flows", "flows": flows, "servers": servers, "server": server, "search": search}
    return render(request, "flows/list.html", context)


@require_GET
def detail(request: HttpRequest, flow_id: int) -> HttpResponse:
    """A flow opens where its calls are seen."""
    return redirect("executions:usage", Flow.objects.visible_or_404(request.user, pk=flow_id).pk)


@never_cache  # else a step back in the browser shows a draft that is not the stored one any more
@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def build(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Edit the draft. With a fault nothing is stored, and what was typed stays in the form.

    What was chosen on the page of a conflict is stored with the faults of its definition, which this page then shows.
    """
    flow, draft = (Flow.objects.visible_or_404(request.user, pk=flow_id) for _ in range(2))
    sent = merged(request.POST, FlowForm(instance=flow))
    form = FlowForm(sent or None, instance=draft, takes_faults=is_chosen(request.POST))
    expected = started_from(sent)
    if expected is not None and flow.revision not in expected:
        return conflict_page(request, sent, flow, FlowForm(instance=flow))
    if request.method == "POST" and form.is_valid():
        try:
            taken_along = publishing.save_draft(draft, form.fields, expected)
        except Stale as late:
            stored = FlowForm(instance=late.current)
            return conflict_page(request, sent, late.current, stored, address=request.get_full_path())
        messages.success(request, "The draft is saved. Clients see it once you publish it.")
        say_taken_along(request, taken_along)
        return redirect(request.get_full_path())
    faults = form.faults if form.is_bound else publishing.publishing_faults(flow)
    has_changes = publishing.has_unpublished_changes(flow)
    as_json = request.GET.get("as") == "json"
    may_write = grants(flow.server.role_of(request.user), Scope.FLOWS_WRITE)
    is_edited = may_write and not form.is_bound and not as_json and canvas_is_built() and can_be_edited(flow.definition)
    try:
        nodes: Sequence[Node] = publishing.graph_of(flow.definition).order
    except DefinitionError:
        nodes = ()  # the stored draft is no graph
    context = {
        "flow": flow,
        "tab": "build",
        "form": form,
        "revision": form.data.get("revision", flow.revision),
        "base": form.data.get("base") or base_of(FlowForm(instance=flow)),
        "faults": faults,
        "faults_title": "Not saved" if form.is_bound else "Not ready to be published",
        "drawing": draw(form.instance.definition),
        "as_json": as_json,
        "has_changes": has_changes,
        "comparison": compare(flow) if has_changes else None,
        "case_summary": summary_of(flow),
        "node_types": node_catalogue.entries(),
        "nodes": nodes[1:],
        "callers": callers_of(flow, request.user),
    }
    if is_edited:
        context["editor"] = editor_of(flow, faults)
    else:
        inputs = _names_of(form.instance.input_schema)
        context["canvas"] = canvas_of(form.instance.definition, faults) | {"inputs": inputs}
    if not may_write:
        told = ((field.label, getattr(flow, field.name)) for field in form if field.name != "definition")
        context["canvas"]["tool"] = {label: value for label, value in told if value not in (None, "", {})}
        context["editors"] = _editors_of(flow.server)
    return render(request, "flows/build.html", context)


def _editors_of(server: Server) -> list[str]:
    """Who may change the drafts of a server, its owner first."""
    roles = [role for role in Role if grants(role, Scope.FLOWS_WRITE)]
    members = server.memberships.filter(role__in=roles, user__is_active=True).select_related("user")
    return [person.get_username() for person in (server.owner, *(each.user for each in members)) if person]


def _names_of(schema: Any) -> list[str]:
    """The properties of a schema, which in a draft may be anything."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else []


@acts(Scope.FLOWS_WRITE)
@require_POST
def duplicate(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Copy the draft and open the copy."""
    copy = publishing.duplicate(Flow.objects.visible_or_404(request.user, pk=flow_id))
    messages.success(request, f"This is the copy. It is inactive and not published; its tool name is {copy.tool_name}.")
    return redirect("flows:build", copy.pk)


@acts(Scope.FLOWS_PUBLISH)
@require_POST
def toggle(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Switch a flow on or off and go back to where the switch is."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    active = request.POST["active"] == "1" if "active" in request.POST else not flow.is_active
    callers = callers_of(flow, request.user).live
    if flow.is_active and not active and callers.total and "confirm" not in request.POST:
        context = {
            "title": f"Deactivate {flow.name}?",
            "flow": flow,
            "reasons": ["it is switched off"],
            "callers": callers,
            "does": f"Deactivate {flow.name}",
            "sends": {"active": "0", "next": request.POST.get("next", "")},
        }
        return render(request, "flows/confirm.html", context, status=409)
    publishing.set_active(flow, active)
    messages.success(request, f"{flow.name} is {'active' if flow.is_active else 'inactive'} now.")
    return redirect(own_address(request, request.POST.get("next", "")) or "dashboard")


@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Ask once, then delete; the flow's executions stay (FR-011)."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    late: Revised | None = None
    if request.method == "POST":
        try:
            publishing.delete(flow, started_from(request.POST))
        except Stale as stale:
            late = stale.current
        else:
            messages.success(request, f"{flow.name} is deleted. Its executions stay in the list.")
            return redirect("dashboard")
    context = {"title": f"Delete {flow.name}?", "flow": late or flow, "is_late": late is not None}
    context["callers"] = callers_of(flow, request.user)
    return render(request, "flows/delete.html", context, status=409 if late else 200)


@require_GET
def servers(request: HttpRequest) -> HttpResponse:
    """The MCP servers, their addresses and their flows."""
    rows = Server.objects.visible_to(request.user).prefetch_related("flows")
    return render(request, "flows/servers.html", {"title": "Servers", "servers": rows})


@require_GET
def node_types(request: HttpRequest) -> HttpResponse:
    """The catalogue: every node type by group; `?search=` keeps those that say each of its words."""
    search = request.GET.get("search", "").strip()
    groups: dict[str, list[node_catalogue.NodeTypeEntry]] = {}
    for entry in node_catalogue.entries():
        if entry.matches(search):
            groups.setdefault(entry.group, []).append(entry)
    context = {"title": "Node types", "groups": groups.items(), "search": search}
    return render(request, "flows/node_types.html", context)


@require_GET
def node_type(request: HttpRequest, name: str) -> HttpResponse:
    """What one node type does, and how it is written in a definition."""
    entry = node_catalogue.entry(name)
    if entry is None:
        raise Http404(f"There is no node type {name!r}.")
    context = {"title": entry.node_type.title, "entry": entry, "others": node_catalogue.entries()}
    return render(request, "flows/node_type.html", context)


@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def server(request: HttpRequest, server_id: int | None = None) -> HttpResponse:
    """Make a server or change one."""
    found = None if server_id is None else Server.objects.visible_or_404(request.user, pk=server_id)
    sent = merged(request.POST, ServerForm(instance=found)) if found else request.POST
    form = ServerForm(sent or None, instance=found or Server(owner_id=request.user.pk))
    if request.method == "POST" and form.is_valid():
        try:
            publishing.save_server(form.save(commit=False), form.fields, started_from(sent))
        except Stale as late:
            return conflict_page(request, sent, late.current, ServerForm(instance=late.current))
        messages.success(request, f"{form.instance.name} is saved.")
        return redirect("flows:servers")
    costs = server_costs(found) if found else []
    context = {
        "title": "New server",
        "tab": "settings",
        "form": form,
        "revision": form.data.get("revision", found.revision if found else ""),
        "server": found,
        "costs": costs,
        "tokens": sum(cost.tokens.total for cost in costs),
    }
    return render(request, "flows/server.html", context)
