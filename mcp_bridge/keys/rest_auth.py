"""API keys at the REST door: `Authorization: Bearer fh_...`, by the same rules as at the MCP door."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request

from executions.admission.addresses import address_in
from flows.api.scopes import InsufficientScope
from flows.values.scopes import KeyLimits, Scope
from mcp_bridge.keys.principals import Principal, TooManyGuesses, verify
from mcp_bridge.models import KEY_START

NOT_FOR_KEYS = "No API key opens this address: log in, and use it as a person."
UNKNOWN = "The API key is unknown, revoked or expired."
NO_KEY = f"{UNKNOWN} REST takes keys, fh_...; the access token of a client that signed in opens /mcp/ alone."
UNLIMITED = KeyLimits(None, None)


def scope_for(view: Any, method: str) -> Scope | None:
    """The scope that a view names for a method; None when it names none, so that no key may use it."""
    scopes: Mapping[str, Scope] = getattr(view, "scopes", {})
    if method == "OPTIONS":
        return next(iter(scopes.values()), None)
    return scopes.get("GET" if method == "HEAD" else method)


class ApiKeyAuthentication(BaseAuthentication):
    """The caller is the key's owner, who sees no more than the key is limited to (`VisibleQuerySet.visible_to`)."""

    def authenticate(self, request: Request) -> tuple[Any, Principal] | None:
        """Return the owner and what the key is, or None when no bearer token is sent.

        Raises AuthenticationFailed for an unknown, revoked or expired key, Throttled where there were too many of
        them, InsufficientScope when it lacks the scope
        that the view names for the method, and PermissionDenied where the view names none. That is decided here,
        because a view may have permissions of its own.
        """
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            principal = verify(token, address_in(request))
        except TooManyGuesses as refused:
            raise Throttled(refused.seconds, str(refused)) from None
        if principal is None:
            raise AuthenticationFailed(UNKNOWN if token.startswith(KEY_START) else NO_KEY)
        view = (request.parser_context or {})["view"]
        wanted = scope_for(view, str(request.method))
        if wanted is None and request.method in view.allowed_methods:
            raise PermissionDenied(NOT_FOR_KEYS)
        if wanted is not None and wanted not in principal.scopes:
            raise InsufficientScope(wanted)
        user: Any = get_user_model().objects.get(pk=principal.owner_id)
        if principal.limits != UNLIMITED:
            user.key_limits = principal.limits
        return user, principal

    def authenticate_header(self, request: Request) -> str:
        """What a 401 says about getting in (RFC 6750 section 3)."""
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """API keys in OpenAPI."""

    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """A bearer token (RFC 6750)."""
        scopes = "\n".join(f"- `{scope}`: {scope.label}" for scope in Scope)
        say = f"An API key, fh_..., with the scope that the operation names in `x-scope`:\n\n{scopes}"
        return {"type": "http", "scheme": "bearer", "description": say}

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """Nothing where no key may enter. The scopes stand in `x-scope`: OpenAPI 3.0 has none for bearer tokens."""
        return {self.name: []} if scope_for(auto_schema.view, auto_schema.method) else []
