"""Answer what an execution asks the person who called it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from executions.ledger.suspensions import AnswerRefused
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import Execution
from executions.questions import answers_of_people
from executions.questions.answers_of_people import Action, AnswerFaults, NotYours, PersonReply, Wait
from executions.questions.form import AnswerForm, forms_of
from flows.access.acting import acts
from flows.pages.return_addresses import own_address
from flows.values.scopes import Scope


# What was typed comes back in the page when something in it does not fit.
@never_cache
@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, execution_id: uuid.UUID) -> HttpResponse:
    """The questions alone on a page; a POST answers the one that `slug` names and goes back to `next`."""
    execution = Execution.objects.visible_or_404(request.user, pk=execution_id)
    back = own_address(request, request.POST.get("next", "")) or execution.get_absolute_url()
    wait = answers_of_people.wait_of(execution, request.user)
    if wait is None or not wait.is_yours:
        messages.error(request, answers_of_people.NOT_YOURS if wait else answers_of_people.why_not(execution))
        return redirect(back)
    forms = forms_of(wait, request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"title": "Answer", "execution": execution, "wait": wait, "forms": forms, "back": back}
    if request.method == "POST":
        try:
            if _answered(request, execution, wait, forms):
                return redirect(back)
        except (NotYours, AnswerRefused) as error:
            messages.error(request, str(error))
            return redirect(back)
        except LedgerUnavailable as error:
            context["problem"] = f"Not answered: {error}"
    return render(request, "executions/answer.html", context)


def _answered(request: HttpRequest, execution: Execution, wait: Wait, forms: list[AnswerForm]) -> bool:
    """Go on with what the person did; False when it does not fit, which its form says then."""
    if request.POST.get("step") != str(wait.step):
        raise AnswerRefused(answers_of_people.ASKS_SOMETHING_ELSE)
    form = next((form for form in forms if form.slug == request.POST.get("slug")), None)
    if form is None:
        return False
    action = request.POST.get("do")
    try:
        if action == "accept":
            if not form.is_valid():
                return False
            answers_of_people.answer(execution, {form.slug: form.reply}, request.user, wait.step)
        else:
            wanted: Action = "decline" if action == "decline" else "cancel"
            answers_of_people.answer(execution, {form.slug: PersonReply(wanted, {})}, request.user, wait.step)
    except AnswerFaults as error:
        form.add_faults(error.faults[form.slug])
        return False
    return True
