"""The API's description: the OpenAPI document and a page to try it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated

from flows.api.serializers import JSON_OBJECT
from flows.engine.graph import DEFINITION_SCHEMA
from flows.values.scopes import Scope


class DefinitionInDocument(OpenApiSerializerFieldExtension):
    """A definition's nodes, their settings and connections, each under a name of its own."""

    target_class = "flows.api.serializers.DefinitionField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        """A reference to the component that this makes; what is shown may be a draft, which may be faulty."""
        whole = _named({name: part for name, part in DEFINITION_SCHEMA.items() if name != "$schema"}, auto_schema)
        return whole if direction == "request" else {"anyOf": [whole, JSON_OBJECT]}


def _named(schema: Any, auto_schema: Any) -> Any:
    """The schema with a reference in place of each part that has a title, which becomes a component."""
    if isinstance(schema, list):
        return [_named(each, auto_schema) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _named(value, auto_schema) for key, value in schema.items() if key != "title"}
    if not isinstance(name := schema.get("title"), str):
        return found
    component = ResolvedComponent(name, ResolvedComponent.SCHEMA, found, name)
    auto_schema.registry.register_on_missing(component)
    return component.ref


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for those who may use the API."""

    scopes = {"GET": Scope.FLOWS_READ}
    permission_classes = [IsAuthenticated]


class DocsView(SpectacularSwaggerSplitView):
    """The document as a page; its script is a file of its own, because the content security policy allows no other."""

    url_name = "api-schema"
    template_name = "flows/api_docs.html"
    permission_classes = [IsAuthenticated]


docs: Any = login_required(DocsView.as_view())
"""A person who is not logged in is led to the login page."""
