"""Pages that write flows into a file and read them from one: export, import, preview, result."""

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.access.acting import acts
from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow, Prompt, Server
from flows.secrets.uses import meanings_in, names_in
from flows.transfer import choosing, files, openapi
from flows.transfer.files import Choice, Contents
from flows.transfer.forms import SourceForm
from flows.values.scopes import Scope


def as_file(text: str, name: str) -> HttpResponse:
    """An answer that the browser stores under a name."""
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{slugify(name) or "flows"}.flowhub.json"'
    return answer


@require_GET
def export_flow(request: HttpRequest, flow_id: int) -> HttpResponse:
    """The flow's draft as a file."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    return as_file(files.exported([flow]), flow.tool_name)


@require_GET
def export_server(request: HttpRequest, server_id: int) -> HttpResponse:
    """The drafts of all flows of the server, its prompts and its resources as a file."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    return as_file(files.exported_server(server), server.slug)


@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, server_id: int) -> HttpResponse:
    """Take a file and show what would become of it. `?made=1,2` shows what an import has made.

    With `&document=3` what there is to know of what was made of that document.
    """
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    if request.method == "GET":
        named = set(request.GET.get("made", "").split(","))
        made = [flow for flow in server.flows.all() if str(flow.pk) in named] if "made" in request.GET else []
        return _start_page(request, server, SourceForm(), made=made, notes=_notes(request, server, made))
    form = SourceForm(request.POST, request.FILES)
    if not form.is_valid():
        return _start_page(request, server, form)
    if not openapi.is_openapi(form.source):
        return _preview(request, server, form, form.source)
    try:
        document_id = choosing.begin(request.user, server, form.source.encode())
    except DefinitionError as error:
        return _start_page(request, server, form, error.faults)
    return redirect("flows:server-import-document", server.pk, document_id)


def _notes(request: HttpRequest, server: Server, made: Sequence[Flow]) -> list[tuple[str, Sequence[str]]]:
    """What there is to know of the flows that were made of a document, as long as it is kept: titles with notes."""
    try:
        choice = choosing.choosing_of(request.user, server, request.GET.get("document", ""))
    except Http404:
        return []
    keys = {flow.origin["operation"] for flow in made if flow.origin}
    return [(each.title, each.notes) for each in choice.operations if each.key in keys and each.notes]


def _start_page(
    request: HttpRequest,
    server: Server,
    form: SourceForm,
    faults: Sequence[Fault] = (),
    made: Sequence[Flow] = (),
    notes: Sequence[tuple[str, Sequence[str]]] = (),
) -> HttpResponse:
    known = set(server.secrets.values_list("name", flat=True))
    needed = set().union(*(names_in(flow.definition) for flow in made))
    context = {
        "server": server,
        "tab": "import",
        "form": form,
        "faults": faults,
        "made": made,
        "missing_secrets": sorted(needed - known),
        "meanings": meanings_in(flow.definition for flow in made),
        "notes": notes,
    }
    return render(request, "flows/import.html", context)


def _preview(request: HttpRequest, server: Server, form: SourceForm, text: str) -> HttpResponse:
    try:
        plan = files.planned(server, files.read(text), {})
    except DefinitionError as error:
        return _start_page(request, server, form, error.faults)
    meanings = meanings_in(step.flow.definition for step in plan.steps)
    context = {"server": server, "tab": "import", "plan": plan, "source": text, "meanings": meanings}
    return render(request, "flows/import_preview.html", context)


@acts(Scope.FLOWS_WRITE)
@require_POST
def apply(request: HttpRequest, server_id: int) -> HttpResponse:
    """Store what the preview showed, as it was chosen there."""
    server, text = Server.objects.visible_or_404(request.user, pk=server_id), request.POST.get("source", "")
    try:
        contents = files.read(text)
        choices = _choices(request.POST, contents)
        if any(choices.get(entry.key) == "replace" for entry in contents.entries):
            server.require(request.user, Scope.FLOWS_PUBLISH)
        done = files.import_contents(server, contents, choices)
    except DefinitionError as error:
        return _start_page(request, server, SourceForm(initial={"text": text}), error.faults)
    made = ",".join(str(flow.pk) for flow in done.flows)
    prompts = sum(isinstance(row, Prompt) for row in done.rows)
    for kind, number in (("prompt", prompts), ("resource", len(done.rows) - prompts)):
        if number:
            messages.success(request, f"Imported: {number} {kind}{pluralize(number)}. New ones are inactive.")
    return redirect(f"{reverse('flows:server-import', args=[server.pk])}?made={made}")


def _choices(given: Mapping[str, str], contents: Contents) -> dict[str, Choice]:
    """What was chosen for each flow, prompt and resource; the fields are numbered as these are in the file."""
    chosen = {flow.tool_name: given.get(f"choice-{index}", "new") for index, flow in enumerate(contents.flows)}
    chosen |= {entry.key: given.get(f"row-{index}", "leave") for index, entry in enumerate(contents.entries)}
    return {name: cast(Choice, choice) for name, choice in chosen.items() if choice in get_args(Choice)}
