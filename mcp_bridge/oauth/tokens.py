"""The endpoints at which clients get tokens and give them back."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import AccessToken
from oauth2_provider.views.base import RevokeTokenView, TokenView

from flows.access.acting import acts
from mcp_bridge.oauth import upkeep
from mcp_bridge.oauth.crossing import for_any_origin

_token: Callable[[HttpRequest], HttpResponse] = TokenView.as_view()
_revoke: Callable[[HttpRequest], HttpResponse] = RevokeTokenView.as_view()


@csrf_exempt
@login_not_required
@never_cache
@for_any_origin("POST")
@acts(None)
def token(request: HttpRequest) -> HttpResponse:
    """A pair of tokens for a code or a refresh token (RFC 6749, 4.1.3 and 6), by the toolkit and our validator."""
    upkeep.once_a_day()
    try:
        answered = _token(request)
    except AccessToken.DoesNotExist:  # the toolkit looks for what it has just stored, which somebody may have ended
        return JsonResponse({"error": "invalid_grant"}, status=400)
    # The toolkit forgets it where it refuses while it stores the pair, and repeats what was sent: never as a page.
    answered["Content-Type"] = "application/json"
    return answered


@csrf_exempt
@login_not_required
@never_cache
@for_any_origin("POST")
@acts(None)
def revoke(request: HttpRequest) -> HttpResponse:
    """Give a token back, and with it the one that came with it (RFC 7009)."""
    return _revoke(request)
