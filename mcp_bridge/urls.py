"""Addresses of the pages about clients and keys."""

from django.urls import path

from mcp_bridge.pages import connect, keys, tool_tab
from mcp_bridge.upstream import views as upstream

app_name = "bridge"
urlpatterns = [
    path("flows/<int:flow_id>/connect/", connect.connect, name="connect"),
    path("flows/<int:flow_id>/tool/", tool_tab.tool, name="tool"),
    path("flows/<int:flow_id>/tool/<slug:name>/<slug:era>/", tool_tab.raw, name="tool-raw"),
    path("flows/<int:flow_id>/publish/tools/", upstream.chosen_tools, name="chosen-tools"),
    path("keys/", keys.keys, name="keys"),
    path("keys/<int:key_id>/", keys.key, name="key"),
    path("keys/<int:key_id>/rotate/", keys.rotate, name="rotate"),
    path("keys/<int:key_id>/narrow/", keys.narrow, name="narrow"),
    path("keys/<int:key_id>/revoke/", keys.revoke, name="revoke"),
]
