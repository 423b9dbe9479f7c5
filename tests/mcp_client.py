"""The SDK's own client, with a key, in either era."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from tests.live import LiveServer

MODERN = "2026-07-28"
LEGACY = "legacy"
ERAS = (MODERN, LEGACY)


@asynccontextmanager
async def connect(
    server: LiveServer,
    era: str,
    *,
    slug: str = "demo",
    key: str | None = None,
    who: Implementation | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """A connected client of a live server; `options` are those of the SDK's client."""
    headers = {"Authorization": f"Bearer {key or server.credentials['key']}"}
    mode = "legacy" if era == LEGACY else "auto"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(
            streamable_http_client(f"{server.url}/mcp/{slug}", http_client=http), mode=mode, client_info=who, **options
        ) as client,
    ):
        yield client
