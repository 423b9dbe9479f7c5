"""The page on which a person lets a client use one server in their name, or does not."""

import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from csp.decorators import csp_update
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.models import Application
from oauth2_provider.views.base import BaseAuthorizationView
from oauth2_provider.views.mixins import OAuthLibMixin
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error

from flows.access.acting import acts
from flows.models import Flow, Server
from flows.values.scopes import Scope
from mcp_bridge.models import ConnectedClient, slug_in
from mcp_bridge.oauth.metadata import issuer
from mcp_bridge.oauth.registration import LOOPBACK

ASKED = "oauth_asked"
"""What was asked and is not answered yet, in the session, by a random key."""

MAX_ASKED = 5
"""Questions of clients that may wait for one person's answer in one browser."""

ASKED_SECONDS = 600
"""How long a question waits."""


@method_decorator([never_cache, acts(None)], name="dispatch")
class Authorize(BaseAuthorizationView):  # type: ignore[misc]
    """RFC 6749, 4.1.1. What is granted is what was validated and shown: the form posts its key and nothing else."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """Check what a client asks for, and ask the person."""
        try:
            scopes, credentials = self.validate_authorization_request(request)
            application = Application.objects.get(client_id=credentials["client_id"])
            if credentials.get("code_challenge_method") != "S256":
                raise _error("invalid_request", 'Send a code_challenge with code_challenge_method "S256".', credentials)
            server, resource = self._server(credentials)
        except OAuthToolkitError as error:
            return self.error_response(error, None)
        names = ("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method")
        asked = {name: credentials.get(name) for name in names}
        asked |= {"scopes": scopes, "resource": [resource], "person": request.user.pk, "server": server.pk}
        key = self._keep(asked)
        flows = Flow.objects.callable().filter(server=server).order_by("published_version__tool_name")
        url = urlsplit(asked["redirect_uri"])
        context = {
            "title": "Let a client in",
            "client": application,
            "client_name": application.name or application.client_id,
            "is_by_document": application.registration_source == Application.RegistrationSource.CIMD,
            "is_by_itself": application.registration_source == Application.RegistrationSource.DCR,
            "goes_to": url.netloc if url.scheme in ("http", "https") else f"the program for {url.scheme}://",
            "is_this_machine": url.scheme == "http" and url.hostname in LOOPBACK,
            "server": server,
            "tools": [flow.published_version for flow in flows],
            "scopes": [Scope(scope).label for scope in scopes],
            "key": key,
            "again": request.get_full_path(),
            "next_name": REDIRECT_FIELD_NAME,
        }
        # Browsers hold a form to this also where its answer redirects.
        target = f"{url.scheme}://{url.netloc}" if url.scheme in ("http", "https") else f"{url.scheme}:"

        @csp_update({"form-action": target})
        def page(request: HttpRequest) -> HttpResponse:
            return render(request, "mcp_bridge/oauth/consent.html", context)

        return page(request)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send the person back with a code, or with the word that they refused."""
        asked = request.session.get(ASKED, {}).pop(request.POST.get("key", ""), None)
        request.session.modified = True
        if asked is None or asked["person"] != request.user.pk or asked["until"] < time.time():
            context = {"title": "Nothing to answer", "why": "This question was answered, or is too old."}
            return render(request, "mcp_bridge/oauth/refused.html", context, status=400)
        names = ("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method")
        credentials = {name: asked[name] for name in names if asked[name] is not None} | {"resource": asked["resource"]}
        application = Application.objects.filter(client_id=asked["client_id"]).first()
        is_allowed = "allow" in request.POST
        try:
            with transaction.atomic():
                server, _ = self._server(credentials | {"resource_values": asked["resource"]})
                uri, *_ = self.create_authorization_response(
                    request, " ".join(asked["scopes"]), credentials, is_allowed
                )
                ConnectedClient.connect(request.user, application, server)
        except OAuthToolkitError as error:
            return self.error_response(error, application)
        return self.redirect(uri, application)

    def _server(self, credentials: dict[str, Any]) -> tuple[Server, str]:
        """The one server that is asked for, and its address; raises OAuthToolkitError (RFC 8707, 2)."""
        values = credentials.get("resource_values", self.request.GET.getlist("resource"))
        slug = slug_in(values[0]) if len(values) == 1 else ""
        seen = Server.objects.visible_to(self.request.user, Scope.CALL)
        server = seen.filter(slug=slug, is_published=True).first() if slug else None
        if server is None:
            message = "Name one server that this person may use, by its address, as the resource."
            raise _error("invalid_target", message, credentials)
        return server, values[0].removesuffix("/")

    def _keep(self, asked: dict[str, Any]) -> str:
        key, now = secrets.token_urlsafe(24), time.time()
        waiting = {name: each for name, each in self.request.session.get(ASKED, {}).items() if each["until"] > now}
        newest = dict(list(waiting.items())[-(MAX_ASKED - 1) :])
        self.request.session[ASKED] = newest | {key: asked | {"until": now + ASKED_SECONDS}}
        return key

    def error_response(self, error: OAuthToolkitError, application: Any, **kwargs: Any) -> HttpResponse:
        """Tell the client by a redirect; where that would lead nobody knows where, tell the person."""
        may_redirect, answer = OAuthLibMixin.error_response(self, error)
        if may_redirect:
            return self.redirect(answer["url"], application)
        said = error.oauthlib_error
        context = {"title": "Not possible", "why": said.description or said.error}
        return render(self.request, "mcp_bridge/oauth/refused.html", context, status=400)

    def redirect(self, redirect_to: str, application: Any) -> HttpResponse:
        """Send the person back to the client, which always learns who answers (RFC 9207)."""
        sent = parse_qs(urlsplit(redirect_to).query)
        if "error" in sent and "iss" not in sent:
            redirect_to += "&" + urlencode({"iss": issuer()})
        found: HttpResponse = super().redirect(redirect_to, application)
        return found


def _error(error: str, message: str, credentials: dict[str, Any]) -> OAuthToolkitError:
    said = CustomOAuth2Error(error, description=message, state=credentials.get("state"))
    return OAuthToolkitError(error=said, redirect_uri=credentials["redirect_uri"])
