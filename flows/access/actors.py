"""Who is at work, and through which door: carried along beside the code, so that no service takes it as a parameter."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.models import TextChoices


class Door(TextChoices):
    """Through what a change came."""

    PAGE = "page", "Page"
    REST = "rest", "REST"
    ADMIN = "admin", "Admin"
    MCP = "mcp", "MCP"
    COMMAND = "command", "Command"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something; nobody is named where a command does."""

    door: Door
    user_id: int | None = None
    name: str = ""
    key_name: str = ""
    """The API key that acts for the person."""


_request: ContextVar[Any] = ContextVar("request", default=None)
_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)


@contextmanager
def on_behalf_of(request: Any) -> Iterator[None]:
    """While this request is answered, its person is who acts: asked for when something changes, and not before."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Whatever changes meanwhile, `actor` changes."""
    token = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(token)


def actor() -> Actor:
    """Who acts now."""
    if (said := _actor.get()) is not None:
        return said
    request = _request.get()
    if request is None:
        return Actor(Door.COMMAND)
    user, key = getattr(request, "user", None), getattr(request, "auth", None)
    begins = {"api": Door.REST, "admin": Door.ADMIN}
    door = begins.get(request.path_info.split("/")[1], Door.PAGE)
    if user is None or not user.pk:
        return Actor(door)
    return Actor(door, user.pk, user.get_username(), str(getattr(key, "name", "")).removeprefix("key "))
