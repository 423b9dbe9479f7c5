"""The pages that publish a draft, and of what was published: versions, restore one, publish one again."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from flows.access.acting import acts
from flows.cases.drafts import summary_of
from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import objects_in
from flows.models import MAX_NOTE, Flow, FlowVersion
from flows.pages.canvas import canvas_of
from flows.pages.comparison import compared_canvas, on_one_sheet, verdicts_of
from flows.pages.drawing import draw
from flows.publishing import versions as publishing
from flows.publishing.callers import callers_of
from flows.publishing.review import (
    DRAFT,
    UnknownVersion,
    compare,
    reasons_to_ask,
    review_draft,
    version_named,
    with_words,
)
from flows.review import tokens
from flows.revisions.conflicts import started_from
from flows.revisions.writes import Stale
from flows.values.scopes import Scope

MAX_WORDED_VERSIONS = 50
"""Newest versions of a flow that say in the list what they changed."""

_NODE = re.compile(r"definition\.nodes\[(\d+)\]")


@never_cache
@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Show what publishing the stored draft means, then make a version of it.

    By htmx what a dialog shows of it; with `?part=link` the link that opens it, with the number of changes.
    """
    flow, status, is_late = Flow.objects.visible_or_404(request.user, pk=flow_id), 200, False
    if request.method == "GET" and request.GET.get("part") == "link":
        context = {"flow": flow, "has_changes": publishing.has_unpublished_changes(flow), "comparison": compare(flow)}
        return render(request, "flows/_publish_link.html", context)
    note, activate = request.POST.get("note", "")[:MAX_NOTE], "activate" in request.POST
    callers = callers_of(flow, request.user)
    if request.method == "POST":
        try:
            if callers.live.total and "confirm" not in request.POST and reasons_to_ask(flow):
                status = 409
            else:
                version = publishing.publish(
                    flow, request.user, started_from(request.POST), note=note, activate=activate
                )
                say_taken_along(request, version.taken_along)
                return redirect(f"{reverse('flows:publish', args=[flow.pk])}?published={version.number}")
        except DefinitionError:
            status = 409  # the page names each of them
        except Stale:
            flow, status, is_late = Flow.objects.visible_or_404(request.user, pk=flow_id), 412, True
    live = flow.published_version
    published = live if live and str(live.number) == request.GET.get("published") else None
    context = {
        "title": f"{flow.name} is published" if published else f"Publish {flow.name}",
        "flow": flow,
        "next_version": f"v{(flow.versions.aggregate(newest=Max('number'))['newest'] or 0) + 1}",
        "published": published,
        "is_late": is_late,
        "faults": list(_placed(publishing.publishing_faults(flow), flow.definition)),
        "has_changes": publishing.has_unpublished_changes(flow),
        "comparison": compare(flow),
        "review": review_draft(flow),
        "tokens_before": tokens.estimate(live.contract) if live else None,
        "callers": callers,
        "reasons": reasons_to_ask(flow) if callers.live.total else [],
        "case_summary": summary_of(flow),
        "calls_tools": any(node.get("type") == "mcp_tool" for node in objects_in(flow.definition, "nodes")),
        "note": note,
        "activate": activate or request.method == "GET",
    }
    template = "flows/_publish.html" if request.headers.get("HX-Request") == "true" else "flows/publish.html"
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


@dataclass(frozen=True, slots=True)
class PlacedFault:
    """A fault, with the node in whose form it is mended: for what is wrong with the tool itself, the trigger."""

    fault: Fault
    node: Mapping[str, Any] | None


def _placed(faults: Iterable[Fault], definition: Any) -> Iterator[PlacedFault]:
    nodes = definition.get("nodes") if isinstance(definition, dict) else None
    listed = nodes if isinstance(nodes, list) else []
    start = next((node for node in listed if isinstance(node, dict) and node.get("type") == "trigger"), None)
    for fault in faults:
        place = _NODE.match(fault.path)
        node = listed[int(place[1])] if place and listed else start
        yield PlacedFault(fault, node if isinstance(node, dict) and "id" in node else None)


