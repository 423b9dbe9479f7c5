"""Nothing that a person or a key was answered stays in a cache, of a browser or on the way to it."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

Respond = Callable[[Any], Any]


@sync_and_async_middleware
def no_store_middleware(get_response: Respond) -> Respond:
    """Say so of every answer that says nothing of it itself; static files are answered before they get here."""
    if iscoroutinefunction(get_response):

        async def not_stored_async(request: HttpRequest) -> HttpResponseBase:
            return _not_stored(await cast("Awaitable[HttpResponseBase]", get_response(request)))

        return not_stored_async

    def not_stored(request: HttpRequest) -> HttpResponseBase:
        return _not_stored(cast("HttpResponseBase", get_response(request)))

    return not_stored


def _not_stored(response: HttpResponseBase) -> HttpResponseBase:
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
