"""What a page does to the things of a server, said beside it, so that who may not is refused before it begins.

A request carries it as `request.user.acting`, where `VisibleQuerySet.visible_to` reads it: rows of servers in which the
person's role lacks that scope are not found. REST views name the scope of each method in `scopes` instead.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase

from flows.values.scopes import Scope

View = TypeVar("View", bound=Callable[..., Any])
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_OWN = ("flows.", "executions.", "mcp_bridge.", "flowhub.")


def acts(scope: Scope | None) -> Callable[[View], View]:
    """Says of a page what a POST to it does; None when it touches nothing of a server."""

    def marked(view: View) -> View:
        view.acts = scope  # type: ignore[attr-defined]
        return view

    return marked


def acts_as(view: Any) -> Scope | None:
    """What a page said of itself; raises ImproperlyConfigured for one of our own that takes a POST and says nothing."""
    if not hasattr(view, "acts"):
        raise ImproperlyConfigured(f"{view.__module__}.{view.__qualname__} takes a POST: say what it does with @acts.")
    scope: Scope | None = view.acts
    return scope


class ActingMiddleware:
    """Puts what a POST to a page does where the rows that it may touch are looked up."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Any:
        """Nothing is known of the view yet."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Our own pages alone: REST names scopes by method, and the admin has permissions of its own."""
        is_page = view.__module__.startswith(_OWN) and not hasattr(view, "cls") and ".admin" not in view.__module__
        if request.method not in SAFE and is_page and (scope := acts_as(view)) is not None:
            request.user.acting = scope  # type: ignore[union-attr]
