"""The address of a caller: the peer's, or the one that a trusted proxy has forwarded."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from flows.adapters.turns import network_of

MAX_ADDRESS = 64
"""Characters of an address; what a proxy has added may be anything."""

_FORWARDED = b"x-forwarded-for"


def address_of(scope: Mapping[str, Any]) -> str:
    """Whose calls are counted together, from the scope of an ASGI request.

    X-Forwarded-For counts only as far as FLOWHUB_TRUSTED_PROXIES says: each proxy adds the address of who asked it, so
    what stands before is the caller's own word. A peer without an address is the empty text.
    """
    peer = (scope.get("client") or ("",))[0]
    if settings.TRUSTED_PROXIES:
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
        forwarded = [each.strip() for each in ",".join(lines).split(",")]
        if lines and len(forwarded) >= settings.TRUSTED_PROXIES:
            peer = forwarded[-settings.TRUSTED_PROXIES] or peer
    return network_of(peer[:MAX_ADDRESS])


def address_in(request: HttpRequest) -> str:
    """The same from a request as Django has it."""
    return address_of(getattr(request, "scope", {"client": (request.META["REMOTE_ADDR"],), "headers": ()}))
