"""The Test tab: call a flow's draft or published version with a form made from its input schema, and watch it run."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from executions import services, trials
from executions.models import Execution
from executions.views import HtmxRequest, detail_context
from flows.argument_controls import MISSING
from flows.argument_form import ArgumentForm
from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow

NAMES = ("version", "as", "execution")
"""What the address says: which version is called, how parameters are written, which execution is shown."""


@dataclass
class Tab:
    """What the page is made of: whose parameters the form asks for, what is typed, and why nothing was called."""

    flow: Flow
    is_published: bool
    form: ArgumentForm
    faults: tuple[Fault, ...] = ()
    is_incomplete: bool = False
    """Whether the form was filled from a record that lacks what was hidden or cut."""


# What was typed comes back in the page, write-only parameters too.
@never_cache
@require_http_methods(["GET", "POST"])
def test(request: HtmxRequest, flow_id: int) -> HttpResponse:
    """The form and, named by `?execution=`, the execution that it started; a POST changes the form or calls."""
    flows = Flow.objects.visible_to(request.user).select_related("server", "published_version")
    flow = get_object_or_404(flows, pk=flow_id)
    if request.method == "POST":
        return _posted(request, flow)
    if request.htmx and request.htmx.target == "detail" and not request.htmx.history_restore_request:
        return _detail(request, flow)
    return _page(request, _opened(request, flow))


def _opened(request: HttpRequest, flow: Flow) -> Tab:
    """The form as a link opens it: with the parameters of an execution, else with the schema's defaults."""
    earlier = _execution(request, flow, "execution") or _execution(request, flow, "again")
    arguments, is_incomplete = trials.whole_parts(earlier.initial_params) if earlier else (MISSING, False)
    is_published = _is_published(flow, request.GET.get("version"))
    form = ArgumentForm.filled(schema_of(flow, is_published), arguments, is_raw=request.GET.get("as") == "json")
    return Tab(flow, is_published, form, is_incomplete=is_incomplete)


def _is_published(flow: Flow, version: str | None) -> bool:
    return version == "published" and flow.published_version is not None


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
    is_published = _is_published(flow, request.POST.get("version"))
    form = ArgumentForm.typed(schema_of(flow, is_published), request.POST)
    tab = Tab(flow, is_published, form)
    wanted = request.POST.get("do", "call")
    if wanted == "call":
        return _called(request, tab)
    if wanted in ("form", "json"):
        tab.form = form.switched(is_raw=wanted == "json")
    elif wanted in ("draft", "published") and form.is_valid():
        tab.is_published = _is_published(flow, wanted)
        tab.form = ArgumentForm.filled(schema_of(flow, tab.is_published), form.arguments, is_raw=form.is_raw)
    else:
        form.change_list(wanted)
    return _page(request, tab)


def _called(request: HttpRequest, tab: Tab) -> HttpResponse:
    """Call, and lead to the address that names the execution; or say why nothing was called."""
    if tab.form.is_valid():
        try:
            target = trials.target_of(tab.flow, is_published=tab.is_published)
            return redirect(address_of(tab, trials.call(target, tab.form.arguments, request.user)))
        except services.ArgumentsError as error:
            tab.form.add_faults(error.faults)
            tab.faults = error.faults
        except DefinitionError as error:
            tab.faults = tuple(replace(fault, path=f"definition.{fault.path}".rstrip(".")) for fault in error.faults)
        except services.LedgerUnavailable as error:
            tab.faults = (Fault("", str(error)),)
    return _page(request, tab)


def address_of(tab: Tab, execution_id: uuid.UUID) -> str:
    """The page with this execution in it; on a narrow window the browser moves down to it."""
    query = QueryDict(mutable=True)
    if tab.is_published:
        query["version"] = "published"
    if tab.form.is_raw:
        query["as"] = "json"
    query["execution"] = str(execution_id)
    return f"{reverse('executions:test', args=[tab.flow.pk])}?{query.urlencode()}#detail"


def _page(request: HttpRequest, tab: Tab) -> HttpResponse:
    # A call that was refused is what the right column tells of then.
    execution = None if tab.faults else _execution(request, tab.flow, "execution")
    context: dict[str, Any] = {"flow": tab.flow, "tab": "test", "test": tab, "form": tab.form, "faults": tab.faults}
    context["post_url"] = request.get_full_path()
    if execution is not None:
        context |= detail_context(request, execution)
    response = render(request, "executions/test.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _detail(request: HttpRequest, flow: Flow) -> HttpResponse:
    """The right column alone, as an open page asks for it when the execution changed."""
    execution = get_object_or_404(
        Execution.objects.of_flow(flow, request.user), pk=getattr(_execution(request, flow, "execution"), "pk", None)
    )
    context = {"flow": flow, "tab": "test", **detail_context(request, execution)}
    response = render(request, "executions/_detail.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
