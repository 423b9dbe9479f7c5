"""Ways to begin a flow: empty, from a template, from what somebody has already."""

from collections.abc import Sequence

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods

from flows.access.acting import acts
from flows.adapters.http_client import outbound_client
from flows.models import Flow, Server
from flows.pages.drawing import draw
from flows.publishing import versions
from flows.starting import examples, new_flow
from flows.starting.curl.command import read
from flows.starting.curl.flow import new_flow_of
from flows.starting.curl.form import CommandForm, CurlForm
from flows.starting.curl.request import drafted
from flows.starting.curl.words import CurlError
from flows.starting.forms import ExampleForm, NewFlowForm, WhereForm
from flows.starting.templates import TEMPLATES, template
from flows.values.scopes import Scope

MAX_FOUND = 50
"""Flows that are listed to be copied; a search finds the others."""


@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """Every way to begin a flow; a POST begins an empty one, which is built in its Build tab."""
    form = NewFlowForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        fields = dict(form.cleaned_data)
        return redirect("flows:build", new_flow.store(fields.pop("server"), new_flow.NewFlow(fields)).pk)
    context = {
        "title": "New flow",
        "form": form,
        "servers": Server.objects.visible_to(request.user),
        "templates": [(each, draw(each.definition)) for each in TEMPLATES],
    }
    return render(request, "flows/create.html", context)


@acts(Scope.FLOWS_WRITE)
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


# The command comes back in the page as it was pasted, credentials too; of what is stored, they are in the vault alone.
@never_cache
@sensitive_post_parameters("command")
@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def from_curl(request: HttpRequest) -> HttpResponse:
    """Take a command, show what a flow would make of it, and with `make` store that as a draft."""
    command_form, form = CommandForm(request.POST or None), None
    if request.method == "POST" and command_form.is_valid():
        try:
            draft = drafted(read(command_form.cleaned_data["command"]))
        except CurlError as error:
            command_form.add_error("command", str(error))
        else:
            form = CurlForm(request.POST if "make" in request.POST else None, user=request.user, draft=draft)
            if form.is_bound and form.is_valid():
                return _made_from_curl(request, form)
    context = {"title": "From a curl command", "command_form": command_form, "form": form}
    return render(request, "flows/from_curl.html", context | {"servers": Server.objects.visible_to(request.user)})


@sensitive_variables("credential")
def _made_from_curl(request: HttpRequest, form: CurlForm) -> HttpResponse:
    server, names = form.cleaned_data["server"], form.secret_names
    new = new_flow_of(form.draft, form.chosen, names)
    where = {name: form.cleaned_data[name] for name in ("name", "tool_name", "tool_description")}
    with transaction.atomic():
        made = new_flow.store(server, new_flow.NewFlow({**new.fields, **where}, new.cases))
        for credential in form.stored:
            versions.set_secret(server, names[credential.key], credential.value)
    missing = set(names.values()) - set(server.secrets.values_list("name", flat=True))
    messages.success(request, "This is your draft. Try it, then publish it.")
    if missing:
        say, where_to = (
            "It needs secrets that the server does not have yet: {}. <a href='{}'>Add them</a>",
            "flows:server-secrets",
        )
        messages.warning(request, format_html(say, ", ".join(sorted(missing)), reverse(where_to, args=[server.pk])))
    return redirect("flows:build", made.pk)


@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def from_example(request: HttpRequest) -> HttpResponse:
    """Infer the schemas of arguments and an answer, and store a flow that has them as a draft."""
    form = ExampleForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        server, where = given["server"], {name: given[name] for name in ("name", "tool_name", "tool_description")}
        new = examples.new_flow_of(given["arguments"], given["omitted"], given["answer"])
        made = new_flow.store(server, new_flow.NewFlow({**new.fields, **where}, new.cases))
        messages.success(
            request, "This is your draft: its parameters are those of the example, which is its saved case."
        )
        return redirect("flows:build", made.pk)
    return example_page(request, form)


def example_page(request: HttpRequest, form: ExampleForm, asked: str = "", missing: Sequence[str] = ()) -> HttpResponse:
    """The page of an example, which may come from a call: `asked` is the tool that a client asked for.

    `missing` are the paths of arguments that the record of the call does not hold.
    """
    context = {"title": "From an example", "form": form, "asked": asked, "missing": missing}
    return render(request, "flows/from_example.html", context)


@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def from_flow(request: HttpRequest) -> HttpResponse:
    """Find one of the flows that the user may see; a POST copies its draft into a server of choice."""
    flows, servers = Flow.objects.visible_to(request.user), Server.objects.visible_to(request.user)
    if request.method == "POST":
        flow = flows.visible_or_404(request.user, pk=request.POST.get("flow", ""))
        server = servers.visible_or_404(request.user, pk=request.POST.get("server", ""))
        copy = versions.duplicate(flow, server)
        messages.success(request, f"This is the copy, inactive and not published; its tool name is {copy.tool_name}.")
        return redirect("flows:build", copy.pk)
    search = request.GET.get("search", "").strip()
    found = flows.for_list().filter(Q(name__icontains=search) | Q(tool_name__icontains=search))
    context = {
        "title": "From one of your flows",
        "search": search,
        "flows": found[:MAX_FOUND],
        "more": found.count() - MAX_FOUND,
        "servers": servers,
    }
    return render(request, "flows/from_flow.html", context)


@require_GET
def from_file(request: HttpRequest) -> HttpResponse:
    """Lead to the import of the server that was chosen."""
    server = Server.objects.visible_or_404(request.user, pk=request.GET.get("server", ""))
    return redirect("flows:server-import", server.pk)
