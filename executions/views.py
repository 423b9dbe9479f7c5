"""Pages over executions: the Usage tab, the list of all, one execution."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.middleware import HtmxDetails

from executions import actions, services
from executions.filters import ExecutionFilter
from executions.history import History, Listing
from executions.models import Execution
from executions.pages import Page
from executions.status import Status
from flows.drawing import Drawing, draw
from flows.engine.errors import DefinitionError
from flows.models import Flow

ROWS = 20
SECTIONS = ("nodes", "graph", "parameters", "exchange")


class HtmxRequest(HttpRequest):
    """A request after django-htmx's middleware."""

    htmx: HtmxDetails


@require_GET
def usage(request: HtmxRequest, flow_id: int, execution_id: uuid.UUID | None = None) -> HttpResponse:
    """The executions of a flow at the left, the chosen one at the right (FR-009, FR-010)."""
    flows = Flow.objects.visible_to(request.user).select_related("server", "published_version")
    flow = get_object_or_404(flows, pk=flow_id)
    history = History.of_flow(flow, request.user)
    return _columns(request, history, execution_id, "executions/usage.html", {"flow": flow, "tab": "usage"})


@require_GET
def all_executions(request: HtmxRequest, execution_id: uuid.UUID | None = None) -> HttpResponse:
    """The same two columns over every flow, deleted ones included (FR-011)."""
    history = History.visible_to(request.user)
    return _columns(request, history, execution_id, "executions/list.html", {"title": "Executions"})


def _columns(
    request: HtmxRequest, history: History, execution_id: uuid.UUID | None, page: str, context: dict[str, Any]
) -> HttpResponse:
    """The whole page, or the one column that htmx asked for: the same include at the same address."""
    wanted = request.htmx.target if request.htmx and not request.htmx.history_restore_request else None
    if wanted != "detail":
        context |= _list_context(request, history)
    if wanted != "rows" and execution_id is not None:
        context |= detail_context(request, get_object_or_404(history.executions, pk=execution_id))
    context["selected_id"] = execution_id
    template = {"detail": "executions/_detail.html", "rows": "executions/_list.html"}.get(wanted or "", page)
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _list_context(request: HttpRequest, history: History) -> dict[str, Any]:
    chosen = ExecutionFilter(request.GET, queryset=history.executions)
    listing = Listing.of(history, chosen) if chosen.is_valid() else Listing(history)
    counts = listing.counts()
    errors = [message for found in chosen.form.errors.values() for message in found]
    nothing: Page[Execution] = Page([], 0, 1, ROWS)
    return {
        "filter": chosen,
        "filter_errors": errors,
        "is_filtered": any(request.GET.get(name) for name in chosen.filters),
        "counts": counts,
        "rows_page": nothing if errors else listing.page(request.GET.get("page"), ROWS, counts),
        "searched": listing.searched,
        "segments": [("", "All", counts["all"]), *((status, status.label, counts[status]) for status in SEGMENTS)],
    }


SEGMENTS = (Status.FULFILLED, Status.ERROR, Status.PENDING)


def detail_context(request: HttpRequest, execution: Execution) -> dict[str, Any]:
    """What `_detail.html` shows of an execution; `?view=` names the part."""
    asked = request.GET.get("view", "")
    section = asked if asked in SECTIONS else SECTIONS[0]
    context: dict[str, Any] = {"execution": execution, "section": section, "sections": SECTIONS}
    if section == "graph":
        context["drawing"] = _drawing(execution)
    if section == "exchange":
        context["call"] = _call(execution)
    return context


def _call(execution: Execution) -> dict[str, Any]:
    """The call in MCP's words."""
    return {"method": "tools/call", "params": {"name": execution.flow_tool_name, "arguments": execution.initial_params}}


def _drawing(execution: Execution) -> Drawing | None:
    """The graph of the version that ran, coloured; an execution of a draft has only today's draft to show."""
    source = execution.flow_version or execution.flow
    if source is None:
        return None
    entries: Any = execution.node_executions or []
    return draw(source.definition, {entry["nodeId"]: entry["status"] for entry in entries})


@require_GET
def raw(request: HttpRequest, execution_id: uuid.UUID, part: str) -> HttpResponse:
    """One JSON value of an execution as it is stored: `params`, `result`, `error`, `nodes`, `input-0`, `output-0`."""
    execution = get_object_or_404(Execution.objects.visible_to(request.user), pk=execution_id)
    text = json.dumps(_part(execution, part), ensure_ascii=False, indent=2)
    return HttpResponse(text, content_type="application/json; charset=utf-8")


def _part(execution: Execution, part: str) -> Any:
    whole = {
        "params": execution.initial_params,
        "request": _call(execution),
        "caller": execution.caller,
        "result": execution.result,
        "error": execution.error_info,
        "nodes": execution.node_executions,
        "contract": execution.flow_version.contract if execution.flow_version else None,
    }
    if part in whole:
        return whole[part]
    name, _, number = part.partition("-")
    key = {"input": "inputData", "output": "outputData"}.get(name)
    entries: Any = execution.node_executions or []
    if key is None or not number.isdecimal() or int(number) >= len(entries):
        raise Http404(f"An execution has no part {part!r}.")
    return entries[int(number)].get(key)


@require_POST
def cancel(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Ask a pending execution to stop."""
    execution = get_object_or_404(Execution.objects.visible_to(request.user), pk=execution_id)
    if services.cancel(execution, request.user):
        messages.success(request, "The execution was asked to stop.")
    else:
        messages.warning(request, "The execution has ended already, or another process runs it.")
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if back and is_ours else execution)


def _visible(request: HttpRequest, execution_id: uuid.UUID) -> Execution:
    return get_object_or_404(Execution.objects.visible_to(request.user), pk=execution_id)


@require_POST
def replay(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Call the flow again with the same parameters, and go to the new execution."""
    execution = _visible(request, execution_id)
    try:
        return redirect(actions.replay(execution, request.user))
    except (actions.Refused, services.ArgumentsError, services.LedgerUnavailable, DefinitionError) as error:
        messages.error(request, f"Not called: {error}")
    return redirect(execution)


@require_POST
def pin(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Keep the execution whatever is pruned, or stop keeping it: `pinned` is `1` or `0`."""
    execution = _visible(request, execution_id)
    actions.pin(execution, request.POST.get("pinned") == "1")
    return redirect(execution)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Ask whether the record is to be deleted, then delete it; pinned and pending ones stay."""
    execution = _visible(request, execution_id)
    try:
        actions.check_deletable(execution)
        if request.method == "GET":
            return render(request, "executions/delete.html", {"title": "Delete execution", "execution": execution})
        actions.delete(execution)
    except actions.Refused as error:
        messages.error(request, f"Not deleted: {error}")
        return redirect(execution)
    messages.success(request, f"The execution {execution.pk} was deleted.")
    return redirect("executions:usage", execution.flow_id) if execution.flow_id else redirect("executions:list")
