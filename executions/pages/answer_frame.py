"""The frame in which an execution's page draws an answer: its own policy, no network, no access to the page."""

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from executions.models import Execution
from executions.reading.drawn_answers import document_of, drawn_answer_of

POLICY = "; ".join(
    (
        # Also when somebody opens the address by itself: no origin, so no cookies and no storage of ours.
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "media-src data:",
        "font-src data:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
"""What a host has to enforce for a page that declares no domains (SEP-1865, Content Security Policy), and less."""


@require_GET
@xframe_options_sameorigin
def frame(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """The document that draws the answer; 404 when there is nothing to draw. The page around it sends the data.

    In a tab of its own it could lead a person to another site under FlowHub's address, so it opens in the frame alone.
    """
    executions = Execution.objects.select_related("flow", "flow_version")
    execution = executions.visible_or_404(request.user, pk=execution_id)
    answer = drawn_answer_of(execution)
    if answer is None or answer.obstacle:
        raise Http404("There is nothing to draw.")
    if not _is_framed(request):
        return render(request, "executions/only_framed.html", {"execution": execution}, status=403)
    return HttpResponse(document_of(execution, answer), headers={"Content-Security-Policy": POLICY})


def _is_framed(request: HttpRequest) -> bool:
    """Whether the browser loads this into a frame.

    Old ones do not say so, and none does over plain HTTP from another machine; then a page of ours has to lead here.
    """
    if (loaded_into := request.headers.get("Sec-Fetch-Dest")) is not None:
        return loaded_into == "iframe"
    ours = f"{request.scheme}://{request.get_host()}/"
    return request.headers.get("Referer", "").startswith(ours)
