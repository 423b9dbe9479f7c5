"""The Test tab: call a flow's draft or published version with a form made from its input schema, watch it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from executions.acting import trials
from executions.acting.actions import ActionRefused
from executions.cases import calls
from executions.cases.views import cases_context, find_case, is_published_wanted
from executions.ledger.unavailable import LedgerUnavailable
from executions.models import Execution
from executions.pages.views import LAST_DAY, LAST_DAY_TEMPLATE, HtmxRequest, detail_context, whole_or_part
from executions.record.holes import whole_parts
from executions.record.status import Status
from executions.running.targets import ArgumentsError, Target
from flows.access.acting import acts
from flows.arguments.controls import MISSING
from flows.arguments.form import ArgumentForm
from flows.cases.expectations import Expectation
from flows.cases.form import CaseForm
from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow, SavedCase
from flows.values.scopes import Scope


@dataclass
class Tab:
    """What the page is made of: whose parameters the form asks for, what is typed, and why nothing was called."""

    flow: Flow
    is_published: bool
    form: ArgumentForm
    case_form: CaseForm
    case: SavedCase | None = None
    """The case that the form was opened with."""
    faults: tuple[Fault, ...] = ()
    missing: Sequence[str] = ()
    """Paths of parameters that the record or case, which the form was filled from, does not hold."""

    def target(self) -> Target:
        """What is called; raises DefinitionError."""
        return trials.target_of(self.flow, is_published=self.is_published)


# What was typed comes back in the page, write-only parameters too.
@never_cache
@acts(Scope.EXECUTIONS_WRITE)
@require_http_methods(["GET", "POST"])
def test(request: HtmxRequest, flow_id: int) -> HttpResponse:
    """The form and, named by `?execution=`, the execution that it started; a POST changes the form or calls."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    if request.method == "POST":
        return _posted(request, flow)
    if request.htmx and not request.htmx.history_restore_request:
        if request.htmx.target == LAST_DAY:
            return whole_or_part(request, LAST_DAY_TEMPLATE, {"flow": flow})
        if request.htmx.target in ("detail", "cases"):
            return (_detail if request.htmx.target == "detail" else _cases)(request, flow)
    return _page(request, _opened(request, flow))


def _opened(request: HttpRequest, flow: Flow) -> Tab:
    """The form as a link opens it: with an execution's or a case's parameters, else with the schema's defaults."""
    case = find_case(request, flow, request.GET.get("case", ""))
    shown = _execution(request, flow, "execution")
    earlier = shown or _execution(request, flow, "again")
    is_published = is_published_wanted(flow, request.GET.get("version"))
    arguments, missing = (case.arguments, case.omitted) if case else (MISSING, [])
    if earlier:
        arguments, missing = whole_parts(earlier.initial_params)
    if case:
        case_form = CaseForm.showing(case.name, Expectation.of(case.expectation))
    else:
        ended = shown is not None and shown.ended_at is not None
        case_form = CaseForm.after(shown.result, shown.status == Status.ERROR) if shown and ended else CaseForm()
    form = ArgumentForm.filled(schema_of(flow, is_published), arguments, is_raw=request.GET.get("as") == "json")
    return Tab(flow, is_published, form, case_form, case, missing=missing)


def schema_of(flow: Flow, is_published: bool) -> Any:
    """The input schema of what is called."""
    version = flow.published_version
    return version.contract["inputSchema"] if is_published and version else flow.input_schema


def _execution(request: HttpRequest, flow: Flow, name: str) -> Execution | None:
    """The execution of this flow that the address names."""
    try:
        wanted = uuid.UUID(request.GET.get(name, ""))
    except ValueError:
        return None
    return Execution.objects.of_flow(flow, request.user).filter(pk=wanted).first()


def _posted(request: HttpRequest, flow: Flow) -> HttpResponse:
    """Do what the button says: call, or show the form in another way with everything that was typed."""
    is_published = is_published_wanted(flow, request.POST.get("version"))
    form = ArgumentForm.typed(schema_of(flow, is_published), request.POST)
    case = find_case(request, flow, request.POST.get("case", ""))
    tab = Tab(flow, is_published, form, CaseForm.unchecked(request.POST), case)
    wanted = request.POST.get("do", "call")
    if wanted == "call":
        return _called(request, tab)
    if wanted in ("save", "save-new"):
        return _saved(request, tab, case if wanted == "save" else None)
    if wanted in ("form", "json"):
        tab.form = form.switched(is_raw=wanted == "json")
    elif wanted in ("draft", "published") and form.is_valid():
        tab.is_published = is_published_wanted(flow, wanted)
        tab.form = ArgumentForm.filled(schema_of(flow, tab.is_published), form.arguments, is_raw=form.is_raw)
    else:
        form.change_list(wanted)
    return _page(request, tab)


