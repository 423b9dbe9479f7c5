"""The Tool tab: what a model sees of a flow, what the lint says of it, and what changes for clients."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.publishing import versions
from flows.publishing.review import DRAFT, UnknownVersion, compare, review_draft, review_live, version_named
from flows.review import tokens
from mcp_bridge.catalogue.definitions import ERAS, LEGACY, MODERN, definitions

LIVE = "live"


@dataclass(frozen=True, slots=True)
class Choice:
    """A contract that may be compared: its name in the address, and in words."""

    name: str
    words: str


@require_GET
def tool(request: HttpRequest, flow_id: int) -> HttpResponse:
    """A contract: `?show=draft|live`, in the form of `?era=modern|legacy`; and two compared: `?before=1&after=2`."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    has_changes = versions.has_unpublished_changes(flow)
    # What is asked for, else what somebody works on: the draft if it differs from what clients call.
    show = request.GET.get("show", "")
    live = review_live(flow) if show == LIVE or (show != DRAFT and not has_changes) else None
    review = live or review_draft(flow)
    forms = definitions(flow, review.version)
    era = LEGACY if request.GET.get("era") == LEGACY else MODERN
    try:
        comparison = compare(flow, request.GET.get("before", ""), request.GET.get("after", DRAFT))
    except UnknownVersion as error:
        raise Http404(error) from None
    numbers: Any = flow.versions.values_list("number", flat=True)
    context = {
        "flow": flow,
        "tab": "tool",
        "has_changes": has_changes,
        "review": review,
        "faults": () if review.version else versions.publishing_faults(flow),
        "forms": forms,
        "era": era,
        "era_version": ERAS[era],
        "definition": forms.of(era),
        "margin": tokens.MARGIN,
        "comparison": comparison,
        "choices": [Choice(DRAFT, "Draft"), *(Choice(str(number), f"v{number}") for number in numbers)],
    }
    return render(request, "mcp_bridge/tool.html", context)


@require_GET
def raw(request: HttpRequest, flow_id: int, name: str, era: str) -> HttpResponse:
    """The definition of the draft or of a version as JSON, to copy; 404 for one that there is not."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    try:
        found = definitions(flow, version_named(flow, name)).of(era) if era in ERAS else None
    except UnknownVersion as error:
        raise Http404(error) from None
    if found is None:
        raise Http404("There is no such definition.")
    return JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 2})
