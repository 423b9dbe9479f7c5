"""Single sign-on with the OpenID provider of the settings."""

from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.socialaccount.providers.openid_connect import views
from allauth.socialaccount.views import ConnectionsView
from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render


def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Ask whether to go to the provider, and go. Browsers follow a form there only when this answer's policy allows."""
    if not settings.OIDC_ISSUER:
        raise Http404
    try:
        address = urlsplit(views.OpenIDConnectOAuth2Adapter(request, provider_id).authorize_url)
        leads_there: Any = csp_update({"form-action": [f"{address.scheme}://{address.netloc}"]})
        answer: HttpResponse = leads_there(views.login)(request, provider_id)
    except (requests.RequestException, ValueError, KeyError):
        return render(request, "socialaccount/authentication_error.html", status=502)
    return answer


def finish(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in whom the provider names, if they connected it to their account, or sign up who is invited."""
    if not settings.OIDC_ISSUER:
        raise Http404
    answer: HttpResponse = views.callback(request, provider_id)
    return answer


class Connections(ConnectionsView):  # type: ignore[misc]
    """Who one is at the provider."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Not found where there is no provider."""
        if not settings.OIDC_ISSUER:
            raise Http404
        return super().dispatch(request, *args, **kwargs)
