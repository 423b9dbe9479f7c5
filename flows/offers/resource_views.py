"""Pages of a server's resources: list, add, edit with a preview, delete."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from flows.models import Resource, Server
from flows.offers.resource_form import ResourceForm
from flows.offers.resources import delete_resource, size_of
from flows.offers.states import state_of
from flows.values.uri_templates import variables_of


def _server(request: HttpRequest, server_id: int) -> Server:
    return get_object_or_404(Server.objects.visible_to(request.user), pk=server_id)


def _resource(request: HttpRequest, server_id: int, resource_id: int) -> Resource:
    resources = Resource.objects.visible_to(request.user).select_related("server", "flow__published_version")
    found: Resource = get_object_or_404(resources, server=server_id, pk=resource_id)
    return found


@require_GET
def resources(request: HttpRequest, server_id: int) -> HttpResponse:
    """The server's resources and templates, and whether clients see them."""
    server = _server(request, server_id)
    rows = server.resources.select_related("flow__published_version")
    listed = [(row, state_of(row), size_of(row)) for row in rows]
    return render(request, "flows/resources.html", {"server": server, "tab": "resources", "rows": listed})


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, server_id: int) -> HttpResponse:
    """A resource that the server does not have yet."""
    return _editor(request, Resource(server=_server(request, server_id)))


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, server_id: int, resource_id: int) -> HttpResponse:
    """Change a resource, with what clients get now beside it."""
    return _editor(request, _resource(request, server_id, resource_id))


def _editor(request: HttpRequest, resource: Resource) -> HttpResponse:
    is_new = resource.pk is None
    form = ResourceForm(request.POST or None, request.FILES or None, instance=resource)
    if request.method == "POST" and form.is_valid() and form.save():
        messages.success(request, f"The resource {resource.uri} is saved. Clients that may see it are told.")
        return redirect("flows:server-resource", resource.server_id, resource.pk)
    context = {"server": resource.server, "tab": "resources", "form": form, "resource": resource}
    if not is_new:
        stored = Resource.objects.select_related("flow__published_version").get(pk=resource.pk)
        context |= {"stored": stored, "state": state_of(stored), **_preview(stored)}
    return render(request, "flows/resource.html", context)


def _preview(resource: Resource) -> dict[str, Any]:
    """What clients get, as a content block; of a template its variables."""
    if resource.is_template:
        return {"variables": variables_of(resource.uri)}
    if resource.flow or not (resource.text or resource.blob):
        return {}
    body = {"blob": resource.blob} if resource.blob else {"text": resource.text}
    inner = {"uri": resource.uri, "mimeType": resource.mime_type} | body
    return {"result": {"content": [{"type": "resource", "resource": inner}]}, "size": size_of(resource)}


@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, server_id: int, resource_id: int) -> HttpResponse:
    """Ask once, then delete."""
    resource = _resource(request, server_id, resource_id)
    if request.method == "POST":
        delete_resource(resource)
        messages.success(request, f"The resource {resource.uri} is deleted.")
        return redirect("flows:server-resources", server_id)
    context = {"server": resource.server, "tab": "resources", "row": resource, "kind": "resource"}
    return render(request, "flows/row_delete.html", context | {"called": resource.uri})
