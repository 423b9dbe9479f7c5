"""Pages over executions: the Usage tab, the list of all, one execution."""

import json
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET
from django_htmx.middleware import HtmxDetails

from executions.models import Execution
from executions.pages.graph import graph_of
from executions.questions.answers_of_people import wait_of
from executions.questions.form import forms_of
from executions.reading.drawn_answers import tool_of
from executions.reading.filters import ExecutionFilter
from executions.reading.history import History, Listing
from executions.reading.paging import Page
from executions.reading.snippets import SNIPPETS
from executions.record.status import SHOWN
from flows.models import Flow

ROWS = 20
LAST_DAY, LAST_DAY_TEMPLATE = "last-day", "flows/_last_day.html"
"""The figures under a flow's name, which an open page asks for when an execution of the flow changed."""
SECTIONS = ("nodes", "graph", "exchange")


class HtmxRequest(HttpRequest):
    """A request after django-htmx's middleware."""

    htmx: HtmxDetails


@require_GET
def usage(request: HtmxRequest, flow_id: int, execution_id: uuid.UUID | None = None) -> HttpResponse:
    """The executions of a flow at the left, the chosen one at the right (FR-009, FR-010)."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
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
    """The whole page, or the one part that a page asked for: the same include at the same address."""
    wanted = request.htmx.target if request.htmx and not request.htmx.history_restore_request else None
    if wanted == LAST_DAY and "flow" in context:
        return whole_or_part(request, LAST_DAY_TEMPLATE, context)
    if wanted != "detail":
        context |= _list_context(request, history)
    if wanted != "rows" and execution_id is not None:
        context |= detail_context(request, get_object_or_404(history.executions, pk=execution_id))
    context["selected_id"] = execution_id
    template = {"detail": "executions/_detail.html", "rows": "executions/_list.html"}.get(wanted or "", page)
    return whole_or_part(request, template, context)


def whole_or_part(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page, or what stands at its address for those who ask for one part of it."""
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
        "segments": [("", "All", counts["all"]), *((status, status.label, counts[status]) for status in SHOWN)],
    }


def detail_context(request: HttpRequest, execution: Execution) -> dict[str, Any]:
    """What `_detail.html` shows of an execution; `?view=` names the part."""
    asked = request.GET.get("view", "")
    section = asked if asked in SECTIONS else SECTIONS[0]
    context: dict[str, Any] = {"execution": execution, "section": section, "sections": SECTIONS}
    if (wait := wait_of(execution, request.user)) is not None:
        context |= {"wait": wait, "forms": forms_of(wait), "back": f"{request.get_full_path()}#detail"}
    if section == "nodes":
        context["children"] = execution.children_for(request.user)
    if section == "graph":
        context |= graph_of(execution)
    if section == "exchange":
        context["tool"] = tool_of(execution)
    return context


@require_GET
def raw(request: HttpRequest, execution_id: uuid.UUID, part: str) -> HttpResponse:
    """One JSON value of an execution: `params`, `result`, `error`, `nodes`, `input-0`, `finished-0` and so on."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    text = json.dumps(_part(execution, part), ensure_ascii=False, indent=2)
    return HttpResponse(text, content_type="application/json; charset=utf-8")


@require_GET
def snippet(request: HttpRequest, execution_id: uuid.UUID, form: str) -> HttpResponse:
    """The call once more as text: `curl`, `python`, or the message for `mcp`; for executions whose flow is there."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    flow = Flow.objects.visible_or_404(request.user, executions=execution)
    if form not in SNIPPETS:
        raise Http404(f"A call is not written as {form!r}.")
    return HttpResponse(SNIPPETS[form](execution, flow.server), content_type="text/plain; charset=utf-8")


def _part(execution: Execution, part: str) -> Any:
    whole = {
        "params": execution.initial_params,
        "request": execution.requested,
        "caller": execution.caller,
        "result": execution.received,
        "error": execution.error_info,
        "nodes": execution.node_executions,
    }
    if part in whole:
        return whole[part]
    if part == "contract":
        return tool_of(execution)
    name, _, number = part.partition("-")
    key = {"input": "inputData", "output": "outputData", "finished": "finished", "log": "log"}.get(name)
    entries = execution.entries
    if key is None or not number.isdecimal() or int(number) >= len(entries):
        raise Http404(f"An execution has no part {part!r}.")
    return entries[int(number)].stored.get(key)
