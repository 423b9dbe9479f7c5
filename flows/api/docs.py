"""The API's description: the OpenAPI document and a page to try it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated

from flows.values.scopes import Scope


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
