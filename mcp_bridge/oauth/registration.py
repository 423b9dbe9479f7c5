"""Dynamic registration (RFC 7591): any client may say what it is called and where it wants people sent back to."""

import json
import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import Application

from executions.admission.addresses import address_in
from flows.access.acting import acts
from flows.values.scopes import CALLS_ONLY
from mcp_bridge.keys import guesses
from mcp_bridge.oauth import upkeep
from mcp_bridge.oauth.crossing import for_any_origin
from mcp_bridge.oauth.metadata import GRANTS, TOKEN_AUTH

MAX_REGISTRATION_BYTES = 16 * 1024
"""The body of a registration."""

MAX_REDIRECT_URIS = 10
"""Addresses that a client may be sent back to."""

MAX_REDIRECT_URI = 500
"""Characters of such an address."""

MAX_CLIENT_NAME = 100
"""Characters of the name that a client gives itself."""

MAX_REGISTRATIONS = 30
"""Clients that one address may register in 5 minutes."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Wrong(Exception):
    """Metadata that is refused: RFC 7591's error, and a sentence that says what to change."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


@csrf_exempt
@login_not_required
@never_cache
@for_any_origin("POST")
@acts(None)
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """Store a client and say its id; whatever it says of itself, nobody has verified."""
    attempt = guesses.Guesses("registration by address", address_in(request), MAX_REGISTRATIONS)
    if seconds := attempt.begin():
        message = f"Too many clients were registered from this address. Again in {seconds} s."
        return _refused("too_many_requests", message, 429, {"Retry-After": str(seconds)})
    try:
        length = int(request.headers.get("Content-Length") or 0)
        if length > MAX_REGISTRATION_BYTES or len(request.body) > MAX_REGISTRATION_BYTES:
            raise Wrong("invalid_client_metadata", f"The metadata is longer than {MAX_REGISTRATION_BYTES:,} bytes.")
        sent = _sent(request.body)
        uris = _redirect_uris(sent)
        method = _one_of(sent, "token_endpoint_auth_method", TOKEN_AUTH, "client_secret_basic")
        _all_of(sent, "grant_types", GRANTS)
        _all_of(sent, "response_types", ("code",))
    except Wrong as wrong:
        return _refused(wrong.error, str(wrong), 400)
    upkeep.once_a_day()
    secret = "" if method == "none" else generate_client_secret()
    made = Application.objects.create(
        name=clean_name(sent.get("client_name")),
        redirect_uris=" ".join(uris),
        client_type=Application.CLIENT_CONFIDENTIAL if secret else Application.CLIENT_PUBLIC,
        client_secret=secret,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        registration_source=Application.RegistrationSource.DCR,
    )
    answer: dict[str, Any] = {
        "client_id": made.client_id,
        "client_id_issued_at": int(made.created.timestamp()),
        "client_name": made.name,
        "redirect_uris": uris,
        "grant_types": list(GRANTS),
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        "scope": " ".join(CALLS_ONLY),
    }
    if secret:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return JsonResponse(answer, status=201)


def _refused(error: str, message: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return JsonResponse({"error": error, "error_description": message}, status=status, headers=headers)


def _sent(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise Wrong("invalid_client_metadata", "Send the client's metadata as a JSON object.")
    return sent


def _redirect_uris(sent: dict[str, Any]) -> list[str]:
    uris = sent.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_REDIRECT_URIS:
        raise Wrong("invalid_redirect_uri", f"redirect_uris is a list of 1 to {MAX_REDIRECT_URIS} addresses.")
    for uri in uris:
        if why := why_no_redirect(uri):
            raise Wrong("invalid_redirect_uri", why)
    return list(uris)


def why_no_redirect(uri: Any) -> str:
    """Why people are not sent to an address after they signed in; empty for one that they may be."""
    if not isinstance(uri, str) or len(uri) > MAX_REDIRECT_URI or not uri.isascii() or not uri.isprintable():
        return f"A redirect URI is a text of at most {MAX_REDIRECT_URI} printable ASCII characters."
    try:
        url = urlsplit(uri)
        host, _ = url.hostname or "", url.port
    except ValueError:
        return "A redirect URI cannot be read as an address."
    if url.scheme not in settings.OAUTH2_PROVIDER["ALLOWED_REDIRECT_URI_SCHEMES"]:
        return (
            f"A redirect URI begins with https://, or http:// on this machine; the scheme {url.scheme!r} is not known."
        )
    if url.scheme == "http" and host not in LOOPBACK:
        return (
            "A redirect URI with http:// leads to this machine: 127.0.0.1, [::1] or localhost. Use https:// elsewhere."
        )
    # The host stands in a header of the consent page too, where other characters would have a meaning.
    if not re.fullmatch(r"[\w.\-:\[\]]+", url.netloc, re.ASCII) or not host or "#" in uri or " " in uri:
        return "A redirect URI names a host, without a user, a fragment, blanks or wildcards."
    return ""


def _one_of(sent: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = sent.get(name, default)
    if value not in known:
        raise Wrong("invalid_client_metadata", f"{name} is one of {', '.join(known)}.")
    return str(value)


def _all_of(sent: dict[str, Any], name: str, known: tuple[str, ...]) -> None:
    values = sent.get(name, [known[0]])
    if not isinstance(values, list) or known[0] not in values or any(each not in known for each in values):
        raise Wrong("invalid_client_metadata", f"{name} holds {known[0]}, and nothing but {', '.join(known)}.")


def clean_name(name: Any) -> str:
    """What a client calls itself, without what has no shape or turns a line around."""
    text = name if isinstance(name, str) else ""
    shown = "".join(" " if each.isspace() else each for each in text[: 10 * MAX_CLIENT_NAME])
    shown = "".join(each for each in shown if unicodedata.category(each)[0] != "C")
    return " ".join(shown.split())[:MAX_CLIENT_NAME]
