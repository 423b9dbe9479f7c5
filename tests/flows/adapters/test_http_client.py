"""The guarded client reaches what it may, by the address it checked, and stops what is too slow or too large."""

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from flows.adapters.addresses import AllowList, is_public
from flows.adapters.http_client import MAX_BODY, GuardedClient, outbound_client, resolve_by_system
from flows.engine.errors import NodeFailed
from flows.engine.node import HttpResponse

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A real server on 127.0.0.1 that sends `answer` to every request, or does what `respond` does."""

    answer: bytes = OK
    respond: Respond | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
                self.requests.append(head + body)
                if self.respond:
                    await self.respond(writer)
                    return
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    served = Server()
    listening = await asyncio.start_server(served.handle, "127.0.0.1", 0)
    served.port = listening.sockets[0].getsockname()[1]
    yield served
    listening.close()
    await listening.wait_closed()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[GuardedClient]:
    """A client that may reach the server, by its address and under the name shop.test."""
    guarded = GuardedClient(AllowList.parse(f"127.0.0.1:{server.port}"), resolve=Names({"shop.test": ["127.0.0.1"]}))
    yield guarded
    await guarded.aclose()


class Names:
    """Answers names from a table, and addresses as the system does; a list of lists gives another answer each time."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self.table:
            return await resolve_by_system(host, port)
        answer = self.table[host]
        return answer.pop(0) if answer and isinstance(answer[0], list) else answer


async def failure(client: GuardedClient, url: str, **options: Any) -> NodeFailed:
    async with asyncio.timeout(10):
        with pytest.raises(NodeFailed) as caught:
            await client.request(options.pop("method", "GET"), url, **options)
    return caught.value


# --- Sending and receiving --------------------------------------------------------------------------------------------


async def test_a_request_arrives_as_it_was_meant(server: Server, client: GuardedClient) -> None:
    server.answer = (
        b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\nX-Twice: a\r\nx-twice: b\r\nSet-Cookie: id=secret\r\n"
        b"Content-Type: text/plain\r\n\r\nhi"
    )
    url = f"http://shop.test:{server.port}/orders/a%2F..%20b?a=1#part"
    query: dict[str, str | list[str]] = {"q": "a b", "tag": ["1", "2"], "no": []}
    response = await client.request(
        "POST", url, headers={"X-Name": "Ada", "Accept": "text/plain"}, query=query, content=b"body"
    )
    assert response == HttpResponse(
        201,
        "Made",
        f"http://shop.test:{server.port}/orders/a%2F..%20b?a=1&q=a+b&tag=1&tag=2#part",
        {"content-length": "2", "x-twice": "a, b", "content-type": "text/plain"},
        b"hi",
    )
    [request] = server.requests
    assert request.split(b"\r\n") == [
        b"POST /orders/a%2F..%20b?a=1&q=a+b&tag=1&tag=2 HTTP/1.1",
        b"host: shop.test:%d" % server.port,
        b"accept-encoding: gzip",
        b"accept: text/plain",
        b"user-agent: FlowHub",
        b"x-name: Ada",
        b"Content-Length: 4",
        b"",
        b"body",
    ]


async def test_an_answer_of_any_status_is_an_answer(server: Server, client: GuardedClient) -> None:
    server.answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    response = await client.request("GET", f"http://127.0.0.1:{server.port}/")
    assert (response.status, response.reason, response.body) == (500, "Oops", b"")


async def test_a_connection_is_used_again_and_carries_no_cookies(server: Server, client: GuardedClient) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: id=secret; Path=/\r\n\r\nhi"
    for _ in range(3):
        response = await client.request("GET", f"http://shop.test:{server.port}/")
        assert response.headers == {"content-length": "2"}
    assert server.connections == 1
    assert all(b"cookie" not in request.lower() for request in server.requests)


async def test_a_redirect_is_given_back_and_not_followed(server: Server, client: GuardedClient) -> None:
    location = f"http://127.0.0.1:{server.port}/secret"
    server.answer = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    response = await client.request("GET", f"http://shop.test:{server.port}/")
    assert (response.status, response.headers["location"]) == (302, location)
    assert len(server.requests) == 1


