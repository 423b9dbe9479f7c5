"""Pages of a server's secrets: list, add, give a new value, remove. No answer holds a value."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from flows.access.acting import acts
from flows.models import Secret, Server
from flows.publishing import versions
from flows.secrets.forms import NewSecretForm, OriginsForm, SecretValueForm
from flows.secrets.uses import meanings_in, uses_of
from flows.values.scopes import Scope


def _secret(request: HttpRequest, server_id: int, name: str) -> Secret:
    secrets = Secret.objects.select_related("server")
    return secrets.visible_or_404(request.user, server=server_id, name=name)


@sensitive_post_parameters("value")
@acts(Scope.SECRETS_WRITE)
@require_http_methods(["GET", "POST"])
def secrets(request: HttpRequest, server_id: int) -> HttpResponse:
    """The server's secrets with the flows that name them, and a form for one more; `?name=` fills its name in."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    form = NewSecretForm(request.POST or None, server=server, initial={"name": request.GET.get("name", "")})
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        versions.set_secret(server, name, form.cleaned_data["value"], form.cleaned_data["origins"])
        how = "is stored" if form.cleaned_data["value"] else "is stored and empty"
        messages.success(request, f"{name} {how}. Flows can name it from now on.")
        return redirect("flows:server-secrets", server.pk)
    uses, stored = uses_of(server), list(server.secrets.all())
    missing = sorted(uses.keys() - {secret.name for secret in stored})
    named_by = {use.flow.pk: use.flow.definition for name in missing for use in uses[name]}
    context = {
        "server": server,
        "tab": "secrets",
        "form": form,
        "rows": [(secret, uses.get(secret.name, [])) for secret in stored],
        "empty": versions.empty_secrets(server),
        "missing": [(name, uses[name]) for name in missing],
        "meanings": meanings_in(named_by.values()),
    }
    return render(request, "flows/secrets.html", context)


@sensitive_post_parameters("value")
@acts(Scope.SECRETS_WRITE)
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, server_id: int, name: str) -> HttpResponse:
    """Give a secret a new value, or say where it may be sent: two forms, and the one that was sent has its field."""
    secret = _secret(request, server_id, name)
    sent = request.POST or None
    form = SecretValueForm(None if "origins" in request.POST else sent)
    origins = OriginsForm(sent if "origins" in request.POST else None, initial={"origins": secret.origins})
    form.fields["value"].label = "New value"
    if origins.is_bound and origins.is_valid():
        versions.set_origins(secret, origins.cleaned_data["origins"])
        messages.success(request, f"Where {secret.name} may be sent is stored. The next call of a flow keeps to it.")
        return redirect("flows:server-secrets", server_id)
    if form.is_bound and form.is_valid():
        versions.set_secret(secret.server, secret.name, form.cleaned_data["value"])
        how = "has a new value" if form.cleaned_data["value"] else "is empty now"
        messages.success(request, f"{secret.name} {how}. The next call of a flow uses it.")
        return redirect("flows:server-secrets", server_id)
    context = {"server": secret.server, "tab": "secrets", "secret": secret, "form": form, "origins": origins}
    return render(request, "flows/secret.html", context | {"uses": uses_of(secret.server).get(secret.name, [])})


@acts(Scope.SECRETS_WRITE)
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, server_id: int, name: str) -> HttpResponse:
    """Say which flows still name the secret, then remove it."""
    secret = _secret(request, server_id, name)
    if request.method == "POST":
        versions.delete_secret(secret)
        messages.success(request, f"{secret.name} is removed.")
        return redirect("flows:server-secrets", server_id)
    context = {"server": secret.server, "tab": "secrets", "secret": secret}
    return render(request, "flows/secret_remove.html", context | {"uses": uses_of(secret.server).get(secret.name, [])})
