"""Pages that write flows into a file and read them from one: export, import, operations, preview, result."""

from collections.abc import Mapping, Sequence
from typing import cast, get_args

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.engine.errors import DefinitionError, Fault
from flows.models import Flow, Prompt, Server
from flows.secrets.uses import meanings_in, names_in
from flows.transfer import files, openapi
from flows.transfer.files import Choice, Contents
from flows.transfer.forms import OperationsForm, SourceForm


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


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, server_id: int) -> HttpResponse:
    """Take a file and show what would become of it. `?made=1,2` shows what an import has made."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    if request.method == "GET":
        named = set(request.GET.get("made", "").split(","))
        made = [flow for flow in server.flows.all() if str(flow.pk) in named] if "made" in request.GET else []
        return _start_page(request, server, SourceForm(), made=made)
    form = SourceForm(request.POST, request.FILES)
    if not form.is_valid():
        return _start_page(request, server, form)
    if not openapi.is_openapi(form.source):
        return _preview(request, server, form, form.source)
    try:
        document = openapi.read(form.source)
    except DefinitionError as error:
        return _start_page(request, server, form, error.faults)
    return _operations_page(request, server, OperationsForm(document=document, source=form.source))


def _start_page(
    request: HttpRequest, server: Server, form: SourceForm, faults: Sequence[Fault] = (), made: Sequence[Flow] = ()
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
    }
    return render(request, "flows/import.html", context)


def _operations_page(request: HttpRequest, server: Server, form: OperationsForm) -> HttpResponse:
    context = {"server": server, "tab": "import", "form": form, "info": form.document.root.get("info")}
    return render(request, "flows/import_operations.html", context)


@require_POST
def operations(request: HttpRequest, server_id: int) -> HttpResponse:
    """Make flows of the chosen operations and show what would become of them."""
    server, source = Server.objects.visible_or_404(request.user, pk=server_id), request.POST.get("source", "")
    try:
        document = openapi.read(source)
    except DefinitionError as error:
        return _start_page(request, server, SourceForm(initial={"text": source}), error.faults)
    form = OperationsForm(request.POST, document=document, source=source)
    if not form.is_valid():
        return _operations_page(request, server, form)
    flows = [operation.flow for operation in form.chosen if operation.flow]
    text = files.document_text(flows, set().union(*(names_in(flow["definition"]) for flow in flows)))
    notes = [f"{operation.title}: {note}." for operation in form.chosen for note in operation.notes]
    return _preview(request, server, SourceForm(), text, notes)


def _preview(
    request: HttpRequest, server: Server, form: SourceForm, text: str, notes: Sequence[str] = ()
) -> HttpResponse:
    try:
        plan = files.planned(server, files.read(text), {})
    except DefinitionError as error:
        return _start_page(request, server, form, error.faults)
    meanings = meanings_in(step.flow.definition for step in plan.steps)
    context = {"server": server, "tab": "import", "plan": plan, "source": text, "notes": notes, "meanings": meanings}
    return render(request, "flows/import_preview.html", context)


@require_POST
def apply(request: HttpRequest, server_id: int) -> HttpResponse:
    """Store what the preview showed, as it was chosen there."""
    server, text = Server.objects.visible_or_404(request.user, pk=server_id), request.POST.get("source", "")
    try:
        contents = files.read(text)
        done = files.import_contents(server, contents, _choices(request.POST, contents))
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
