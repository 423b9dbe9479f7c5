"""Access tokens by client credentials: fetched once, kept until they expire, renewed when refused, told to nobody."""

import asyncio
import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from executions.models import Execution, Suspension
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Caller, call_of
from executions.running.starting import begin
from executions.running.targets import published_target
from flows.adapters.addresses import AllowList
from flows.adapters.http_client import GuardedClient, outbound_client
from flows.engine.errors import NodeFailed
from flows.engine.events import Event, NodeLog, Observer
from flows.engine.node import NodeContext
from flows.nodes import registry
from flows.nodes.access_tokens import MAX_TOKENS, AccessTokens, access_tokens
from flows.nodes.http_request import HttpRequest
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.executions.pages.test_views import browser_of
from tests.factories import call, make_flow, make_server, publish
from tests.upstream import good_server, refusing_calls, served

pytestmark = pytest.mark.anyio

CLIENT_SECRET = "canary-s3cr3t/+7a1d"


@dataclass
class Systems:
    """A token endpoint and the API that takes its tokens, on one port; both remember what they were asked."""

    port: int = 0
    answers: list[tuple[int, Any]] = field(default_factory=list)
    """What the token endpoint answers first; then each time another token that lasts an hour."""
    taken_back: set[str] = field(default_factory=set)
    """The tokens that the API does not take any more."""
    token_requests: list[tuple[str | None, dict[str, str]]] = field(default_factory=list)
    api_requests: list[str | None] = field(default_factory=list)
    given: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def auth(self, **more: Any) -> dict[str, Any]:
        named = {"tokenUrl": f"{self.url}/token", "clientId": f"client-{self.port}", "secret": CLIENT_SECRET}
        return {"type": "oauth2ClientCredentials"} | named | more

    def token(self) -> dict[str, Any]:
        self.given.append(f"canary-token-{self.port}-{len(self.given)}-f81d4fae")
        return {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": 3600}


@pytest.fixture
def systems(settings: Any) -> Iterator[Systems]:
    systems = Systems()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            systems.token_requests.append((self.headers.get("authorization"), dict(parse_qsl(body))))
            self.reply(*(systems.answers.pop(0) if systems.answers else (200, systems.token())))

        def do_GET(self) -> None:
            shown = self.headers.get("authorization")
            systems.api_requests.append(shown)
            is_good = shown is not None and shown.removeprefix("Bearer ") not in systems.taken_back
            # As debugging endpoints do, it says who asked.
            self.reply(200 if is_good else 401, {"you": shown})

        def reply(self, status: int, value: Any) -> None:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            if status == 302:
                self.send_header("location", f"{systems.url}/elsewhere")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    systems.port = http.server_port
    settings.OUTBOUND_ALLOW = "127.0.0.1:*"
    outbound_client.cache_clear()
    yield systems
    outbound_client.cache_clear()
    http.shutdown()
    thread.join()
    http.server_close()


Send = Callable[..., Any]


@pytest.fixture
async def send(systems: Systems) -> Any:
    """Executes an `http_request` with an authentication; gives back what its API said it was shown."""
    client = GuardedClient(AllowList.parse("127.0.0.1:*"))

    async def sent(auth: dict[str, Any] | None = None, **parameters: Any) -> Any:
        given = {"url": f"{systems.url}/orders", "auth": auth or systems.auth(), **parameters}
        assert registry()["http_request"].faults(given, "", before_filling=False) == []
        return (await HttpRequest().execute(given, NodeContext("e1", "Node", client))).output["body"]["you"]

    yield sent
    await client.aclose()


class TestFetching:
    async def test_a_token_is_got_with_id_and_secret_and_sent_until_it_expires(
        self, systems: Systems, send: Send
    ) -> None:
        shown = [await send(systems.auth(scopes=" read  write ")) for _ in range(2)]
        pair = base64.b64encode(f"client-{systems.port}:canary-s3cr3t%2F%2B7a1d".encode()).decode()
        asked = {"grant_type": "client_credentials", "scope": "read write"}
        assert systems.token_requests == [(f"Basic {pair}", asked)]
        assert shown == [f"Bearer {systems.given[0]}"] * 2

    async def test_the_client_may_show_itself_in_the_body_and_ask_for_more(self, systems: Systems, send: Send) -> None:
        more = {"audience": "https://api.test", "grant_type": "account_credentials"}
        await send(systems.auth(clientAuth="body", tokenParameters=more))
        client = {"client_id": f"client-{systems.port}", "client_secret": CLIENT_SECRET}
        assert systems.token_requests == [(None, client | more)]

    async def test_those_who_ask_at_once_wait_for_one_token(self, systems: Systems, send: Send) -> None:
        shown = await asyncio.gather(*(send() for _ in range(5)))
        assert (len(systems.token_requests), set(shown)) == (1, {f"Bearer {systems.given[0]}"})

    async def test_another_secret_another_scope_and_another_client_get_tokens_of_their_own(
        self, systems: Systems, send: Send
    ) -> None:
        for more in ({}, {"secret": "other-secret"}, {"scopes": "read"}, {"clientId": "other"}, {"clientAuth": "body"}):
            await send(systems.auth(**more))
        assert len(systems.token_requests) == 5

    @pytest.mark.parametrize("lasts", [{"expires_in": 0}, {"expires_in": "0"}, {"expires_in": -5}])
    async def test_a_token_that_is_over_is_not_kept(self, systems: Systems, send: Send, lasts: Any) -> None:
        systems.answers = [(200, {"access_token": f"once-{number}"} | lasts) for number in range(2)]
        assert [await send(), await send()] == ["Bearer once-0", "Bearer once-1"]

    @pytest.mark.parametrize("said", [{}, {"expires_in": None}, {"expires_in": "soon"}, {"expires_in": "3600"}])
    async def test_a_token_is_kept_for_a_while_whatever_is_said_of_its_end(
        self, systems: Systems, send: Send, said: Any
    ) -> None:
        systems.answers = [(200, {"access_token": "a-token", "token_type": "bearer"} | said)]
        assert [await send(), await send()] == ["Bearer a-token"] * 2

    async def test_a_kept_token_that_is_refused_is_renewed_once(self, systems: Systems, send: Send) -> None:
        await send()
        systems.taken_back.add(systems.given[0])
        assert await send() == f"Bearer {systems.given[1]}"
        assert [each and each.rpartition("-")[0][-1] for each in systems.api_requests] == ["0", "0", "1"]

    async def test_a_new_token_that_is_refused_is_not_renewed(self, systems: Systems, send: Send) -> None:
        systems.taken_back |= {"refused"}
        systems.answers = [(200, {"access_token": "refused"})]
        with pytest.raises(NodeFailed, match="/orders answered 401 Unauthorized"):
            await send()
        assert (len(systems.token_requests), len(systems.api_requests)) == (1, 1)

    @pytest.mark.parametrize(
        ("status", "said", "message"),
        [
            (
                401,
                {"error": "invalid_client", "error_description": "Unknown\nclient."},
                "127.0.0.1 gave no access token: it answered 401 Unauthorized: invalid_client: Unknown client. Check "
                "the client id and its secret, and whether the client shows itself by body there.",
            ),
            (
                400,
                {"error": "invalid_scope"},
                "127.0.0.1 gave no access token: it answered 400 Bad Request: invalid_scope. Check the scopes.",
            ),
            (
                400,
                {"error": {"code": 7}, "error_description": "x" * 400},
                f"127.0.0.1 gave no access token: it answered 400 Bad Request: {'x' * 300}. Check the token URL, the "
                "client id and its secret, and what is asked for.",
            ),
            (
                503,
                b"<html>",
                "127.0.0.1 gave no access token: it answered 503 Service Unavailable. Try again later.",
            ),
            (
                302,
                {},
                "127.0.0.1 gave no access token: it answered 302 Found. Redirects are not followed there; give the "
                "address that it leads to as the token URL.",
            ),
            (
                200,
                {"token": "x"},
                "127.0.0.1 gave no access token: it answered 200 OK without an access_token in a JSON object that can "
                "be sent. Check the token URL.",
            ),
            (
                200,
                {"access_token": "a\r\nb"},
                "127.0.0.1 gave no access token: it answered 200 OK without an access_token in a JSON object that can "
                "be sent. Check the token URL.",
            ),
            (
                200,
                {"access_token": "a", "pad": "x" * 65_536},
                "127.0.0.1 gave no access token: it answered 200 OK without an access_token in a JSON object that can "
                "be sent. Check the token URL.",
            ),
            (
                200,
                {"access_token": "a", "token_type": "mac"},
                "127.0.0.1 gave an access token of the type 'mac'; only bearer tokens can be sent.",
            ),
        ],
    )
    async def test_what_the_token_endpoint_says_is_told(
        self, systems: Systems, send: Send, status: int, said: Any, message: str
    ) -> None:
        systems.answers = [(status, said)]
        with pytest.raises(NodeFailed) as failed:
            await send()
        assert failed.value.message == message
        assert (len(systems.token_requests), systems.api_requests) == (1, [])

    async def test_a_private_token_url_is_refused_as_every_private_address(self, systems: Systems) -> None:
        client, given = GuardedClient(), {"url": f"{systems.url}/orders", "auth": systems.auth()}
        with pytest.raises(NodeFailed, match=r"address 127\.0\.0\.1 is private"):
            await HttpRequest().execute(given, NodeContext("e1", "Node", client))
        assert systems.token_requests == []


class TestKeeping:
    async def test_a_token_is_used_until_shortly_before_its_end(self) -> None:
        now = 1000.0
        tokens, fetched = AccessTokens(lambda: now), iter(["first", "second"])

        async def fetch() -> tuple[str, float]:
            return next(fetched), 100.0

        assert [await tokens.get(b"k", fetch), await tokens.get(b"k", fetch)] == [("first", False), ("first", True)]
        now = 1100.0
        assert await tokens.get(b"k", fetch) == ("second", False)

    async def test_who_waits_goes_on_when_the_one_that_fetches_is_cancelled(self) -> None:
        tokens, begun, number = AccessTokens(), asyncio.Event(), 0

        async def fetch() -> tuple[str, float]:
            nonlocal number
            number += 1
            if number == 1:
                begun.set()
                await asyncio.Event().wait()
            return f"token {number}", 100.0

        first = asyncio.create_task(tokens.get(b"k", fetch))
        await begun.wait()
        others = [asyncio.create_task(tokens.get(b"k", fetch)) for _ in range(3)]
        cancelled = others.pop()
        await asyncio.sleep(0)
        cancelled.cancel()
        first.cancel()
        async with asyncio.timeout(20):
            assert {token for token, _ in await asyncio.gather(*others)} == {"token 2"}

    async def test_who_waits_hears_of_the_failure(self) -> None:
        tokens, asked = AccessTokens(), []

        async def fetch() -> tuple[str, float]:
            asked.append(1)
            await asyncio.sleep(0)
            raise NodeFailed("no")

        told = await asyncio.gather(*(tokens.get(b"k", fetch) for _ in range(3)), return_exceptions=True)
        assert ([str(each) for each in told], len(asked)) == (["no"] * 3, 1)

    def test_event_loops_share_what_is_kept(self) -> None:
        tokens, asked, both = AccessTokens(), [], threading.Barrier(2, timeout=20)

        async def fetch() -> tuple[str, float]:
            asked.append(1)
            return "token", 100.0

        def get() -> str:
            both.wait()
            return asyncio.run(tokens.get(b"k", fetch))[0]

        with ThreadPoolExecutor(2) as threads:
            assert [each.result(20) for each in [threads.submit(get), threads.submit(get)]] == ["token", "token"]
        assert len(asked) == 1

    async def test_the_oldest_of_too_many_goes_and_only_the_refused_one_is_forgotten(self) -> None:
        tokens = AccessTokens()

        async def fetch() -> tuple[str, float]:
            return "token", 100.0

        for number in range(MAX_TOKENS + 1):
            await tokens.get(str(number).encode(), fetch)
        assert [(await tokens.get(key, fetch))[1] for key in (b"2", b"0")] == [True, False]
        tokens.forget(b"2", "an older one")
        assert (await tokens.get(b"2", fetch))[1]
        tokens.forget(b"2", "token")
        assert not (await tokens.get(b"2", fetch))[1]


@pytest.mark.django_db(transaction=True)
class TestTelling:
    """The API and the token endpoint say what they were shown; nobody hears it from FlowHub."""

    @pytest.fixture
    def flow(self, systems: Systems) -> Any:
        server = make_server()
        versions.set_secret(server, "CLIENT_SECRET", CLIENT_SECRET)
        auth = systems.auth(secret="{{ secrets.CLIENT_SECRET }}")
        fetch = node("fetch", "http_request", url=f"{systems.url}/orders", auth=auth)
        log = node("log", "log", message="They said {{ fetch.body.you }}", level="info")
        return publish(server, "orders", fetch, log, answer("{{ fetch.body }}"))

    def test_an_echoed_token_is_in_no_answer_record_log_or_page(
        self, systems: Systems, flow: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            executions = [call(flow), call(flow)]
        [token] = systems.given
        assert systems.api_requests == [f"Bearer {token}"] * 2
        page = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/usage/{executions[1].pk}/")
        assert page.status_code == 200
        stored = json.dumps(list(Execution.objects.values()), default=str)
        for execution in executions:
            assert execution.result["structuredContent"] == {"you": "Bearer ***"}
            assert execution.node_executions[1]["outputData"]["body"] == {"you": "Bearer ***"}
            assert execution.node_executions[1]["inputData"]["auth"]["secret"] == "{{ secrets.CLIENT_SECRET }}"
        for text in (stored, caplog.text, page.content.decode()):
            assert token not in text
            assert CLIENT_SECRET not in text
        assert (token in repr(access_tokens), CLIENT_SECRET in repr(access_tokens)) == (False, False)

    def test_a_secret_that_the_token_endpoint_quotes_is_in_no_message(self, systems: Systems, flow: Any) -> None:
        systems.answers = [(400, {"error": "invalid_client", "error_description": f"{CLIENT_SECRET} is wrong"})]
        execution = call(flow)
        said = "127.0.0.1 gave no access token: it answered 400 Bad Request: invalid_client: *** is wrong. "
        assert execution.error_info["message"].startswith(said)
        assert execution.result["content"][0]["text"].startswith(f"Fetch: {said}")
        assert CLIENT_SECRET not in json.dumps(list(Execution.objects.values()), default=str)

    async def test_a_client_that_hears_log_messages_does_not_hear_the_token(self, systems: Systems, flow: Any) -> None:
        heard: list[str] = []

        def watch(redactor: Callable[[], Redactor]) -> Observer:
            def take(event: Event) -> None:
                if isinstance(event, NodeLog):
                    heard.append(redactor().hide_text(event.message, is_message=True))

            return take

        flow_called = await asyncio.to_thread(published_target, flow)
        caller = Caller("key k", "mcp", identity="key:1")
        told = await (await begin(await call_of(flow_called, {}, caller, watch))).state()
        assert isinstance(told, Answer)
        assert (heard, told.structured) == (["They said Bearer ***"], {"you": "Bearer ***"})

    def test_an_execution_that_waited_for_an_answer_still_hides_the_token(self, systems: Systems) -> None:
        server = make_server()
        versions.set_secret(server, "CLIENT_SECRET", CLIENT_SECRET)
        auth = systems.auth(secret="{{ secrets.CLIENT_SECRET }}")
        form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
        definition = chain(
            node("fetch", "http_request", url=f"{systems.url}/orders", auth=auth),
            node("ask", "ask_user", message="Are you {{ fetch.body.you }}?", schema=form),
            answer("{{ fetch.body }}"),
        )
        definition["connections"][-1]["sourceHandle"] = "accept"
        flow = make_flow(server, definition=definition, input_schema={"type": "object"})
        browser = browser_of(server.owner)
        browser.post(f"/flows/{flow.pk}/test/", {"do": "call"})
        waiting = Execution.objects.get()
        page = browser.get(f"/flows/{flow.pk}/test/?execution={waiting.pk}").content.decode()
        assert "Are you Bearer ***?" in page
        stored = json.dumps([*Execution.objects.values(), *Suspension.objects.values()], default=str)
        given = {"slug": "ask", "step": "0", "next": "/flows/", "do": "accept", "arg-answer:ask/name": "Ada"}
        browser.post(f"/executions/{waiting.pk}/answer/", given)
        waiting.refresh_from_db()
        assert (waiting.status, waiting.result["structuredContent"]) == ("fulfilled", {"you": "Bearer ***"})
        [token] = systems.given
        assert not [text for text in (page, stored, json.dumps(waiting.node_executions)) if token in text]

    def test_tools_of_other_servers_are_listed_and_called_with_such_a_token(self, systems: Systems) -> None:
        server = make_server()
        versions.set_secret(server, "CLIENT_SECRET", CLIENT_SECRET)
        refusing = refusing_calls(good_server().streamable_http_app(), 401, {}, b"", times=1)
        with served(refusing) as url:
            auth = systems.auth(secret="{{ secrets.CLIENT_SECRET }}")
            body = {"server": server.slug, "url": f"{url}/mcp", "auth": auth}
            listed = browser_of(server.owner).post("/api/upstream-tools/", body, content_type="application/json")
            tool = node("tool", "mcp_tool", url=f"{url}/mcp", tool="headers", auth=auth)
            execution = call(publish(server, "asks", tool, answer("{{ tool.structured }}")))
        assert (listed.status_code, len(listed.json()["tools"])) == (200, 5)
        # The token of the listing was kept, and refused: the call has one of its own.
        assert execution.result["structuredContent"]["authorization"] == "***"
        assert len(systems.token_requests) == 2
        assert "canary-token" not in json.dumps(list(Execution.objects.values()), default=str)
