"""Prompts and resources for tests on live servers, and clients that hear of them."""

import asyncio
import base64
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp import Client, MCPDeprecationWarning
from mcp.client.streamable_http import streamable_http_client
from mcp_types import PromptListChangedNotification, ResourceListChangedNotification, ResourceUpdatedNotification

from tests.live import LiveServer, rest
from tests.mcp_client import LEGACY

SOON = 5.0
"""Within so many seconds a client hears of a change; the machine that tests may be busy."""

QUIET = 1.0
"""So long nothing is heard when there is nothing to say: longer than it takes to announce."""

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()

PROMPT: dict[str, Any] = {
    "server": "demo",
    "name": "letter",
    "title": "Write a letter",
    "description": "Drafts a letter to a customer.",
    "arguments": [
        {"name": "customer", "title": "Customer", "description": "Who gets it.", "required": True},
        {"name": "tone", "completions": ["friendly", "Formal", "frank"]},
    ],
    "messages": [
        {"role": "user", "content": {"type": "text", "text": "Write to {{ arguments.customer }}. {{arguments.tone}}"}},
        {"role": "assistant", "content": {"type": "image", "data": PIXEL, "mimeType": "image/png"}},
        {
            "role": "user",
            "content": {
                "type": "resource",
                "resource": {"uri": "customers:{{ arguments.customer }}", "text": "{{ arguments.customer }}"},
            },
        },
    ],
}
RESOURCE: dict[str, Any] = {
    "server": "demo",
    "uri": "notes:today",
    "name": "Notes",
    "description": "What happened.",
    "mimeType": "text/markdown",
    "text": "# Today\n",
    "annotations": {"audience": ["user"], "priority": 0.5},
}


@contextmanager
def made(server: LiveServer, kind: str, body: dict[str, Any]) -> Iterator[str]:
    """A prompt or resource on the demo server, gone afterwards; yields its address."""
    path = f"/api/{kind}/{rest(server, 'POST', f'/api/{kind}/', body)['id']}/"
    try:
        yield path
    finally:
        rest(server, "DELETE", path)


@dataclass
class Heard:
    """What a client hears: "prompts", "resources", or the URI of a resource."""

    queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def next(self, number: int = 1) -> list[str]:
        """Wait for that many announcements; returns them sorted."""
        async with asyncio.timeout(SOON):
            return sorted([await self.queue.get() for _ in range(number)])

    async def nothing(self) -> bool:
        """Whether nothing was announced, nor is for a while; fails with what was."""
        try:
            async with asyncio.timeout(QUIET):
                raise AssertionError(f"heard {await self.queue.get()}")
        except TimeoutError:
            return True


async def subscribe(client: Client, uri: str) -> None:
    """As handshake clients do; the SDK warns that later versions do not have the method."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await client.session.subscribe_resource(uri)


async def unsubscribe(client: Client, uri: str) -> None:
    """The reverse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)
        await client.session.unsubscribe_resource(uri)


@asynccontextmanager
async def listening(server: LiveServer, era: str, *uris: str, key: str = "") -> AsyncIterator[Heard]:
    """What a client hears that listens to prompts, resources and these URIs: "prompts", "resources" or a URI."""
    heard = Heard()
    headers = {"Authorization": f"Bearer {key or server.credentials['key']}"}
    is_open = asyncio.Event()

    async def note(message: Any) -> None:
        if era != LEGACY:
            return  # what the stream below says is said here too
        if isinstance(message, PromptListChangedNotification):
            await heard.queue.put("prompts")
        elif isinstance(message, ResourceListChangedNotification):
            await heard.queue.put("resources")
        elif isinstance(message, ResourceUpdatedNotification):
            await heard.queue.put(str(message.params.uri))

    async def notice(response: httpx2.Response) -> None:
        if response.request.method == "GET" and response.status_code == 200:
            is_open.set()

    async with httpx2.AsyncClient(headers=headers, timeout=30, event_hooks={"response": [notice]}) as http:
        transport = streamable_http_client(f"{server.url}/mcp/demo", http_client=http)
        async with Client(transport, mode="legacy" if era == LEGACY else "auto", message_handler=note) as client:
            if era == LEGACY:
                async with asyncio.timeout(SOON):
                    await is_open.wait()
                for uri in uris:
                    await subscribe(client, uri)
                yield heard
                return
            async with client.listen(
                prompts_list_changed=True, resources_list_changed=True, resource_subscriptions=list(uris)
            ) as stream:
                reading = asyncio.create_task(_read(stream, heard))
                yield heard
                reading.cancel()


async def _read(stream: Any, heard: Heard) -> None:
    names = {"PromptsListChanged": "prompts", "ResourcesListChanged": "resources"}
    async for event in stream:
        await heard.queue.put(names.get(type(event).__name__) or event.uri)
