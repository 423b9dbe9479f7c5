"""What a page does to the things of a server, said beside it, so that who may not is refused before it begins.

A request carries it as `request.user.acting`, where `VisibleQuerySet.visible_to` reads it: rows of servers in which the
person's role lacks that scope are not found. REST views name the scope of each method in `scopes` instead.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed

from flows.access.actors import on_behalf_of
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


class ActingMiddleware:
    """Puts what a POST to a page does where the rows that it may touch are looked up, and who does it beside that."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Any:
        """Whatever changes on the way, the person of this request changes."""
        if iscoroutinefunction(self.get_response):
            return self._later(request)
        with on_behalf_of(request):
            return self.get_response(request)

    async def _later(self, request: HttpRequest) -> HttpResponseBase:
        with on_behalf_of(request):
            answer: HttpResponseBase = await self.get_response(request)
            return answer

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Our own pages alone: REST names scopes by method, and the admin has permissions of its own.

        A page that does not say what a POST does to it takes none.
        """
        is_page = view.__module__.startswith(_OWN) and not hasattr(view, "cls") and ".admin" not in view.__module__
        if request.method in SAFE or not is_page:
            return None
        if not hasattr(view, "acts"):
            return HttpResponseNotAllowed(sorted(SAFE - {"TRACE"}))
        if view.acts is not None:
            request.user.acting = view.acts  # type: ignore[union-attr]
        return None
