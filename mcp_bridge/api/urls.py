"""Addresses of the API about tools as clients see them, and about other MCP servers."""

from django.urls import path

from mcp_bridge.api import tool, upstream

urlpatterns = [
    path("flows/<str:flowId>/tool/", tool.FlowTool.as_view(), name="api-flow-tool"),
    path("upstream-tools/", upstream.UpstreamToolList.as_view(), name="api-upstream-tools"),
]
