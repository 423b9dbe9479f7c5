"""Requests that lead back inside: every way out, every spelling of what is inside, names that change, redirects.

Nothing here leaves the machine: connections are noted where they would be opened, and who must not be reached listens
on 127.0.0.1 and counts.
"""

import socketserver
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpcore2
import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from oauth2_provider.cimd import CIMDError

from flows.adapters.http_client import outbound_client, resolve_by_system
from flows.engine.errors import NodeFailed
from flows.models import Server
from flows.nodes.access_tokens import fetched
from mcp_bridge.oauth.documents import GuardedFetcher
from tests.definitions import node
from tests.factories import call, make_server, make_user, publish_unchecked

pytestmark = pytest.mark.django_db(transaction=True)

INSIDE = [
    *("127.0.0.1:{port}", "127.1:{port}", "2130706433:{port}", "0x7f000001:{port}", "0x7f.1:{port}"),
    *("017700000001:{port}", "0177.0.0.1:{port}", "127.0.0.1.:{port}", "localhost:{port}", "LOCALHOST.:{port}"),
    *("0:{port}", "0.0.0.0:{port}", "127.255.255.254:{port}", "user:word@127.0.0.1:{port}", "shop.example@127.0.0.1"),
    *("[::1]:{port}", "[::]:{port}", "[::ffff:127.0.0.1]:{port}", "[::ffff:7f00:1]:{port}", "[::127.0.0.1]:{port}"),
    *("[64:ff9b::7f00:1]:{port}", "[64:ff9b:1::7f00:1]:{port}", "[2002:7f00:1::]:{port}", "[fd00:ec2::254]"),
    *("[fe80::1%25lo]:{port}", "[::1%lo]:{port}", "127\u30020\u30020\u30021:{port}", "127\uff0e0\uff0e0\uff0e1:{port}"),
    *("\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:{port}", "\uff11\uff12\uff17.0.0.1:{port}", "localho\u017ft:{port}"),
    *("169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "[fc00::1]", "\\127.0.0.1:{port}"),
    *("127.0.0.1:{port}#@shop.example", "127.0.0.1:{port}?@shop.example", "127.0.0.1:{port}\\@shop.example"),
]
Door = Callable[[str], Any]


class Counting(socketserver.ThreadingTCPServer):
    """Somebody on 127.0.0.1: counts who comes, and sends each of them on to `location`."""

    allow_reuse_address = daemon_threads = True
    location = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.port, self.reached = self.server_address[1], 0


class Handler(socketserver.StreamRequestHandler):
    server: Counting

    def handle(self) -> None:
        self.server.reached += 1
        length = 0
        while (line := self.rfile.readline().strip().lower()) and len(line) > 2:
            length = int(line[15:]) if line.startswith(b"content-length:") else length
        self.rfile.read(length)
        head = f"HTTP/1.1 307 On\r\nLocation: {self.server.location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode())


@contextmanager
def listening() -> Iterator[Counting]:
    with Counting() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Noted(httpcore2.AsyncNetworkBackend):
    """Where connections would go; none is opened."""

    def __init__(self) -> None:
        self.to: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        self.to.append(host)
        raise httpcore2.ConnectError("nobody is let out here")


class Names:
    """The tests' own DNS: shop.example leads outside when it is asked first, and inside from then on."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if host != "shop.example":
            return await resolve_by_system(host, port)
        self.asked += 1
        return ["93.184.216.34"] if self.asked == 1 else ["127.0.0.1"]


@pytest.fixture(autouse=True)
def _own_client(settings: Any) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = ""
    outbound_client.cache_clear()
    yield
    outbound_client.cache_clear()


@pytest.fixture
def noted() -> Noted:
    outbound_client()._backend._tcp = noted = Noted()  # type: ignore[assignment]
    return noted


@pytest.fixture
def server() -> Server:
    return make_server(make_user("ada"), "home")


def doors(server: Server) -> dict[str, Door]:
    """Whatever sends a request to an address that somebody else chose; each returns what it says of it."""
    asking = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    nodes = {
        "http_request": node("out", "http_request", url="{{ trigger.url }}", redirects=3),
        "llm_chat": node("out", "llm_chat", baseUrl="{{ trigger.url }}", **asking),
        "mcp_tool": node("out", "mcp_tool", url="{{ trigger.url }}", tool="add"),
    }

    def flow(name: str) -> Door:
        made = publish_unchecked(server, f"calls_{name}", nodes[name])
        return lambda url: call(made, url=url).error_info["message"]

    def token(url: str) -> str:
        """Its address is constant in every flow, so it is asked as the node does that has one."""
        with pytest.raises(NodeFailed) as caught:
            async_to_sync(fetched)(outbound_client(), {"tokenUrl": url, "clientId": "c", "secret": "s"})
        return caught.value.message

    def document(url: str) -> str:
        with pytest.raises(CIMDError) as caught:
            GuardedFetcher().fetch(url.replace("http:", "https:"))
        return str(caught.value)

    def tools_of_another(url: str) -> str:
        browser = Client()
        browser.force_login(server.owner)
        answered = browser.post(
            "/api/upstream-tools/",
            {"server": server.slug, "url": url},
            "application/json",
            HTTP_ORIGIN="http://testserver",
        )
        assert answered.status_code in (400, 502), answered.content
        return answered.content.decode()

    others: dict[str, Door] = {"token": token, "document": document, "upstream-tools": tools_of_another}
    return {name: flow(name) for name in nodes} | others


def test_no_door_leads_to_an_address_inside_however_it_is_written(server: Server, noted: Noted) -> None:
    with listening() as inside:
        for name, door in doors(server).items():
            for address in INSIDE:
                said = door(f"http://{address.format(port=inside.port)}")
                assert (said != "", noted.to, inside.reached) == (True, [], 0), (name, address, said)


def test_a_name_that_leads_elsewhere_the_second_time_is_connected_to_where_it_was_checked(
    server: Server, noted: Noted
) -> None:
    for name, door in doors(server).items():
        names = outbound_client()._backend._resolve = Names()  # type: ignore[method-assign]
        said = door("http://shop.example")
        assert (names.asked > 0, set(noted.to)) == (True, {"93.184.216.34"}), (name, said)
        noted.to.clear()


def test_a_redirect_leads_nowhere_inside(server: Server, settings: Any) -> None:
    with listening() as inside, listening() as allowed:
        settings.OUTBOUND_ALLOW = f"127.0.0.1:{allowed.port}"
        outbound_client.cache_clear()
        allowed.location = f"http://127.0.0.1:{inside.port}/"
        found = doors(server)
        del found["document"]  # asks by https alone, and the client follows nothing
        for name, door in found.items():
            before = allowed.reached
            said = door(f"http://127.0.0.1:{allowed.port}/")
            assert (allowed.reached > before, inside.reached) == (True, 0), (name, said)
