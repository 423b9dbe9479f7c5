"""The page that tells what a node of the draft may name."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_GET

from executions.pages.views import HtmxRequest
from executions.reading.node_inputs import inputs_of
from flows.engine.errors import DefinitionError
from flows.models import Flow


@require_GET
def inputs(request: HtmxRequest, flow_id: int, slug: str) -> HttpResponse:
    """What expressions of the node may name; htmx gets the list alone, for the Build tab."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    try:
        found = inputs_of(flow, slug, request.user)
    except DefinitionError as error:
        raise Http404("The draft is no graph.") from error
    if found is None:
        raise Http404(f"The draft reaches no node with the slug {slug!r}.")
    template = "executions/_inputs.html" if request.htmx else "executions/inputs.html"
    response = render(request, template, {"flow": flow, "tab": "build", "slug": slug, "references": found})
    patch_vary_headers(response, ["HX-Request"])
    return response
