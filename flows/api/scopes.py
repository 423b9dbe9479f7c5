"""What is answered to a key that lacks a scope."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from flows.models import Server
from flows.values.scopes import Scope


class InsufficientScope(PermissionDenied):
    """The key lacks a scope, which the answer names in its body and in a header (RFC 6750 section 3.1)."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        say = f"This API key lacks the scope {scope}. Give it that under Keys, or use another key."
        self.detail: Any = {"detail": say, "code": "insufficient_scope", "scope": str(scope)}
        self.auth_header = f'Bearer error="insufficient_scope", scope="{scope}"'


def require(request: Request, scope: Scope, server: Server) -> None:
    """Raise InsufficientScope when a key asks that lacks the scope, PermissionDenied for a member whose role does."""
    key: Any = request.auth
    if key is not None and scope not in key.scopes:
        raise InsufficientScope(scope)
    server.require(request.user, scope)
