"""How deep executions stand below one another, also where a flow calls FlowHub by its own address.

Such a call is a request like any other; a header that FlowHub has signed tells whose it is. Who is not FlowHub can
neither write one nor learn more from it than an id.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple

from django.conf import settings
from django.core import signing
from django.http.request import validate_host

HEADER = "flowhub-lineage"

_signer = signing.Signer(salt="flowhub.lineage")


class Lineage(NamedTuple):
    """The execution with which a family of calls began, and how many stand above one another; 1 for that one alone."""

    root: str
    depth: int


running: ContextVar[Callable[[], Lineage] | None] = ContextVar("running", default=None)
"""What tells whose nodes run here; asked only when one of them calls FlowHub."""

arrived: ContextVar[Lineage | None] = ContextVar("arrived", default=None)
"""Whose node sent the request that is served here; None for a request from outside."""


def headers_for(host: str) -> list[tuple[bytes, bytes]]:
    """What a node's request to this host has to carry: the header for FlowHub's own, nothing for all others."""
    asked = running.get()
    own = [name for name in settings.ALLOWED_HOSTS if name != "*"]
    if asked is None or not validate_host(host, own):
        return []
    lineage = asked()
    return [(HEADER.encode(), _signer.sign(f"{lineage.root} {lineage.depth}").encode())]


def read(header: str) -> Lineage | None:
    """What the header tells; None for one that FlowHub has not signed."""
    try:
        root, depth = _signer.unsign(header).split()
    except signing.BadSignature:
        return None
    return Lineage(root, int(depth))
