"""Which pages of a browser may call: our own by scheme, host and port, others only where an operator allows them."""

from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.core.exceptions import ImproperlyConfigured

from flowhub import env
from flowhub.asgi import application
from mcp_bridge.wire import origins

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

FRIEND = "https://app.example.com"
SECONDS = 5


async def asked(path: str, method: str = "POST", host: str = "127.0.0.1:8000", **headers: str) -> dict[str, Any]:
    """Status and headers of an answer."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in ({"host": host} | headers).items()]
    scope = {"type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path, "headers": raw}
    scope |= {"query_string": b"", "root_path": "", "raw_path": path.encode(), "client": ("127.0.0.1", 1)}
    caller = ApplicationCommunicator(application, scope)
    await caller.send_input({"type": "http.request", "body": b"{}"})
    start = await caller.receive_output(SECONDS)
    await caller.wait(SECONDS)
    return {"status": start["status"]} | {name.decode().lower(): value.decode() for name, value in start["headers"]}


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "is_own"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http", True),
        ("http://localhost:8123", "localhost:8123", "http", True),
        ("http://LOCALHOST", "localhost:80", "http", True),
        ("https://localhost", "localhost", "https", True),
        ("https://flows.example.com", "10.0.0.7:8000", "http", True),  # the public address, behind a proxy
        ("http://flows.example.com", "10.0.0.7:8000", "http", False),
        ("http://127.0.0.1:9000", "127.0.0.1:8000", "http", False),
        ("https://127.0.0.1:8000", "127.0.0.1:8000", "http", False),
        ("http://localhost:8000", "127.0.0.1:8000", "http", False),
        ("http://127.0.0.1:8000/page", "127.0.0.1:8000", "http", False),
        ("null", "127.0.0.1:8000", "http", False),
        ("", "", "http", False),
        ("http://[", "127.0.0.1:8000", "http", False),
    ],
)
def test_a_page_is_ours_by_scheme_host_and_port(
    settings: Any, origin: str, host: str, scheme: str, is_own: bool
) -> None:
    settings.PUBLIC_URL = "https://flows.example.com"
    for kind in (scheme, {"http": "ws", "https": "wss"}[scheme]):
        assert origins.is_own(origin, {"scheme": kind, "headers": [(b"host", host.encode())]}) is is_own


def test_behind_a_proxy_that_is_believed_its_word_is_the_scheme(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    headers = [(b"host", b"localhost"), (b"x-forwarded-proto", b"https")]
    assert origins.is_own("https://localhost", {"scheme": "http", "headers": headers})
    assert not origins.is_own("http://localhost", {"scheme": "http", "headers": headers})


@pytest.mark.parametrize("path", ["/mcp/demo", "/api/flows/"])
async def test_a_browser_is_told_what_a_page_of_an_allowed_origin_may_send(settings: Any, path: str) -> None:
    settings.ALLOWED_ORIGINS = frozenset({FRIEND})
    answer = await asked(path, "OPTIONS", origin=FRIEND, access_control_request_method="POST")
    assert answer == {
        "status": 204,
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": "accept, authorization, content-type, if-match, last-event-id, mcp-method, "
        "mcp-name, mcp-protocol-version, mcp-session-id, *",
        "access-control-max-age": "600",
        "content-length": "0",
        "access-control-allow-origin": FRIEND,
        "access-control-expose-headers": "allow, content-disposition, etag, mcp-protocol-version, mcp-session-id, "
        "retry-after, www-authenticate",
        "vary": "Origin",
    }


@pytest.mark.parametrize("origin", ["https://app.example.com:8443", "http://app.example.com", "https://x.example.com"])
@pytest.mark.parametrize("path", ["/mcp/demo", "/api/flows/"])
async def test_pages_of_other_origins_get_no_word_of_it(settings: Any, path: str, origin: str) -> None:
    settings.ALLOWED_ORIGINS = frozenset({FRIEND})
    for answer in (
        await asked(path, "OPTIONS", origin=origin, access_control_request_method="POST"),
        await asked(path, "GET", origin=origin),
    ):
        assert answer["status"] in {401, 403}
        assert [name for name in answer if name.startswith("access-control-")] == []


@pytest.mark.parametrize("path", ["/", "/login/", "/executions/", "/healthz"])
async def test_pages_are_for_no_other_origin(settings: Any, path: str) -> None:
    settings.ALLOWED_ORIGINS = frozenset({FRIEND})
    answer = await asked(path, "GET", origin=FRIEND)
    assert [name for name in answer if name.startswith("access-control-")] == []


async def test_a_refusal_can_be_read_by_a_page_that_may_call(settings: Any) -> None:
    settings.ALLOWED_ORIGINS = frozenset({FRIEND})
    accept = "application/json, text/event-stream"
    answer = await asked("/mcp/nothing", origin=FRIEND, content_type="application/json", accept=accept)
    assert (answer["status"], answer["www-authenticate"][:6]) == (401, "Bearer")
    assert answer["access-control-allow-origin"] == FRIEND
    assert "access-control-allow-credentials" not in answer


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9000", "https://127.0.0.1:8000", FRIEND, "null"])
async def test_no_page_of_another_origin_opens_a_socket(settings: Any, origin: str) -> None:
    settings.ALLOWED_ORIGINS = frozenset({FRIEND})
    headers = [(b"origin", origin.encode()), (b"host", b"127.0.0.1:8000")]
    browser = WebsocketCommunicator(application, "/ws/executions/", headers)
    assert await browser.connect() == (False, 1000)


def test_origins_are_written_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORIGINS", "https://app.example.com, http://localhost:5173,http://[::1]:81")
    assert env.origins("ORIGINS") == ["https://app.example.com", "http://localhost:5173", "http://[::1]:81"]


@pytest.mark.parametrize(
    "text",
    ["*", "null", "app.example.com", "https://a.example/", "https://A.example", "https://a.example:443", "ws://a"],
)
def test_what_is_no_origin_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ORIGINS", text)
    with pytest.raises(ImproperlyConfigured, match="is no origin; write scheme, host and port"):
        env.origins("ORIGINS")
