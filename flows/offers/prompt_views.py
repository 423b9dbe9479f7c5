"""Pages of a server's prompts: list, add, edit with a preview, delete."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from flows.models import Prompt, Server
from flows.offers.prompt_form import PreviewForm, PromptEditor
from flows.offers.prompts import delete_prompt
from flows.offers.states import state_of


def _server(request: HttpRequest, server_id: int) -> Server:
    return get_object_or_404(Server.objects.visible_to(request.user), pk=server_id)


def _prompt(request: HttpRequest, server_id: int, prompt_id: int) -> Prompt:
    prompts = Prompt.objects.visible_to(request.user).select_related("server", "flow__published_version")
    found: Prompt = get_object_or_404(prompts, server=server_id, pk=prompt_id)
    return found


@require_GET
def prompts(request: HttpRequest, server_id: int) -> HttpResponse:
    """The server's prompts, and whether clients see them."""
    server = _server(request, server_id)
    rows = server.prompts.select_related("flow__published_version")
    context = {"server": server, "tab": "prompts", "rows": [(row, state_of(row)) for row in rows]}
    return render(request, "flows/prompts.html", context)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, server_id: int) -> HttpResponse:
    """A prompt that the server does not have yet."""
    return _editor(request, Prompt(server=_server(request, server_id)))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, server_id: int, prompt_id: int) -> HttpResponse:
    """Change a prompt; `?preview=` tries the stored one with sample arguments."""
    return _editor(request, _prompt(request, server_id, prompt_id))


def _editor(request: HttpRequest, prompt: Prompt) -> HttpResponse:
    is_new, name = prompt.pk is None, prompt.name
    editor = PromptEditor(prompt, request.POST if request.method == "POST" else None)
    if editor.is_to_be_saved and editor.save():
        messages.success(request, f"The prompt {prompt.name} is saved. Clients that may see it are told.")
        return redirect("flows:server-prompt", prompt.server_id, prompt.pk)
    context = {"server": prompt.server, "tab": "prompts", "editor": editor, "prompt": prompt, "name": name}
    if not is_new:
        stored = Prompt.objects.select_related("flow").get(pk=prompt.pk)
        preview = PreviewForm(stored, request.GET)
        shown = [(each["role"], {"content": [each["content"]]}) for each in preview.messages()]
        context |= {"stored": stored, "preview": preview, "shown": shown, "state": state_of(stored)}
    return render(request, "flows/prompt.html", context)


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, server_id: int, prompt_id: int) -> HttpResponse:
    """Ask once, then delete."""
    prompt = _prompt(request, server_id, prompt_id)
    if request.method == "POST":
        delete_prompt(prompt)
        messages.success(request, f"The prompt {prompt.name} is deleted.")
        return redirect("flows:server-prompts", server_id)
    context = {"server": prompt.server, "tab": "prompts", "row": prompt, "kind": "prompt", "called": prompt.name}
    return render(request, "flows/row_delete.html", context)
