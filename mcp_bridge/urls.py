"""Addresses of the pages about clients and keys."""

from django.urls import path

from mcp_bridge import tool_views, views

app_name = "bridge"
urlpatterns = [
    path("flows/<int:flow_id>/connect/", views.connect, name="connect"),
    path("flows/<int:flow_id>/tool/", tool_views.tool, name="tool"),
    path("flows/<int:flow_id>/tool/<slug:name>/<slug:era>/", tool_views.raw, name="tool-raw"),
    path("keys/", views.keys, name="keys"),
    path("keys/<int:key_id>/revoke/", views.revoke, name="revoke"),
]
