"""Single sign-on with a provider of the tests' own, which signs its tokens."""

import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers import registry
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.test import Client

from tests.factories import PASSWORD, make_user

LOGIN = "/account/oidc/sso/login/"
SECRET = "the provider's and ours"


@dataclass
class Provider:
    """Says of everybody who comes that they are `person`."""

    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "ada-there", "email": "ada@example.com"})
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)

    def answer(self, path: str, sent: dict[str, list[str]]) -> dict[str, Any]:
        self.asked.append((path, sent))
        if path == "/.well-known/openid-configuration":
            paths = {"authorization": "authorize", "token": "token", "userinfo": "userinfo"}
            addresses = {f"{name}_endpoint": f"{self.url}/{at}" for name, at in paths.items()}
            return addresses | {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/token":
            assert sent["client_secret"] == [SECRET]
            now = int(time.time())
            claims = self.person | {"iss": self.url, "aud": "flowhub", "iat": now, "exp": now + 60}
            return {"access_token": "a", "token_type": "Bearer", "id_token": jwt.encode(claims, KEY, "RS256")}
        return self.person


KEY = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    for cache in caches.all():
        cache.clear()  # what other tests have guessed from this address
    there = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send(urllib.parse.urlsplit(self.path).query)

        def do_POST(self) -> None:
            self.send(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def send(self, form: str) -> None:
            body = json.dumps(there.answer(self.path.split("?")[0], urllib.parse.parse_qs(form))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there.url = f"http://127.0.0.1:{server.server_port}"
        settings.OIDC_ISSUER, settings.OIDC_NAME = there.url, "Example Id"
        app = {
            "provider_id": "sso",
            "name": "Example Id",
            "client_id": "flowhub",
            "secret": SECRET,
            "settings": {"server_url": there.url, "oauth_pkce_enabled": True},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        registry.register(OpenIDConnectProvider)
        yield there
        server.shutdown()


def come_from(client: Client, process: str = "login", following: str = "") -> Any:
    """The answer to who was sent to the provider, and back by it."""
    begun = client.post(f"{LOGIN}?process={process}&next={following}")
    assert begun.status_code == 302
    sent = urllib.parse.parse_qs(urllib.parse.urlsplit(begun.headers["Location"]).query)
    assert sent["redirect_uri"] == [f"http://testserver{LOGIN}callback/"]
    assert sent["code_challenge_method"] == ["S256"]
    return client.get(f"{LOGIN}callback/", {"code": "c", "state": sent["state"][0]})


@pytest.mark.django_db
def test_the_login_page_names_the_provider_and_only_the_page_that_leads_there_lets_a_form_go_there(
    provider: Provider,
) -> None:
    page = Client().get("/login/?next=/keys/")
    assert f'href="{LOGIN}?next=%2Fkeys%2F"' in page.content.decode()
    policies = [
        {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
        for answer in (page, Client().get(LOGIN))
    ]
    assert [policies[0] - policies[1], policies[1] - policies[0]] == [
        {"form-action 'self'"},
        {f"form-action 'self' {provider.url}"},
    ]
    assert Client().post(LOGIN).headers["Location"].startswith(f"{provider.url}/authorize?")


@pytest.mark.django_db
def test_a_stranger_from_the_provider_gets_no_account_and_not_that_of_who_has_the_same_address(
    provider: Provider,
) -> None:
    ada = make_user("ada", email="ada@example.com")
    password = ada.password
    provider.person["email_verified"] = True
    client = Client()
    assert "New people need an invitation" in come_from(client).content.decode()
    assert client.get("/keys/").status_code == 302
    ada.refresh_from_db()
    assert ada.password == password
    assert (get_user_model().objects.count(), SocialAccount.objects.count()) == (1, 0)


@pytest.mark.django_db
def test_who_connects_the_provider_to_an_account_is_let_in_by_it_and_keeps_the_password(provider: Provider) -> None:
    ada = make_user("ada", email="somewhere@else.example")
    client = Client()
    assert client.post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302
    asked = come_from(client, "connect")
    assert asked.headers["Location"] == "/account/confirm/"
    done = client.post("/account/confirm/", {"password": PASSWORD})
    assert (done.status_code, done.headers["Location"]) == (302, "/account/oidc/")
    assert [(each.user, each.uid) for each in SocialAccount.objects.all()] == [(ada, "ada-there")]
    other = Client()
    answer = come_from(other, following="/keys/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/keys/")
    assert other.session["_auth_user_id"] == str(ada.pk)
    assert Client().post("/login/", {"username": "ada", "password": PASSWORD}).status_code == 302
    ada.is_active = False
    ada.save()
    assert come_from(Client()).headers["Location"] == "/account/inactive/"


@pytest.mark.django_db
def test_a_provider_that_does_not_answer_is_said_to(provider: Provider, settings: Any) -> None:
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"]["server_url"] = "http://127.0.0.1:1"
    answer = Client().get(LOGIN)
    assert (answer.status_code, "Third-Party Login Failure" in answer.content.decode()) == (502, True)
