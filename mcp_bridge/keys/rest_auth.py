"""API keys at the REST door: `Authorization: Bearer fh_...`, by the same rules as at the MCP door."""

from typing import Any

from django.contrib.auth import get_user_model
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from mcp_bridge.keys.principals import Principal, verify


class ApiKeyAuthentication(BaseAuthentication):
    """The caller is the key's owner.

    A key that is restricted to servers or tools is for calling those over MCP: it may not enter here at all, because
    flows, definitions and executions show more than the tools that it was given.
    """

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """Return the owner and what the key is, or None when no bearer token is sent.

        Raises AuthenticationFailed for an unknown, revoked or expired key, PermissionDenied for a restricted one.
        """
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        principal = verify(token)
        if principal is None:
            raise AuthenticationFailed("The API key is unknown, revoked or expired.")
        if principal.server_ids is not None or principal.tools is not None:
            raise PermissionDenied("This key is restricted to servers or tools: it works over MCP only.")
        return get_user_model().objects.get(pk=principal.owner_id), principal

    def authenticate_header(self, request: Request) -> str:
        """What a 401 says about getting in (RFC 6750 section 3)."""
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """API keys in OpenAPI."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token (RFC 6750)."""
        return {"type": "http", "scheme": "bearer", "description": "An API key without restrictions: fh_..."}
