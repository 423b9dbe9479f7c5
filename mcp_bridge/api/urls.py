"""Addresses of the API about tools as clients see them, other MCP servers, and API keys."""

from django.urls import path

from mcp_bridge.api import keys, tool, upstream

urlpatterns = [
    path("keys/", keys.KeyList.as_view(), name="api-keys"),
    path("keys/<str:keyId>/", keys.KeyDetail.as_view(), name="api-key"),
    path("keys/<str:keyId>/rotate/", keys.KeyRotation.as_view(), name="api-key-rotate"),
    path("flows/<str:flowId>/tool/", tool.FlowTool.as_view(), name="api-flow-tool"),
    path("upstream-tools/", upstream.UpstreamToolList.as_view(), name="api-upstream-tools"),
]
