"""Two executions of a flow side by side, and the choice of the second one."""

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from executions.models import Execution, ExecutionQuerySet
from executions.reading import comparison
from executions.record.status import Status
from flows.models import Flow

CHOICES = {
    "previous": "The one before it",
    "fulfilled": "The last fulfilled one",
    "original": "The one that it replays",
}
"""What may be said in place of an id, in words; found for the execution that is given by its id."""

NOT_FOUND = "This flow has no execution with that id."


@require_GET
def compare(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Compare the executions `left` and `right`; one of them may be a word of CHOICES, or missing to be asked for."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    executions = Execution.objects.of_flow(flow, request.user)
    left_text, right_text = request.GET.get("left", "").strip(), request.GET.get("right", "").strip()
    right = _named(executions, right_text or left_text)
    if right is None:
        raise Http404(NOT_FOUND)
    left = None
    if right_text:
        left = _chosen(executions, right, left_text) if left_text in CHOICES else _named(executions, left_text)
    context: dict[str, Any] = {"flow": flow, "tab": "usage", "left": left, "right": right}
    if left is None:
        asked = left_text if right_text else ""
        choices = [(label, _chosen(executions.for_list(), right, word)) for word, label in CHOICES.items()]
        problem = f"{CHOICES[asked]}: there is none." if asked in CHOICES else NOT_FOUND
        context |= {"choices": choices, "asked": asked, "problem": asked and problem}
        return render(request, "executions/compare_with.html", context, status=404 if asked else 200)
    if left_text in CHOICES:
        return redirect(f"{reverse('executions:compare', args=[flow.pk])}?left={left.pk}&right={right.pk}")
    return render(request, "executions/compare.html", context | {"comparison": comparison.compare(left, right)})


def _named(executions: ExecutionQuerySet, text: str) -> Execution | None:
    try:
        return executions.filter(pk=uuid.UUID(text)).select_related("flow_version").first()
    except ValueError:
        return None


def _chosen(executions: ExecutionQuerySet, execution: Execution, word: str) -> Execution | None:
    """The execution that a word of CHOICES stands for."""
    if word == "original":
        return executions.filter(replays=execution).first()
    others, earlier = executions.exclude(pk=execution.pk), executions.filter(pk__lt=execution.pk)
    if word == "previous":
        return earlier.newest_first().first()
    fulfilled = earlier.in_status(Status.FULFILLED).newest_first().first()
    return fulfilled or others.in_status(Status.FULFILLED).newest_first().first()
