"""Browser clients of other origins: what they may ask for here without a cookie of anybody's."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

HEADERS = "Authorization, Content-Type, MCP-Protocol-Version"
KNOWN_SECONDS = 3600
"""How long a browser need not ask again."""


def for_any_origin(methods: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Let pages of every origin ask, and answer the preflight of their browsers (Fetch, CORS protocol).

    No credentials of the browser's are taken: what is asked here is decided by what is in the request alone.
    """

    def wrapped(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            response = HttpResponse(status=204) if is_preflight else view(request, *args, **kwargs)
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
            if is_preflight:
                response["Access-Control-Allow-Methods"] = f"{methods}, OPTIONS"
                response["Access-Control-Allow-Headers"] = HEADERS
                response["Access-Control-Max-Age"] = str(KNOWN_SECONDS)
            return response

        return answer

    return wrapped
