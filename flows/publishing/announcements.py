"""Tell whoever asked that the catalogue of a server changed. Lower layers announce, upper layers subscribe."""

from collections.abc import Callable

from django.db import transaction

Listener = Callable[[str], None]

_listeners: list[Listener] = []


def subscribe(listener: Listener) -> None:
    """Have `listener(server_slug)` called after each committed change; it must be quick and thread-safe."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(server_slug: str) -> None:
    """Say, once the current transaction is committed, that what this server offers may have changed."""

    def tell() -> None:
        for listener in _listeners:
            listener(server_slug)

    transaction.on_commit(tell)