async def test_a_proxy_from_the_environment_is_ignored(
    server: Server, client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Port 9 answers nobody: through the proxy the request would fail."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    response = await client.request("GET", f"http://shop.test:{server.port}/")
    assert response.body == b"hi"


async def test_tls_asks_for_the_name_and_not_for_the_address(server: Server, client: GuardedClient) -> None:
    hello = asyncio.get_running_loop().create_future()

    async def keep_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(4096))
        writer.close()

    listening = await asyncio.start_server(keep_hello, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    guarded = GuardedClient(AllowList.parse(f"127.0.0.1:{port}"), resolve=Names({"shop.test": ["127.0.0.1"]}))
    failed = await failure(guarded, f"https://shop.test:{port}/")
    assert b"shop.test" in await hello
    assert failed.for_client == "shop.test did not answer."
    await guarded.aclose()
    listening.close()
    await listening.wait_closed()


async def test_a_name_is_resolved_once_and_the_checked_address_is_used(server: Server) -> None:
    """Rebinding: the second answer would be another address, so the request must not ask again."""
    names = Names({"shop.test": [["127.0.0.1"], ["127.0.0.2"]]})
    guarded = GuardedClient(AllowList.parse(f"127.0.0.1:{server.port}"), resolve=names)
    response = await guarded.request("GET", f"http://shop.test:{server.port}/")
    assert response.body == b"hi"
    assert names.asked == [("shop.test", server.port)]
    await guarded.aclose()


async def test_the_next_address_is_tried_when_one_does_not_answer(server: Server) -> None:
    names = Names({"shop.test": ["127.0.0.2", "127.0.0.1"]})
    guarded = GuardedClient(AllowList.parse(f"127.0.0.0/8:{server.port}"), resolve=names)
    assert (await guarded.request("GET", f"http://shop.test:{server.port}/")).body == b"hi"
    await guarded.aclose()


# --- What may be reached ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "168.63.129.16",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "3fff::1",
        "5f00::1",
        "3ffe::1",
        "100::1",
    ],
)
async def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))
    failed = await failure(GuardedClient(), f"http://{f'[{address}]' if ':' in address else address}/")
    assert "is private; an operator can allow it with FLOWHUB_OUTBOUND_ALLOW=" in failed.message
    assert failed.for_client == f"{address} did not answer."


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "127.1",
        "localhost",
        "LocalHost",
        "017700000001",
        "0x7f.1",
        "0",
        "127.0.1",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
    ],
)
async def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    failed = await failure(GuardedClient(), f"http://{host}/")
    assert "is private; an operator can allow it" in failed.message


