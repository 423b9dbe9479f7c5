"""Addresses of the authorization server; those that begin with /.well-known/ are where RFC 8414 and 9728 have them."""

from django.urls import path, re_path

from mcp_bridge.oauth import connections, consent, metadata, registration, tokens

app_name = "oauth"
urlpatterns = [
    path(".well-known/oauth-authorization-server", metadata.authorization_server, name="server"),
    re_path(
        r"^\.well-known/oauth-protected-resource/mcp/(?P<slug>[-a-zA-Z0-9_]{1,63})/?$",
        metadata.protected_resource,
        name="resource",
    ),
    path("oauth/authorize/", consent.Authorize.as_view(), name="authorize"),
    path("oauth/token/", tokens.token, name="token"),
    path("oauth/revoke_token/", tokens.revoke, name="revoke"),
    path("oauth/register/", registration.register, name="register"),
    path("clients/", connections.connections, name="clients"),
    path("clients/<int:connection_id>/disconnect/", connections.disconnect, name="disconnect"),
]
