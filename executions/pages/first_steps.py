"""The first steps on the dashboard: make the first call, and hide them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from executions.acting import trials
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import Execution
from executions.reading.first_steps import first_steps_of
from executions.running.targets import ArgumentsError
from flows.access.acting import acts
from flows.engine.errors import DefinitionError
from flows.values.scopes import Scope

HIDDEN = "first_steps_are_hidden"
"""What the session says of somebody who needs them no more."""


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def call(request: HttpRequest) -> HttpResponse:
    """Call the flow of the first steps as they say, and go to the execution; to its Test tab where that does not go."""
    steps = first_steps_of(request.user)
    if steps is None or steps.flow is None:
        raise Http404("There is nothing to call.")
    if steps.arguments is None:
        return redirect("executions:test", steps.flow.pk)
    try:
        target = trials.target_of(steps.flow, is_published=True)
        return redirect(Execution.objects.get(pk=trials.call(target, steps.arguments, request.user)))
    except (ArgumentsError, DefinitionError, LedgerUnavailable) as error:
        messages.error(request, f"Not called: {error}")
    return redirect("executions:test", steps.flow.pk)


@acts(None)
@require_POST
def hide(request: HttpRequest) -> HttpResponse:
    """Show the steps no more, in this session."""
    request.session[HIDDEN] = True
    return redirect("dashboard")