@pytest.mark.parametrize("host", ["0177.0.0.1", "127.0.0.1.", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460"])
async def test_spellings_that_only_some_programs_take_for_this_machine_lead_nowhere(host: str) -> None:
    failed = await failure(GuardedClient(), f"http://{host}/")
    assert any(why in failed.message for why in ("cannot be read", "has no address", "is private")), failed.message


async def test_one_private_address_among_public_ones_is_enough_to_refuse(server: Server) -> None:
    guarded = GuardedClient(resolve=Names({"shop.test": ["93.184.216.34", "10.0.0.1"]}))
    failed = await failure(guarded, "http://shop.test/")
    remedy = "an operator can allow it with FLOWHUB_OUTBOUND_ALLOW=shop.test:80"
    assert failed.message == f"shop.test: address 10.0.0.1 is private; {remedy}."


async def test_the_port_of_another_protocol_is_refused(server: Server) -> None:
    guarded = GuardedClient(resolve=Names({"mail.test": ["93.184.216.34"]}))
    failed = await failure(guarded, "http://mail.test:25/")
    remedy = "an operator can allow it with FLOWHUB_OUTBOUND_ALLOW=mail.test:25"
    assert failed.message == f"mail.test: port 25 belongs to another protocol than HTTP; {remedy}."


async def test_the_caller_cannot_tell_refused_from_unreachable_from_unknown(server: Server) -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    closed = Server()
    listening = await asyncio.start_server(closed.handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    allow = AllowList.parse(f"shop.test:{port}")
    private = Names({"shop.test": ["127.0.0.1"]})
    failures = [
        await failure(GuardedClient(resolve=private), f"http://shop.test:{port}/"),
        await failure(GuardedClient(allow, resolve=private), f"http://shop.test:{port}/"),
        await failure(GuardedClient(allow, resolve=unknown), f"http://shop.test:{port}/"),
        await failure(GuardedClient(allow, resolve=Names({"shop.test": []})), f"http://shop.test:{port}/"),
    ]
    assert {failed.for_client for failed in failures} == {"shop.test did not answer."}
    assert len({failed.message for failed in failures}) == 4
    assert failures[2].message == (
        "shop.test: the name has no address (Name or service not known); check its spelling."
    )


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "permitted"),
    [
        ("127.0.0.1:8000", "127.0.0.1", "127.0.0.1", 8000, True),
        ("127.0.0.1:8000", "any.test", "127.0.0.1", 8000, True),
        ("127.0.0.1:8000", "127.0.0.1", "127.0.0.1", 8001, False),
        ("127.0.0.1:*", "x", "127.0.0.1", 8001, True),
        ("10.0.0.0/8:443", "x", "10.200.1.1", 443, True),
        ("10.0.0.0/8:443", "x", "11.0.0.1", 443, False),
        ("10.0.0.0/8:443", "x", "::ffff:10.0.0.1", 443, True),
        ("10.0.0.0/8:443", "x", "fd00::1", 443, False),
        ("[fd00::/8]:443", "x", "fd00::1", 443, True),
        ("[::1]:8000", "localhost", "::1", 8000, True),
        ("Orders.Internal:*", "orders.internal.", "10.0.0.1", 1, True),
        ("orders.internal:*", "orders.internal", "169.254.169.254", 80, False),
        ("orders.internal:*", "orders.internal", "::ffff:169.254.169.254", 80, False),
        ("orders.internal:*", "orders.internal", "fd00:ec2::254", 80, False),
        ("orders.internal:*", "orders.internal", "fe80::1", 80, False),
        ("orders.internal:*", "orders.internal", "100.100.100.200", 80, False),
        ("169.254.169.254:80", "orders.internal", "169.254.169.254", 80, True),
        ("[fd00:ec2::254]:80", "x", "fd00:ec2::254", 80, True),
        ("orders.internal:443", "x.orders.internal", "10.0.0.1", 443, False),
        ("", "x", "10.0.0.1", 443, False),
        ("a.test:1, b.test:2,", "b.test", "10.0.0.1", 2, True),
    ],
)
def test_an_allow_list_permits_what_it_names(entry: str, host: str, address: str, port: int, permitted: bool) -> None:
    assert AllowList.parse(entry).permits(host, ip_address(address), port) is permitted


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "host:", "host:0", "host:65536", "host:http", "http://host:80", ":80", "*:80", "*.test:80", "::1:80",
     "10.0.0.1/8:443", "10.0.0.0/33:443", "999.0.0.1:80", "[host]:80", "a b:80", "host:8\u0660", "ok:80, bad"],
)  # fmt: skip
def test_an_allow_list_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text.split(", ")[-1].replace("*", r"\*").replace("[", r"\[")):
        AllowList.parse(text)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://shop.test/", "must start with http:// or https://"),
        ("file:///etc/passwd", "must start with http:// or https://"),
        ("shop.test/orders", "must start with http:// or https://"),
        ("http://ada:pw@shop.test/", "holds a user name or password"),
        ("http://shop.test\\@127.0.0.1/", "holds a user name or password"),
        ("http://shop.test/\r\nHost: evil", "holds the control character"),
        ("http://shop.test/\x00", "holds the control character"),
        ("http:///orders", "names no host"),
        ("http://a b/", "names no host"),
        ("http://[fe80::1%25eth0]/", "names no host"),
        ("http://shop.test:99999/", "names no host"),
        ("http://shop.test:port/", "cannot be read"),
        ("http://\ud800/", "cannot be read"),
        ("http://0177.0.0.1/", "cannot be read"),
    ],
)
async def test_a_url_that_we_do_not_send_to_is_explained(url: str, message: str) -> None:
    assert message in (await failure(GuardedClient(resolve=Names({})), url)).message


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"X": "a\r\nb: c"}, "holds characters that no header may hold"),
        ({"X Y": "a"}, "holds characters that no header may hold"),
        ({"": "a"}, "holds characters that no header may hold"),
        ({"HOST": "evil"}, "cannot be set; the connection decides it"),
        ({"Transfer-Encoding": "chunked"}, "cannot be set; the connection decides it"),
    ],
)
async def test_a_header_that_could_change_the_request_is_refused(headers: dict[str, str], message: str) -> None:
    assert message in (await failure(GuardedClient(), "http://shop.test/", headers=headers)).message


async def test_a_method_that_opens_a_tunnel_is_refused() -> None:
    failed = await failure(GuardedClient(), "http://shop.test/", method="CONNECT")
    assert failed.message == "The method 'CONNECT' is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS."


# --- Too slow, too large, broken --------------------------------------------------------------------------------------


async def test_an_answer_that_drips_is_stopped_at_the_deadline(server: Server, client: GuardedClient) -> None:
    """Every byte comes in time for a read timeout; only a deadline for the whole ends this."""

    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    server.respond = drip
    began = asyncio.get_running_loop().time()
    failed = await failure(client, f"http://shop.test:{server.port}/", timeout=0.15)
    assert asyncio.get_running_loop().time() - began < 2
    why = "there was no whole answer within 0.15 s; raise the timeout or ask for less"
    assert (failed.message, failed.for_client) == (f"shop.test: {why}.", "shop.test did not answer.")