def say_taken_along(request: HttpRequest, flows: Sequence[Flow]) -> None:
    """Name the flows whose drafts were changed because another one is called otherwise now."""
    if flows:
        names = ", ".join(flow.tool_name for flow in flows)
        messages.warning(request, f"These drafts call it by its new name now; publish them too: {names}.")


@require_GET
def versions(request: HttpRequest, flow_id: int, number: int | None = None) -> HttpResponse:
    """The published versions at the left; the chosen one's graph, or what another or the draft changed, at the right.

    `?with=` is the number of another version, or `draft`.
    """
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    rows = flow.versions.select_related("created_by")
    newest = list(with_words(rows[: MAX_WORDED_VERSIONS + 1]))[:MAX_WORDED_VERSIONS]
    older = [(row, "") for row in rows.defer("definition", "contract")[MAX_WORDED_VERSIONS:]]
    chosen: FlowVersion | None = None
    if number is not None:
        chosen = get_object_or_404(rows, number=number)
    context = {
        "flow": flow,
        "tab": "versions",
        "rows": newest + older,
        "version": chosen,
        "has_changes": publishing.has_unpublished_changes(flow),
    }
    if chosen:
        other = request.GET.get("with", "")
        context["with"] = other
        if other and other != str(number):
            context |= _compared(flow, *_in_order(str(number), other))
        else:
            context["drawing"], context["canvas"] = draw(chosen.definition), canvas_of(chosen.definition, ())
    return render(request, "flows/versions.html", context)


def _in_order(one: str, other: str) -> tuple[str, str]:
    """The names of two states, the earlier one first; the draft is the latest of all."""
    # What is no number of a version is not found, wherever it stands.
    is_later = other != DRAFT and not (other.isdecimal() and len(other) < 10 and int(other) > int(one))
    return (other, one) if is_later else (one, other)


def _compared(flow: Flow, before: str, after: str) -> dict[str, Any]:
    """What a page needs to show two states of a flow on one canvas; raises Http404 for one that is not there."""
    try:
        comparison = compare(flow, before, after)
        old, new = (version_named(flow, name) or publishing.as_version(flow) for name in (before, after))
    except UnknownVersion as error:
        raise Http404(str(error)) from None
    names = [name if name == DRAFT else f"v{name}" for name in (before, after)]
    verdicts = verdicts_of(old.definition, new.definition)
    return {
        "comparison": comparison,
        "names": names,
        "drawing": draw(
            on_one_sheet(old.definition, new.definition),
            {key: verdict for key, verdict in verdicts.items() if verdict != "same"},
        ),
        "moved": list(verdicts.values()).count("moved"),
        "canvas": compared_canvas(old.definition, new.definition, (names[0], names[1])),
    }


@acts(Scope.FLOWS_WRITE)
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
        **_compared(flow, DRAFT, str(number)),
        "has_changes": publishing.has_unpublished_changes(flow),
        "faults": faults,
        "is_late": is_late,
    }
    return render(request, "flows/restore.html", context, status=409 if is_late else 200)


@acts(Scope.FLOWS_PUBLISH)
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
            say_taken_along(request, made.taken_along)
            return redirect(f"{reverse('flows:publish', args=[flow.pk])}?published={made.number}")
    context = {
        "title": f"Publish {version} of {flow.name} again?",
        "flow": flow,
        "version": version,
        **(_compared(flow, str(flow.published_version.number), str(number)) if flow.published_version else {}),
        "reasons": reasons_to_ask(publishing.drafted(flow, version)),
        "callers": callers_of(flow, request.user).live,
        "note": f"As {version}.",
        "faults": faults,
    }
    return render(request, "flows/publish_again.html", context)
