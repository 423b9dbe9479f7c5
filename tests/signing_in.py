"""A client that only signs in (OAuth 2.1), and the person who lets it in on FlowHub's own page, over plain HTTP."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.oauth2 import AuthorizationCodeResult
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.live import LiveServer
from tests.people import Person, person

CALLBACK = "http://127.0.0.1:9/callback"
"""Where clients have people sent back to; nobody listens there, the address is read from the redirect."""


def answer(somebody: Person, address: str, button: str = "allow") -> dict[str, str]:
    """Answer the consent page at an address; returns what the client is sent back with."""
    page = somebody.get(address)
    key = re.search(r'name="key" value="([^"]+)"', page)
    assert key, page
    values = {"csrfmiddlewaretoken": somebody.token, "key": key[1], button: "1"}
    sent = somebody.http.post("/oauth/authorize/", data=values, follow_redirects=False)
    assert sent.status_code == 302, sent.text
    return {name: value[0] for name, value in parse_qs(urlsplit(sent.headers["location"]).query).items()}


@dataclass
class Kept:
    """What a client keeps between its sessions."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None
    pages: list[str] = field(default_factory=list)
    """The consent pages to which its person was sent."""

    async def get_tokens(self) -> OAuthToken | None:
        """What it has."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """What it got."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """As what it is registered."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """As what it was registered."""
        self.client = client_info


@asynccontextmanager
async def signed_in(
    server: LiveServer,
    kept: Kept,
    *,
    url: str = "",
    name: str = "Signing client",
    button: str = "allow",
    **options: Any,
) -> AsyncIterator[Client]:
    """The Python SDK's client, with its own OAuth client and the demo's administrator at the browser."""
    url = url or f"{server.url}/mcp/demo"
    came_back: dict[str, str] = {}

    async def sent_to(address: str) -> None:
        kept.pages.append(address)
        with person(server) as somebody:
            came_back.update(answer(somebody, address, button))

    async def returned() -> AuthorizationCodeResult:
        return AuthorizationCodeResult.model_validate({"code": ""} | came_back)

    metadata = OAuthClientMetadata.model_validate({"client_name": name, "redirect_uris": [CALLBACK]})
    auth = OAuthClientProvider(url, metadata, kept, sent_to, returned)
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client
