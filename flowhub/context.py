"""What every page's template knows without its view: a context processor."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from flowhub.accounts import passkey_host, takes_passkeys


def version(request: HttpRequest) -> dict[str, str]:
    """`flowhub_version`, for the foot of the page."""
    return {"flowhub_version": settings.VERSION}


def signing_in(request: HttpRequest) -> dict[str, Any]:
    """`passkeys`, whether they work at this address, `passkey_host`, where they do; `sign_on`, the provider's name."""
    sign_on = settings.OIDC_NAME if settings.OIDC_ISSUER else ""
    return {"passkeys": takes_passkeys(request), "passkey_host": passkey_host(), "sign_on": sign_on}
