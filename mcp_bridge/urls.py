"""Addresses of the pages about clients and keys."""

from django.urls import path

from mcp_bridge import views

app_name = "bridge"
urlpatterns = [
    path("flows/<int:flow_id>/connect/", views.connect, name="connect"),
    path("keys/", views.keys, name="keys"),
    path("keys/<int:key_id>/revoke/", views.revoke, name="revoke"),
]
