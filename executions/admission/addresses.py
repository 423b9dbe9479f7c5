"""The address of a caller: the peer's, or the one that a trusted proxy has forwarded."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings

UNKNOWN = "unknown"
_FORWARDED = b"x-forwarded-for"


def address_of(scope: Mapping[str, Any]) -> str:
    """Whose calls are counted together, from the scope of an ASGI request.

    Of IPv6 it is the network of 64 bits, which one subscriber has as a whole. X-Forwarded-For counts only as far as
    FLOWHUB_TRUSTED_PROXIES says: each proxy adds the address of who asked it, so what stands before is the caller's
    own word.
    """
    peer = (scope.get("client") or (UNKNOWN,))[0]
    if settings.TRUSTED_PROXIES:
        lines = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
        forwarded = [each.strip() for each in ",".join(lines).split(",")]
        if lines and len(forwarded) >= settings.TRUSTED_PROXIES:
            peer = forwarded[-settings.TRUSTED_PROXIES] or peer
    return _counted(peer)


def _counted(text: str) -> str:
    try:
        found = ip_address(text)
    except ValueError:  # a socket of the file system, or a proxy that adds ports: counted as it stands
        return text[:64]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ip_network((int(found), 64), strict=False))
    return text