async def test_a_server_that_never_answers_is_stopped_at_the_deadline(server: Server, client: GuardedClient) -> None:
    async def wait(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)

    server.respond = wait
    failed = await failure(client, f"http://shop.test:{server.port}/", timeout=0.05)
    assert failed.message.startswith("shop.test: there was no whole answer within 0.05 s")


async def test_cancelling_a_request_is_not_a_failure(server: Server, client: GuardedClient) -> None:
    arrived = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.sleep(5)

    server.respond = wait
    task = asyncio.create_task(client.request("GET", f"http://shop.test:{server.port}/"))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_compressed_answer_is_unpacked(server: Server, client: GuardedClient) -> None:
    body = gzip.compress(b"hello " * 1000) + gzip.compress(b"again")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    server.answer = head % len(body) + body
    response = await client.request("GET", f"http://shop.test:{server.port}/")
    assert response.body == b"hello " * 1000 + b"again"


async def test_a_gzip_bomb_is_stopped_before_it_is_unpacked(server: Server, client: GuardedClient) -> None:
    """The bomb is 65 kB, so it comes in one read; only a limit on what is unpacked keeps the 64 MiB out of memory."""
    bomb = gzip.compress(bytes(64 * 1024 * 1024), compresslevel=9)
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    tracemalloc.start()
    failed = await failure(client, f"http://shop.test:{server.port}/")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failed.message == f"shop.test answered with more than {MAX_BODY:,} bytes; ask for less at a time."
    assert peak < 4 * MAX_BODY


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
async def test_a_plain_answer_may_be_as_large_as_the_cap(server: Server, size: int, fits: bool) -> None:
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size)
    guarded = GuardedClient(AllowList.parse(f"127.0.0.1:{server.port}"), max_bytes=1000)
    url = f"http://127.0.0.1:{server.port}/"
    if fits:
        assert len((await guarded.request("GET", url)).body) == size
    else:
        assert (await failure(guarded, url)).message.startswith("127.0.0.1 answered with more than 1,000 bytes")
    await guarded.aclose()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nhi", "'br'; only gzip was offered"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nhi", "only gzip was offered"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", "gzip that cannot be read"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n"
            + gzip.compress(bytes(range(256)) * 4)[:100],
            "gzip that ends too early",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000 + b"\r\nContent-Length: 0\r\n\r\n", "more than 32 KiB of headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000, "the connection failed"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "the connection failed"),
    ],
)  # fmt: skip
async def test_an_answer_that_cannot_be_used_is_explained(
    server: Server, client: GuardedClient, answer: bytes, message: str
) -> None:
    server.answer = answer
    assert message in (await failure(client, f"http://shop.test:{server.port}/", timeout=5)).message


async def test_a_connection_that_breaks_off_is_explained(server: Server, client: GuardedClient) -> None:
    async def break_off(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    server.respond = break_off
    failed = await failure(client, f"http://shop.test:{server.port}/")
    assert failed.message.startswith("shop.test: the connection failed (")
    assert failed.for_client == "shop.test did not answer."


# --- Loops ------------------------------------------------------------------------------------------------------------


def test_one_client_serves_one_loop_after_another_and_leaves_nothing_open() -> None:
    """An unclosed connection would be a ResourceWarning, which is an error here."""
    guarded = GuardedClient(AllowList.parse("127.0.0.1:*"))

    async def ask() -> bytes:
        served = Server()
        listening = await asyncio.start_server(served.handle, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        bodies = [(await guarded.request("GET", f"http://127.0.0.1:{port}/")).body for _ in range(2)]
        assert served.connections == 1
        listening.close()
        return b"".join(bodies)

    assert asyncio.run(ask()) == b"hihi"
    assert async_to_sync(ask)() == b"hihi"
    assert asyncio.run(ask()) == b"hihi"
    assert len(guarded._pools) == 1


def test_the_processs_client_takes_the_operators_allow_list(settings: Any) -> None:
    outbound_client.cache_clear()
    settings.OUTBOUND_ALLOW = "nonsense"
    with pytest.raises(ValueError, match="'nonsense': write host:port"):
        outbound_client()
    settings.OUTBOUND_ALLOW = "10.0.0.0/8:443"
    assert outbound_client() is outbound_client()
    outbound_client.cache_clear()
