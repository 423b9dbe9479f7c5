"""The saved cases of a flow under its Test tab: how each went, call them, delete one."""

import uuid
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from executions.acting.actions import ActionRefused
from executions.cases import calls
from executions.models import Execution
from flows.access.acting import acts
from flows.cases.drafts import print_of, summary_of
from flows.cases.expectations import Expectation
from flows.engine.errors import DefinitionError
from flows.models import Flow, SavedCase
from flows.values.scopes import Scope


def is_published_wanted(flow: Flow, version: str | None) -> bool:
    """Whether the published version is asked for, and there is one."""
    return version == "published" and flow.published_version is not None


def find_case(request: HttpRequest, flow: Flow, case_id: str) -> SavedCase | None:
    """The case of this flow that an address or a form names."""
    found = SavedCase.objects.visible_to(request.user).filter(flow=flow)
    return found.filter(pk=case_id).first() if case_id.isdecimal() and len(case_id) < 19 else None


def cases_context(request: HttpRequest, flow: Flow) -> dict[str, Any]:
    """What `_cases.html` shows; cases whose execution has ended meanwhile are judged."""
    rows = list(SavedCase.objects.visible_to(request.user).filter(flow=flow))
    calls.settle(rows)
    ids = [case.last_execution_id for case in rows if case.last_execution_id]
    known = set(Execution.objects.of_flow(flow, request.user).filter(pk__in=ids).values_list("pk", flat=True))
    printed = print_of(flow)
    return {
        "case_rows": [CaseRow.of(case, printed, known) for case in rows],
        "case_summary": summary_of(flow),
        "cases_are_busy": calls.is_busy(flow),
        "cases_published": is_published_wanted(flow, request.GET.get("cases")),
    }


@dataclass(frozen=True)
class CaseRow:
    """A line of the table of cases. `state` is `passed`, `failed`, `pending` or nothing."""

    case: SavedCase
    expectation: str
    state: str
    is_current: bool
    execution_id: uuid.UUID | None

    @classmethod
    def of(cls, case: SavedCase, printed: str, known: Container[uuid.UUID]) -> "CaseRow":
        """A line for a case; `printed` is the draft's print, `known` are the executions that can be linked."""
        states = {True: "passed", False: "failed", None: "pending" if case.last_execution_id in known else ""}
        return cls(
            case,
            Expectation.of(case.expectation).words,
            states[case.last_passed],
            case.last_target == printed,
            case.last_execution_id if case.last_execution_id in known else None,
        )


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def call_cases(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Call every case of a flow, or the one that `case` names, on the draft or the published version."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    is_published = is_published_wanted(flow, request.POST.get("version"))
    chosen = list(SavedCase.objects.visible_to(request.user).filter(flow=flow))
    if "case" in request.POST:
        chosen = [case for case in chosen if str(case.pk) == request.POST["case"]]
    try:
        calls.start(chosen, flow, request.user, is_published=is_published)
    except DefinitionError as error:
        messages.error(request, f"Not called: the draft has faults. {error}")
    except ActionRefused as error:
        messages.error(request, f"Not called: {error}")
    query = "?cases=published" if is_published else ""
    return redirect(f"{reverse('executions:test', args=[flow.pk])}{query}#cases")


@never_cache
@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def publish_cases(request: HttpRequest, flow_id: int) -> HttpResponse:
    """A part of the dialog that publishes: every case, called on the stored draft by POST, and how each one went."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    refused = ""
    if request.method == "POST":
        chosen = list(SavedCase.objects.visible_to(request.user).filter(flow=flow))
        try:
            calls.start(chosen, flow, request.user, is_published=False)
        except (DefinitionError, ActionRefused) as error:
            refused = str(error)
    context = {"flow": flow, "refused": refused} | cases_context(request, flow)
    return render(request, "executions/_publish_cases.html", context)


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def delete_case(request: HttpRequest, flow_id: int, case_id: int) -> HttpResponse:
    """Delete a case; the executions that it made stay."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    case = SavedCase.objects.visible_or_404(request.user, flow=flow, pk=case_id)
    calls.delete(case)
    messages.success(request, f"The case “{case.name}” is deleted.")
    return redirect(f"{reverse('executions:test', args=[flow.pk])}#cases")
