"""What a person does to an execution from its page: cancel it, run it again, pin it, write a note, delete it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from executions.acting import actions, from_node, replays
from executions.acting.forms import NoteForm, ReplayForm
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import Execution
from executions.record.holes import holes
from executions.running import cancelling
from executions.running.targets import ArgumentsError
from flows.access.acting import acts
from flows.engine.errors import DefinitionError
from flows.pages.return_addresses import own_address
from flows.values.scopes import Scope

NOT_CALLED = (actions.ActionRefused, ArgumentsError, LedgerUnavailable, DefinitionError)


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def cancel(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Ask a pending execution to stop, whatever process runs it. Back to the page that asked."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    if cancelling.cancel(execution):
        messages.success(request, "The execution was asked to stop.")
    else:
        messages.warning(request, "The execution has ended already.")
    return redirect(own_address(request, request.POST.get("next", "")) or execution)


@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def replay(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Call the flow again and go to the new execution: with the same parameters, or with those of the form."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    is_edited = request.method == "GET" or "arguments" in request.POST
    try:
        if is_edited:
            return _edited_replay(request, execution)
        return redirect(replays.replay(execution, request.user))
    except NOT_CALLED as error:
        messages.error(request, f"Not called: {error}")
    return redirect(execution)


def _edited_replay(request: HttpRequest, execution: Execution) -> HttpResponse:
    target = replays.target_of(execution, request.user)
    form = ReplayForm(request.POST or None, initial={"arguments": execution.initial_params})
    context: dict[str, Any] = {"title": "Run again with edited parameters", "execution": execution, "form": form}
    if form.is_valid():
        try:
            return redirect(replays.replay(execution, request.user, form.cleaned_data["arguments"]))
        except ArgumentsError as error:
            context["faults"] = error.faults
    context |= {"holes": sorted(holes(execution.initial_params)), "is_draft": target.version_id is None}
    return render(request, "executions/replay.html", context)


@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def replay_from(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Say what running again from the node `node` would do; a POST does it and goes to the new execution."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    node_id = (request.POST or request.GET).get("node", "")
    try:
        if request.method == "POST":
            return redirect(from_node.replay_from(execution, node_id, request.user))
        plan = from_node.plan(execution, node_id, request.user)
    except NOT_CALLED as error:
        messages.error(request, f"Not called: {error}")
        return redirect(execution)
    context = {"title": f"Run again from {plan.node.name}", "execution": execution, "plan": plan}
    return render(request, "executions/replay_from.html", context)


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def pin(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Keep the execution whatever is pruned, or stop keeping it: `pinned` is `1` or `0`."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    actions.pin(execution, request.POST.get("pinned") == "1")
    return redirect(execution)


@acts(Scope.EXECUTIONS_WRITE)
@require_POST
def note(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Replace the note on an execution, also of a pending one; an empty note takes it away."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    form = NoteForm(request.POST)
    if form.is_valid():
        actions.note(execution, form.cleaned_data["note"])
    else:
        messages.error(request, f"The note was not kept: {form.errors['note'].as_text()}")
    return redirect(execution)


@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """Ask whether the record is to be deleted, then delete it; pinned and pending ones stay."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    try:
        actions.check_deletable(execution)
        if request.method == "GET":
            return render(request, "executions/delete.html", {"title": "Delete execution", "execution": execution})
        actions.delete(execution)
    except actions.ActionRefused as error:
        messages.error(request, f"Not deleted: {error}")
        return redirect(execution)
    messages.success(request, f"The execution {execution.pk} was deleted.")
    return redirect("executions:usage", execution.flow_id) if execution.flow_id else redirect("executions:list")
