"""Where a client that only signs in begins: what a server takes, and where its people sign in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from flows.values.scopes import CALLS_ONLY
from mcp_bridge.models import SERVER_PATH
from mcp_bridge.oauth.crossing import for_any_origin

TOKEN_AUTH = ("none", "client_secret_basic", "client_secret_post")
GRANTS = ("authorization_code", "refresh_token")


def issuer() -> str:
    """The authorization server: the bare origin, everywhere the same letters."""
    found: str = settings.OAUTH2_PROVIDER["OIDC_ISS_ENDPOINT"]
    return found


@csrf_exempt
@login_not_required
@for_any_origin("GET")
@require_safe
def protected_resource(request: HttpRequest, slug: str) -> HttpResponse:
    """What the MCP server at a slug takes (RFC 9728), alike whether there is one: a stranger learns nothing.

    Clients stop where the resource is not the address that they were given, so it has the host of the request.
    """
    document = {
        "resource": f"{request.scheme}://{request.get_host()}{SERVER_PATH}{slug}",
        "authorization_servers": [issuer()],
        "scopes_supported": list(CALLS_ONLY),
        "bearer_methods_supported": ["header"],
    }
    return JsonResponse(document)


@csrf_exempt
@login_not_required
@for_any_origin("GET")
@require_safe
def authorization_server(request: HttpRequest) -> HttpResponse:
    """What the authorization server can do (RFC 8414)."""
    document: dict[str, Any] = {
        "issuer": issuer(),
        "authorization_endpoint": issuer() + reverse("oauth:authorize"),
        "token_endpoint": issuer() + reverse("oauth:token"),
        "registration_endpoint": issuer() + reverse("oauth:register"),
        "revocation_endpoint": issuer() + reverse("oauth:revoke"),
        "scopes_supported": list(CALLS_ONLY),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(TOKEN_AUTH),
        "revocation_endpoint_auth_methods_supported": list(TOKEN_AUTH),
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": settings.OAUTH_CIMD,
    }
    return JsonResponse(document)
