"""Pages of a server's prompts and of its resources: list, add, edit with a preview, delete."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from flows.access.acting import acts
from flows.models import Offer, Prompt, Resource, Server
from flows.offers.changes import delete_offer
from flows.offers.prompt_form import PromptEditor
from flows.offers.resource_form import ResourceEditor, with_kept_file
from flows.offers.states import state_of
from flows.revisions.conflicts import conflict_page, merged, started_from
from flows.revisions.writes import Stale
from flows.values.scopes import Scope

Kind = type[Prompt] | type[Resource]


@require_GET
def offers(request: HttpRequest, server_id: int, model: Kind) -> HttpResponse:
    """What the server offers of this kind, and whether clients see it."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    rows = model.objects.filter(server=server).select_related("flow__published_version")
    context = {"server": server, "tab": f"{model.kind}s", "rows": [(row, state_of(row)) for row in rows]}
    return render(request, f"flows/{model.kind}s.html", context)


@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, server_id: int, model: Kind) -> HttpResponse:
    """One that the server does not have yet."""
    return _editor(request, model(server=Server.objects.visible_or_404(request.user, pk=server_id)))


@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, server_id: int, offer_id: int, model: Kind) -> HttpResponse:
    """Change one, with what clients get now beside it; of a prompt `?preview=` tries it with sample arguments."""
    return _editor(request, _offer(request, server_id, offer_id, model))


@acts(Scope.FLOWS_PUBLISH)
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, server_id: int, offer_id: int, model: Kind) -> HttpResponse:
    """Ask once, then delete."""
    offer = _offer(request, server_id, offer_id, model)
    is_late = False
    if request.method == "POST":
        try:
            delete_offer(offer, started_from(request.POST))
        except Stale:
            is_late, offer = True, _offer(request, server_id, offer_id, model)
        else:
            messages.success(request, f"The {offer.kind} {offer.key} is deleted.")
            return redirect(f"flows:server-{offer.kind}s", server_id)
    context = {"server": offer.server, "tab": f"{offer.kind}s", "row": offer, "kind": offer.kind, "called": offer.key}
    return render(request, "flows/row_delete.html", context | {"is_late": is_late}, status=409 if is_late else 200)


def _offer(request: HttpRequest, server_id: int, offer_id: int, model: Kind) -> Offer:
    offers = model.objects.select_related("server", "flow__published_version")
    found: Offer = offers.visible_or_404(request.user, server=server_id, pk=offer_id)
    return found


def _editor(request: HttpRequest, offer: Offer) -> HttpResponse:
    is_new, name, revision = offer.pk is None, offer.key, str(offer.revision)
    editor = _shown(offer)
    if request.method == "POST":
        sent = (
            request.POST if is_new else with_kept_file(merged(request.POST, editor.form, editor.rows()), request.FILES)
        )
        editor, revision = _shown(offer, sent, request.FILES), sent.get("revision", revision)
        try:
            if editor.is_to_be_saved and editor.save(None if is_new else started_from(sent)):
                messages.success(request, f"The {offer.kind} {offer.key} is saved. Clients that may see it are told.")
                return redirect(f"flows:server-{offer.kind}", offer.server_id, offer.pk)
        except Stale as late:
            stored_editor = _shown(late.current)
            return conflict_page(request, sent, late.current, stored_editor.form, stored_editor.rows())
    context = {"server": offer.server, "tab": f"{offer.kind}s", "editor": editor, "form": editor.form, "name": name}
    if not is_new:
        stored = type(offer).objects.select_related("flow__published_version").get(pk=offer.pk)
        context |= {"stored": stored, "revision": revision, "state": state_of(stored)}
        context |= editor.preview(stored, request.GET)
    return render(request, f"flows/{offer.kind}.html", context)


def _shown(offer: Any, *sent: Any) -> PromptEditor | ResourceEditor:
    return PromptEditor(offer, *sent) if isinstance(offer, Prompt) else ResourceEditor(offer, *sent)
