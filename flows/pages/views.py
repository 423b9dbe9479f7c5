"""Pages of flows and servers: list, create, build, publish, versions, duplicate, switch, delete."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.cases.drafts import summary_of
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import Node
from flows.models import MAX_NOTE, Flow, FlowVersion, Revised, Server
from flows.pages import node_catalogue
from flows.pages.canvas import canvas_of
from flows.pages.drawing import draw
from flows.pages.editor import can_be_edited, editor_of
from flows.pages.forms import FlowForm, NewFlowForm, ServerForm
from flows.pages.return_addresses import own_address
from flows.publishing import versions as publishing
from flows.publishing.callers import callers_of
from flows.publishing.review import DRAFT, compare, reasons_to_ask, review_draft, server_costs
from flows.revisions.conflicts import conflict_page, merged, started_from
from flows.revisions.writes import Stale
from flows.templatetags.canvas import canvas_is_built


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


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Begin a flow; it is built in its Build tab."""
    form = NewFlowForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        return redirect("flows:build", form.save().pk)
    return render(request, "flows/create.html", {"title": "New flow", "form": form})


@never_cache  # else a step back in the browser shows a draft that is not the stored one any more
@require_http_methods(["GET", "POST"])
def build(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Edit the draft. With a fault nothing is stored, and what was typed stays in the form."""
    flow, draft = (Flow.objects.visible_or_404(request.user, pk=flow_id) for _ in range(2))
    sent = merged(request.POST, FlowForm(instance=flow))
    form = FlowForm(sent or None, instance=draft)
    if request.method == "POST" and form.is_valid():
        try:
            taken_along = publishing.save_draft(draft, form.fields, started_from(sent))
        except Stale as late:
            stored = FlowForm(instance=late.current)
            return conflict_page(request, sent, late.current, stored, address=request.get_full_path())
        messages.success(request, "The draft is saved. Clients see it once you publish it.")
        _say_taken_along(request, taken_along)
        return redirect(request.get_full_path())
    faults = form.faults if form.is_bound else publishing.publishing_faults(flow)
    return _build_page(request, flow, form, faults, "Not saved" if form.is_bound else "Not ready to be published")


def _build_page(
    request: HttpRequest, flow: Flow, form: FlowForm, faults: Sequence[Fault], faults_title: str, status: int = 200
) -> HttpResponse:
    has_changes = publishing.has_unpublished_changes(flow)
    as_json = request.GET.get("as") == "json"
    is_edited = not form.is_bound and not as_json and canvas_is_built() and can_be_edited(flow.definition)
    try:
        nodes: Sequence[Node] = publishing.graph_of(flow.definition).order
    except DefinitionError:
        nodes = ()  # the stored draft is no graph
    context = {
        "flow": flow,
        "tab": "build",
        "form": form,
        "revision": form.data.get("revision", flow.revision),
        "faults": faults,
        "faults_title": faults_title,
        "drawing": draw(form.instance.definition),
        "as_json": as_json,
        "has_changes": has_changes,
        "review": review_draft(flow) if has_changes else None,
        "comparison": compare(flow) if has_changes else None,
        "case_summary": summary_of(flow),
        "node_types": node_catalogue.entries(),
        "nodes": nodes[1:],
        "note": request.POST.get("note", ""),
        "callers": callers_of(flow, request.user),
    }
    if is_edited:
        context["editor"] = editor_of(flow)
    else:
        inputs = _names_of(form.instance.input_schema)
        context["canvas"] = canvas_of(form.instance.definition, faults) | {"inputs": inputs}
    return render(request, "flows/build.html", context, status=status)


def _names_of(schema: Any) -> list[str]:
    """The properties of a schema, which in a draft may be anything."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else []


@require_POST
def publish(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Make a version of the draft, or show what keeps it from being one; what the form holds unsaved is saved first."""
    flow, draft = (Flow.objects.visible_or_404(request.user, pk=flow_id) for _ in range(2))
    form, expected = FlowForm(request.POST, instance=draft), started_from(request.POST)
    is_unsaved = "definition" in request.POST and form.has_changed()
    try:
        if is_unsaved:
            if not form.is_valid():
                messages.error(request, "Neither saved nor published: the draft has faults, listed beside the form.")
                return _build_page(request, flow, form, form.faults, "Not published")
            _say_taken_along(request, publishing.save_draft(draft, form.fields, expected))
            flow, expected = draft, frozenset([draft.revision])
        note, activate = request.POST.get("note", "")[:MAX_NOTE], "activate" in request.POST
        sends = {"revision": flow.revision, "note": note} | ({"activate": "1"} if activate else {})
        asked = _asked_first(request, flow, reasons_to_ask(flow), f"Publish {flow.name}", sends)
        if asked is not None:
            return asked
        version = publishing.publish(flow, request.user, expected, note=note, activate=activate)
    except DefinitionError as error:
        messages.error(request, "Not published: the draft has faults, listed beside the form.")
        return _build_page(request, flow, FlowForm(instance=flow), error.faults, "Not published")
    except Stale as late:
        if is_unsaved:
            stored, address = FlowForm(instance=late.current), reverse("flows:build", args=[flow.pk])
            return conflict_page(request, request.POST, late.current, stored, address=address)
        messages.error(request, "Not published: somebody changed the draft after you had opened it. This is it now.")
        now = Flow.objects.visible_or_404(request.user, pk=flow_id)
        return _build_page(
            request, now, FlowForm(instance=now), publishing.publishing_faults(now), "Not published", 412
        )
    _say_published(request, flow, version)
    return redirect("flows:build", flow.pk)


def _asked_first(
    request: HttpRequest, flow: Flow, reasons: Sequence[str], does: str, sends: Mapping[str, Any]
) -> HttpResponse | None:
    """A page that asks to confirm, when a change breaks what clients meet and nobody has confirmed it; else None.

    `does` is what its button says, `sends` what it sends to this address once more.
    """
    callers = callers_of(flow, request.user).live
    if not reasons or not callers.total or "confirm" in request.POST:
        return None
    context = {"title": f"{does}?", "flow": flow, "reasons": reasons, "callers": callers, "does": does, "sends": sends}
    return render(request, "flows/confirm.html", context, status=409)


def _say_taken_along(request: HttpRequest, flows: Sequence[Flow]) -> None:
    if flows:
        names = ", ".join(flow.tool_name for flow in flows)
        messages.warning(request, f"These drafts call it by its new name now; publish them too: {names}.")


def _say_published(request: HttpRequest, flow: Flow, version: FlowVersion) -> None:
    if flow.is_active:
        messages.success(request, f"Published as {version}. Clients see it from now on.")
    else:
        messages.warning(
            request, f"Published as {version}, but the flow is inactive: clients see it once you activate it."
        )
    _say_taken_along(request, version.taken_along)


@require_GET
def versions(request: HttpRequest, flow_id: int, number: int | None = None) -> HttpResponse:
    """The published versions at the left, the chosen one's graph, contract and definition at the right."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    rows = flow.versions.defer("definition", "contract").select_related("created_by")
    chosen: FlowVersion | None = None
    if number is not None:
        chosen = get_object_or_404(flow.versions.select_related("created_by"), number=number)
    context = {"flow": flow, "tab": "versions", "rows": rows, "version": chosen}
    if chosen:
        context["drawing"] = draw(chosen.definition)
    return render(request, "flows/versions.html", context)


@require_http_methods(["GET", "POST"])
def restore(request: HttpRequest, flow_id: int, number: int) -> HttpResponse:
    """Say what of the draft goes, then make the version the draft."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    version, is_late = get_object_or_404(flow.versions, number=number), False
    faults: Sequence[Fault] = ()
    if request.method == "POST":
        try:
            publishing.restore(flow, version, started_from(request.POST))
        except DefinitionError as error:
            faults = error.faults
        except Stale:
            is_late, flow = True, Flow.objects.visible_or_404(request.user, pk=flow_id)
        else:
            messages.success(request, f"{version} is the draft now. Clients see it once you publish it.")
            return redirect("flows:build", flow.pk)
    context = {
        "title": f"Restore {version} as the draft of {flow.name}?",
        "flow": flow,
        "version": version,
        "comparison": compare(flow, DRAFT, str(number)),
        "has_changes": publishing.has_unpublished_changes(flow),
        "faults": faults,
        "is_late": is_late,
    }
    return render(request, "flows/restore.html", context, status=409 if is_late else 200)


@require_http_methods(["GET", "POST"])
def publish_again(request: HttpRequest, flow_id: int, number: int) -> HttpResponse:
    """Say what changes for clients, then publish what the version holds as a new one; the draft stays."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    version, faults = get_object_or_404(flow.versions, number=number), list[Fault]()
    if request.method == "POST":
        again, note = publishing.drafted(flow, version), request.POST.get("note", "")[:MAX_NOTE]
        try:
            made = publishing.publish(again, request.user, note=note, activate="activate" in request.POST)
        except DefinitionError as error:
            faults = list(error.faults)
        else:
            _say_published(request, again, made)
            return redirect("flows:version", flow.pk, made.number)
    context = {
        "title": f"Publish {version} of {flow.name} again?",
        "flow": flow,
        "version": version,
        "comparison": compare(flow, "", str(number)),
        "reasons": reasons_to_ask(publishing.drafted(flow, version)),
        "callers": callers_of(flow, request.user).live,
        "note": f"As {version}.",
        "faults": faults,
    }
    return render(request, "flows/publish_again.html", context)


@require_POST
def duplicate(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Copy the draft and open the copy."""
    copy = publishing.duplicate(Flow.objects.visible_or_404(request.user, pk=flow_id))
    messages.success(request, f"This is the copy. It is inactive and not published; its tool name is {copy.tool_name}.")
    return redirect("flows:build", copy.pk)


@require_POST
def toggle(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Switch a flow on or off and go back to where the switch is."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    active = request.POST["active"] == "1" if "active" in request.POST else not flow.is_active
    if flow.is_active and not active:
        sends = {"active": "0", "next": request.POST.get("next", "")}
        asked = _asked_first(request, flow, ["it is switched off"], f"Deactivate {flow.name}", sends)
        if asked is not None:
            return asked
    publishing.set_active(flow, active)
    messages.success(request, f"{flow.name} is {'active' if flow.is_active else 'inactive'} now.")
    return redirect(own_address(request, request.POST.get("next", "")) or "dashboard")


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
