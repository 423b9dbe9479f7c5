"""Programs and commands that reach a server, as text to paste elsewhere.

What is put into them may come from a caller, and ends up in somebody's terminal: all of it is ASCII and quoted.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from flows.models import Server

KEY_PLACEHOLDER = "YOUR_KEY"

_PYTHON = """\
import asyncio

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    async with (
        httpx2.AsyncClient({headers}timeout=60) as http,
        Client(streamable_http_client({url}, http_client=http)) as client,
    ):
        {body}


asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is reached: `base` is the scheme and host of FlowHub."""

    slug: str
    base: str
    needs_key: bool
    key: str = KEY_PLACEHOLDER

    @classmethod
    def of(cls, server: Server) -> "ServerAddress":
        """The address of a server of this FlowHub."""
        return cls(server.slug, settings.PUBLIC_URL, server.access == Server.Access.KEY)

    @property
    def url(self) -> str:
        """The server's MCP address."""
        return f"{self.base}/mcp/{self.slug}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request must carry."""
        return self.headers_with(self.key)

    def headers_with(self, key: str) -> dict[str, str]:
        """The same with something else in place of the key."""
        return {"Authorization": f"Bearer {key}"} if self.needs_key else {}


def command(*lines: list[str]) -> str:
    """Words of a shell command, a line for each list; in double quotes where that is safe: Windows knows no others."""
    return " \\\n  ".join(" ".join(map(_quoted, line)) for line in lines)


def _quoted(word: str) -> str:
    is_plain = not set(word) & set('"$`!\\%')
    return f'"{word}"' if is_plain and shlex.quote(word) != word else shlex.quote(word)


def header_words(option: str, headers: Mapping[str, str]) -> list[list[str]]:
    """Headers as words of a command, a line for each, behind an option such as `--header`."""
    return [[option, f"{name}: {value}"] for name, value in headers.items()]


def curl(address: ServerAddress, message: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> str:
    """The command that sends a JSON-RPC message, with what Streamable HTTP asks for and `headers`."""
    always = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    lines = header_words("-H", always | dict(headers or {}) | address.headers)
    return command(["curl", "-s", address.url], *lines, ["-d", json.dumps(message)])


def python(address: ServerAddress, *body: str) -> str:
    """A program that uses the MCP SDK; the lines of `body` are what it does with `client`, which is connected then."""
    headers = f"headers={address.headers!a}, " if address.needs_key else ""
    return _PYTHON.format(headers=headers, url=ascii(address.url), body="\n        ".join(body))
