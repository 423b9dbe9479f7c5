"""The pages that make flows of an API's operations: choose some of a kept document, look at what becomes of each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from flows.access.acting import acts
from flows.engine.errors import DefinitionError, Fault
from flows.models import Server
from flows.secrets.uses import meanings_in
from flows.transfer import apis, choosing
from flows.transfer.apis import MAX_CHOSEN, Made, Step
from flows.transfer.choosing import Choosing, Filter
from flows.transfer.files import Choice
from flows.transfer.forms import AddressForm
from flows.values.scopes import Scope

ON_A_PAGE = 100
"""Operations on one page."""

_FILTERS = ("search", "tag", "method", "show")
_CHANGES = ("breaking", "changed", "new", "same")
_CHOICES: dict[str, Choice] = {"new": "new", "replace": "replace", "leave": "leave"}

Page = Callable[..., HttpResponse]


def _of_document(page: Page) -> Page:
    """A page of a document that is kept; who comes too late is led to where the document can be brought again."""

    @wraps(page)
    def led(request: HttpRequest, server_id: int, document_id: int) -> HttpResponse:
        server = Server.objects.visible_or_404(request.user, pk=server_id)
        try:
            choice = choosing.choosing_of(request.user, server, document_id)
        except Http404:
            messages.warning(request, "That document is not kept any more: bring it again.")
            return redirect("flows:server-import", server.pk)
        return page(request, server, choice)

    return led


@acts(Scope.FLOWS_WRITE)
@never_cache
@require_http_methods(["GET", "POST"])
@_of_document
def choose(request: HttpRequest, server: Server, choice: Choosing) -> HttpResponse:
    """The operations that `?search=`, `?tag=`, `?method=` and `?show=` keep, in pages; what is ticked is kept first."""
    wanted = _filter(request.GET)
    if request.method == "GET":
        return _operations_page(request, server, choice, wanted)
    return _kept(request, server, choice, wanted)


def _filter(given: QueryDict) -> Filter:
    return Filter(**{name: given.get(name, "").strip()[:200] for name in _FILTERS})


def _kept(request: HttpRequest, server: Server, choice: Choosing, wanted: Filter) -> HttpResponse:
    """Keep what was ticked, and go where the button leads: another page, another search, the preview."""
    shown = {each for each in request.POST.get("shown", "").split(",") if each.isdecimal()}
    ticked = set(request.POST.getlist("operation"))
    for number, operation in enumerate(choice.operations):
        if str(number) in shown:
            (choice.chosen.add if str(number) in ticked else choice.chosen.discard)(operation.key)
    found = {operation.key for _, operation in choice.found(wanted)}
    go = request.POST.get("go", "filter")
    if go == "all":
        choice.chosen |= found
    elif go == "none":
        choice.chosen -= found
    form = choice.form(request.POST)
    form.is_valid()
    given = {"address": request.POST.get("address", "")[:2000]}
    choice.store(**given | form.cleaned_data)
    if go == "preview":
        number, problem = len(choice.chosen), ""
        if not 0 < number <= MAX_CHOSEN:
            problem = "Choose at least one operation." if not number else _too_many(number)
        if form.is_valid() and not problem:
            return redirect("flows:server-import-operations", server.pk, choice.row.pk)
        return _operations_page(request, server, choice, wanted, form, problem)
    query = (request.GET if go in ("all", "none") or go.isdecimal() else request.POST).copy()
    kept = QueryDict(mutable=True)
    kept.update({name: str(query[name]) for name in _FILTERS if query.get(name)})
    page = go if go.isdecimal() else request.GET.get("page", "") if go in ("all", "none") else ""
    kept.update({"page": page} if page else {})
    address = reverse("flows:server-import-document", args=[server.pk, choice.row.pk])
    return redirect(f"{address}?{kept.urlencode()}#operations-title")


def _too_many(number: int) -> str:
    return f"Choose at most {MAX_CHOSEN} operations at once; {number:,} are chosen."


def _operations_page(
    request: HttpRequest,
    server: Server,
    choice: Choosing,
    wanted: Filter,
    form: AddressForm | None = None,
    problem: str = "",
) -> HttpResponse:
    found = list(choice.found(wanted))
    page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    tags = Counter(tag for operation in choice.operations for tag in operation.tags)
    context = {
        "server": server,
        "tab": "import",
        "choice": choice,
        "form": form or choice.form(),
        "problem": problem,
        "wanted": wanted,
        "page": page,
        "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1),
        "shown": ",".join(str(number) for number, _ in page),
        "found": len(found),
        "unable": sum(bool(operation.problem) for operation in choice.operations),
        "too_many": _too_many(len(choice.chosen)) if len(choice.chosen) > MAX_CHOSEN else "",
        "max_chosen": MAX_CHOSEN,
        "tags": sorted(tags.items()),
        "methods": list(dict.fromkeys(operation.method for operation in choice.operations)),
        "query": request.GET.urlencode(),
    }
    return render(request, "flows/import_operations.html", context)


@acts(Scope.FLOWS_WRITE)
@never_cache
@require_http_methods(["GET", "POST"])
@_of_document
def preview(request: HttpRequest, server: Server, choice: Choosing) -> HttpResponse:
    """What becomes of each chosen operation, held against the flows that were made of it; sent, do it."""
    address = reverse("flows:server-import-document", args=[server.pk, choice.row.pk])
    form = choice.form({"address": choice.address, "credentials": choice.credentials, "media_type": choice.media_type})
    if not form.is_valid() or not 0 < len(choice.chosen) <= MAX_CHOSEN:
        return redirect(address)
    faults: Sequence[Fault] = ()
    given, seen = _given(request.POST, choice)
    plan, gone = choice.planned(given)
    if request.method == "POST":
        # No draft is replaced that was not ticked as it is now.
        others = {
            step.operation.key: step
            for step in plan.steps
            if step.choice == "replace" and step.revision != seen.get(step.operation.key)
        }
        kept = (replace(step, choice="leave") if step.operation.key in others else step for step in plan.steps)
        plan = replace(plan, steps=tuple(kept))
        try:
            if faults := [_late(step) for key, step in others.items() if key in seen]:
                raise DefinitionError(faults)
            made = apis.take_over(plan)
        except DefinitionError as error:
            faults = error.faults
        else:
            _say_late(request, made)
            query = QueryDict(mutable=True)
            query.update({"made": ",".join(str(flow.pk) for flow in made.flows), "document": str(choice.row.pk)})
            return redirect(f"{reverse('flows:server-import', args=[server.pk])}?{query.urlencode(safe=',')}")
    numbers = {operation.key: number for number, operation in enumerate(choice.operations)}
    by_change: dict[str, list[Any]] = {change: [] for change in _CHANGES}
    for step in plan.steps:
        by_change[step.change].append((numbers[step.operation.key], step))
    context = {
        "server": server,
        "tab": "import",
        "choice": choice,
        "plan": plan,
        "by_change": by_change,
        "altered": by_change["breaking"] + by_change["changed"],
        "gone": gone,
        "notes": sum(bool(step.operation.notes) for step in plan.steps),
        "meanings": meanings_in(step.flow.definition for step in plan.steps),
        "faults": faults,
    }
    return render(request, "flows/import_api_preview.html", context)


def _given(given: QueryDict, choice: Choosing) -> tuple[dict[str, Choice], dict[str, int]]:
    """What was chosen by the operation's key, and the revisions of the drafts that may be replaced: `replace-3`."""
    choices: dict[str, Choice] = {}
    seen: dict[str, int] = {}
    for number, operation in enumerate(choice.operations):
        chosen, _, revision = given.get(f"choice-{number}", "").partition("-")
        if chosen in _CHOICES:
            choices[operation.key] = _CHOICES[chosen]
            seen[operation.key] = int(revision) if revision.isdecimal() else 0
    return choices, seen


def _late(step: Step) -> Fault:
    return Fault(step.tool_name, "its draft was changed since you looked at this page; look again, and choose anew")


def _say_late(request: HttpRequest, made: Made) -> None:
    """Name the drafts that somebody wrote since the page was made."""
    if made.late:
        names = ", ".join(step.tool_name for step in made.late[:20])
        messages.warning(
            request,
            f"Not replaced, because somebody changed {pluralize(len(made.late), 'it,them')} in this moment: {names}.",
        )
