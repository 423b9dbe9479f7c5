"""Ways to begin a flow: empty, from a template, from what somebody has already."""

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from flows.adapters.http_client import outbound_client
from flows.models import Flow, Server
from flows.pages.drawing import draw
from flows.starting import new_flow
from flows.starting.forms import NewFlowForm, WhereForm
from flows.starting.templates import TEMPLATES, template


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Every way to begin a flow; a POST begins an empty one, which is built in its Build tab."""
    form = NewFlowForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        return redirect("flows:build", form.save().pk)
    context = {
        "title": "New flow",
        "form": form,
        "servers": Server.objects.visible_to(request.user),
        "templates": [(each, draw(each.definition)) for each in TEMPLATES],
    }
    return render(request, "flows/create.html", context)


@require_http_methods(["GET", "POST"])
def from_template(request: HttpRequest, key: str) -> HttpResponse:
    """Say what the template is made of, then store it as a draft."""
    chosen = template(key)
    if chosen is None:
        raise Http404(f"There is no template {key!r}.")
    flow = Flow(name=chosen.new.fields["name"])
    form = WhereForm(request.POST or None, user=request.user, instance=flow)
    if request.method == "POST" and form.is_valid():
        fields = {**chosen.new.fields, **form.cleaned_data}
        server = fields.pop("server")
        new = new_flow.NewFlow(fields, chosen.new.cases)
        made = new_flow.store(server, new, called=chosen.called, user=request.user)
        messages.success(
            request, "This is your draft. Try it on its Test tab, where it has a saved case, then publish it."
        )
        return redirect("flows:build", made.pk)
    context = {
        "title": chosen.title,
        "template": chosen,
        "form": form,
        "drawing": draw(chosen.definition),
        "demo": settings.PUBLIC_URL,
        "refusal": async_to_sync(outbound_client().refusal)(settings.PUBLIC_URL) if chosen.asks else "",
    }
    return render(request, "flows/from_template.html", context)


@require_GET
def from_file(request: HttpRequest) -> HttpResponse:
    """Lead to the import of the server that was chosen."""
    server = Server.objects.visible_or_404(request.user, pk=request.GET.get("server", ""))
    return redirect("flows:server-import", server.pk)
