"""Addresses of the API about other MCP servers."""

from django.urls import path

from mcp_bridge.api import views

urlpatterns = [path("upstream-tools/", views.UpstreamToolList.as_view(), name="api-upstream-tools")]