def _called(request: HttpRequest, tab: Tab) -> HttpResponse:
    """Call, and lead to the address that names the execution; or say why nothing was called."""
    if tab.form.is_valid():
        try:
            target = tab.target()
            given = {} if tab.is_published else trials.given_outputs(tab.flow, target)
            execution_id = trials.call(target, tab.form.arguments, request.user, given)
            if tab.case is not None and calls.storable_part(target, tab.form.arguments)[0] == tab.case.arguments:
                calls.called(tab.case, tab.flow, execution_id, is_published=tab.is_published)
            return redirect(address_of(tab, execution_id))
        except ArgumentsError as error:
            tab.form.add_faults(error.faults)
            tab.faults = error.faults
        except DefinitionError as error:
            tab.faults = _of_definition(error)
        except trials.TrialRefused as error:
            tab.faults = error.faults
        except LedgerUnavailable as error:
            tab.faults = (Fault("", str(error)),)
    return _page(request, tab)


def _saved(request: HttpRequest, tab: Tab, case: SavedCase | None) -> HttpResponse:
    """Store what is typed as a case, or show what keeps it from being one."""
    tab.case_form = CaseForm(request.POST)
    if not (tab.form.is_valid() and tab.case_form.is_valid()):
        return _page(request, tab)
    case = case or SavedCase(flow=tab.flow)
    try:
        name = tab.case_form.cleaned_data["name"]
        calls.save(case, tab.target(), name, tab.form.arguments, tab.case_form.expectation)
    except DefinitionError as error:
        tab.faults = _of_definition(error)
    except (ValidationError, ActionRefused) as error:
        messages_of_error = error.messages if isinstance(error, ValidationError) else [f"Not saved: {error}"]
        tab.case_form.add_error("name", messages_of_error)
    else:
        left_out = f" Not stored, to be typed anew: {', '.join(case.omitted)}." if case.omitted else ""
        messages.success(request, f"The case “{case.name}” is saved.{left_out}")
        return redirect(address_of(tab, None, case))
    return _page(request, tab)


def _of_definition(error: DefinitionError) -> tuple[Fault, ...]:
    """The faults at their paths in the flow's JSON; those of its schemas have them already."""
    return tuple(
        fault
        if fault.path.startswith(("inputSchema", "outputSchema"))
        else replace(fault, path=f"definition.{fault.path}".rstrip("."))
        for fault in error.faults
    )


def address_of(tab: Tab, execution_id: uuid.UUID | None, case: SavedCase | None = None) -> str:
    """The page with this execution or case in it; on a narrow window the browser moves down to it."""
    query = QueryDict(mutable=True)
    if tab.is_published:
        query["version"] = "published"
    if tab.form.is_raw:
        query["as"] = "json"
    if case or tab.case:
        query["case"] = str((case or tab.case).pk)  # type: ignore[union-attr]
    if execution_id:
        query["execution"] = str(execution_id)
    place = "detail" if execution_id else "cases"
    return f"{reverse('executions:test', args=[tab.flow.pk])}?{query.urlencode()}#{place}"


def _page(request: HttpRequest, tab: Tab) -> HttpResponse:
    # A call that was refused is what the right column tells of then.
    execution = None if tab.faults else _execution(request, tab.flow, "execution")
    context: dict[str, Any] = {"flow": tab.flow, "tab": "test", "test": tab, "form": tab.form, "faults": tab.faults}
    context |= {"post_url": request.get_full_path()} | cases_context(request, tab.flow)
    if execution is not None:
        context |= detail_context(request, execution)
    return whole_or_part(request, "executions/test.html", context)


def _detail(request: HttpRequest, flow: Flow) -> HttpResponse:
    """The right column alone, as an open page asks for it when the execution changed."""
    execution = _execution(request, flow, "execution")
    if execution is None:
        raise Http404("The flow has no such execution.")
    return whole_or_part(
        request, "executions/_detail.html", {"flow": flow, "tab": "test", **detail_context(request, execution)}
    )


def _cases(request: HttpRequest, flow: Flow) -> HttpResponse:
    """The table of cases alone, as an open page asks for it when an execution of the flow changed."""
    return whole_or_part(request, "executions/_cases.html", {"flow": flow, **cases_context(request, flow)})
