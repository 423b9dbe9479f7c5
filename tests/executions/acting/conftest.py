"""A person's browser for the flow of a test, and a small world outside."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client

from flows.adapters.http_client import outbound_client
from flows.models import Flow
from tests.executions.pages.test_views import browser_of


@pytest.fixture
def browser(flow: Flow) -> Client:
    """The browser of the flow's owner."""
    return browser_of(flow.server.owner)


class World:
    """What flows did to the outside: the paths that were requested, in order. `broken` is what it answers with 500."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.broken = set[str]()
        self.url = ""


@pytest.fixture
def world(settings: Any) -> Iterator[World]:
    """A small HTTP server that flows may call."""
    world = World()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            world.requests.append(self.path)
            self.send_response(500 if self.path in world.broken else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    settings.OUTBOUND_ALLOW = f"127.0.0.1:{server.server_address[1]}"
    world.url = f"http://127.0.0.1:{server.server_address[1]}"
    outbound_client.cache_clear()
    yield world
    outbound_client.cache_clear()
    server.shutdown()
    server.server_close()
