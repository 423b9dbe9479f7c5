"""Tools of other MCP servers: called and listed over guarded connections, and what goes wrong said in plain words."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from mcp.server.mcpserver import MCPServer
from rest_framework.test import APIClient

from flowhub import __version__
from flows.adapters.http_client import outbound_client
from flows.engine.errors import NodeFailed
from flows.engine.node import ToolAnswer
from flows.publishing import versions
from mcp_bridge.upstream.client import UpstreamTools
from mcp_bridge.upstream.drift import changes, digests_of
from tests.definitions import answer, chain, node
from tests.executions.pages.test_views import browser_of
from tests.factories import make_flow, make_server, make_user
from tests.upstream import badly, curious_server, good_server, handshake_only, refusing_calls, served, waiting

SECRET = "canary-9b20d1c7"
ADD = {
    "type": "object",
    "title": "addArguments",
    "properties": {"a": {"title": "A", "type": "integer"}, "b": {"default": 1, "title": "B", "type": "integer"}},
    "required": ["a"],
}


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with served(good_server().streamable_http_app()) as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="module")
def older() -> Iterator[str]:
    with served(handshake_only(good_server().streamable_http_app())) as url:
        yield f"{url}/mcp"


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    with served(badly) as url:
        yield url


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = "127.0.0.1:*"
    outbound_client.cache_clear()
    yield
    outbound_client.cache_clear()


async def call(url: str, tool: str = "add", timeout: float = 20.0, **options: Any) -> ToolAnswer:
    options.setdefault("headers", {})
    return await UpstreamTools().call(url, tool, options.pop("arguments", {}), timeout=timeout, **options)


async def failure(url: str, tool: str = "add", **options: Any) -> str:
    with pytest.raises(NodeFailed) as caught:
        await call(url, tool, **options)
    return caught.value.message


@pytest.mark.anyio
class TestCalling:
    @pytest.mark.parametrize("era", ["good", "older"])
    async def test_a_tool_is_called_in_either_era(self, era: str, request: pytest.FixtureRequest) -> None:
        url = request.getfixturevalue(era)
        assert await call(url, "add", arguments={"a": 2, "b": 3}) == ToolAnswer(
            [{"type": "text", "text": "5"}], {"result": 5}
        )
        greeted = await call(url, "greet", arguments={"name": "Ada"})
        assert (greeted.text, greeted.structured, greeted.is_error) == ("Hello\nAda", None, False)

    @pytest.mark.parametrize("rim", [lambda app: app, handshake_only], ids=["modern", "legacy"])
    async def test_the_other_server_learns_which_version_of_flowhub_calls(self, rim: Callable[[Any], Any]) -> None:
        with served(rim(curious_server().streamable_http_app())) as url:
            assert (await call(f"{url}/mcp", "caller")).text == f"flowhub {__version__}"

    async def test_what_a_tool_says_of_its_failure_is_its_answer(self, good: str) -> None:
        answer = await call(good, "refuse")
        assert (answer.is_error, answer.structured) == (True, None)
        assert "refuse" in answer.text

    async def test_only_the_headers_of_the_node_are_sent(self, good: str) -> None:
        answer = await call(good, "headers", headers={"authorization": f"Bearer {SECRET}", "x-team": "7"})
        sent = answer.structured
        assert (sent["authorization"], sent["x-team"], sent["accept-encoding"]) == (f"Bearer {SECRET}", "7", "identity")
        assert "cookie" not in sent

    async def test_many_calls_at_once_do_not_mix(self, good: str) -> None:
        answers = await asyncio.gather(*(call(good, arguments={"a": number}) for number in range(10)))
        assert [answer.structured for answer in answers] == [{"result": number + 1} for number in range(10)]

    async def test_too_slow_a_tool_ends_with_the_timeout(self, good: str) -> None:
        began = asyncio.get_running_loop().time()
        message = "127.0.0.1: there was no whole answer within 0.5 s; raise the timeout."
        assert await failure(good, "wait", timeout=0.5) == message
        assert asyncio.get_running_loop().time() - began < 10

    async def test_cancelling_the_wait_ends_it_at_once(self, good: str) -> None:
        waiting.clear()
        task = asyncio.create_task(call(good, "wait", timeout=60))
        assert await asyncio.to_thread(waiting.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)


@pytest.mark.anyio
class TestFailures:
    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/html", "127.0.0.1 answered with an error: Unexpected content type: text/html (-32600)."),
            (
                "/unauthorized",
                "127.0.0.1 answered 401 Unauthorized: check the node's authentication and its secret.",
            ),
            ("/missing", "127.0.0.1 answered 404 Not Found: check that the URL is the address of an MCP server."),
            ("/endless", "127.0.0.1 answered with more than 5,242,880 bytes; ask for less at a time."),
            ("/zipped", "127.0.0.1 answered with the encoding 'gzip'; none was offered."),
        ],
    )
    async def test_a_server_that_behaves_badly_is_named(self, bad: str, path: str, message: str) -> None:
        assert await failure(bad + path) == message

    @pytest.mark.parametrize("rim", [lambda app: app, handshake_only], ids=["modern", "legacy"])
    @pytest.mark.parametrize(
        ("status", "headers", "body", "said", "is_final", "retry_after"),
        [
            (401, {}, b"", "401 Unauthorized: check the node's authentication and its secret.", True, None),
            (403, {}, b"", "403 Forbidden: check the node's authentication and its secret.", True, None),
            (404, {}, b"", "404 Not Found: check that the URL is the address of an MCP server.", True, None),
            (
                429,
                {"retry-after": "7"},
                b"slow down",
                "429 Too Many Requests: it takes no more requests now; call again after 7 s, or less often.",
                False,
                7.0,
            ),
            (500, {}, b"", "500 Internal Server Error: it failed; call again later.", False, None),
            (503, {"retry-after": "2"}, b"", "503 Service Unavailable: it failed; call again after 2 s.", False, 2.0),
            (599, {}, b"", "599: it failed; call again later.", False, None),
            (
                400,
                {"content-type": "application/json"},
                b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32602, "message": "No such region"}}',
                "400 Bad Request: it did not take the request. It said: No such region (-32602).",
                True,
                None,
            ),
        ],
    )
    async def test_the_status_of_a_refused_call_is_said_in_words_and_its_wait_is_passed_on(
        self,
        rim: Callable[[Any], Any],
        status: int,
        headers: dict[str, str],
        body: bytes,
        said: str,
        is_final: bool,
        retry_after: float | None,
    ) -> None:
        app = refusing_calls(rim(good_server().streamable_http_app()), status, headers, body)
        with served(app) as url, pytest.raises(NodeFailed) as caught:
            await call(f"{url}/mcp", arguments={"a": 1})
        found = caught.value
        assert found.message == f"127.0.0.1 answered {said}"
        assert (found.is_final, found.retry_after, found.detail) == (
            is_final,
            retry_after,
            {"status": status, "retryAfter": retry_after},
        )

    async def test_a_redirect_to_another_origin_is_not_followed(self, bad: str) -> None:
        assert "Redirect to http://127.0.0.2:9/mcp not followed" in await failure(bad + "/elsewhere")

    async def test_what_is_no_json_is_neither_repeated_nor_logged(
        self, bad: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.ERROR)
        message = await failure(bad + "/garbage")
        assert message.startswith("127.0.0.1 ")
        assert "canary-garbage" not in caplog.text

    async def test_a_server_that_never_answers_is_left(self, bad: str) -> None:
        message = "127.0.0.1: there was no whole answer within 0.3 s; raise the timeout."
        assert await failure(bad + "/never", timeout=0.3) == message

    async def test_an_unknown_tool_is_what_the_server_says(self, good: str) -> None:
        answer = await call(good, "missing")
        assert (answer.is_error, answer.text) == (True, "Unknown tool: missing")

    @pytest.mark.parametrize("url", ["http://127.0.0.1:1/mcp", "http://127.0.0.2:80/mcp"])
    async def test_an_address_without_a_server_or_a_permission_is_named(self, url: str) -> None:
        message = await failure(url)
        assert message.startswith("127.0.0.")
        assert ("connection failed" in message) or ("is private" in message)

    async def test_a_private_address_is_refused_before_anything_is_sent(self, good: str, settings: Any) -> None:
        settings.OUTBOUND_ALLOW = ""
        outbound_client.cache_clear()
        assert "address 127.0.0.1 is private" in await failure(good)

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1/mcp", "http://ada:pw@127.0.0.1/mcp", "file:///etc/passwd"])
    async def test_what_is_no_address_for_http_is_refused(self, url: str) -> None:
        assert "The url" in await failure(url)


@pytest.mark.anyio
class TestDrift:
    async def test_a_schema_that_is_the_same_changes_nothing(self, good: str) -> None:
        tools = await UpstreamTools().tools(good, headers={}, timeout=20)
        [schema] = [tool["inputSchema"] for tool in tools if tool["name"] == "add"]
        assert (await call(good, arguments={"a": 1}, schema=schema)).structured == {"result": 2}

    async def test_arguments_that_no_longer_fit_are_refused_with_what_changed(self, good: str) -> None:
        then = {
            "type": "object",
            "properties": {"a": {"title": "A", "type": "string"}, "c": {}, "b": ADD["properties"]["b"]},
            "required": ["c"],
        }
        message = await failure(good, arguments={"c": 1}, schema=then)
        assert message.startswith("The tool 'add' has changed since this flow was built, and the arguments no longer ")
        assert "Changed: c is gone; a is integer and was string; a is now required. Read the tool's" in message

    async def test_arguments_that_still_fit_are_sent(self, good: str) -> None:
        then = {"type": "object", "properties": {"a": {"type": "integer"}}}
        assert (await call(good, arguments={"a": 1}, schema=then)).structured == {"result": 2}

    async def test_a_tool_that_is_gone_is_named_with_those_that_are_there(self, good: str) -> None:
        message = await failure(good, "subtract", schema=ADD)
        assert message == "127.0.0.1 has no tool 'subtract' any more. It has: add, greet, headers, refuse, wait."

    async def test_a_tool_that_was_chosen_is_called_as_long_as_it_says_the_same_of_itself(self, good: str) -> None:
        [add] = [each for each in await UpstreamTools().tools(good, headers={}, timeout=20) if each["name"] == "add"]
        pinned = digests_of(add)
        assert (await call(good, arguments={"a": 1}, pinned=pinned)).structured == {"result": 2}
        changed = digests_of(add | {"description": "Send a's mails.", "outputSchema": None, "title": "Add"})
        message = await failure(good, arguments={"a": 1}, pinned=changed)
        assert message == (
            "The tool 'add' is not the one that was chosen: its title and its description and its output schema "
            "changed. Nothing was called. Look at it in the editor, and choose it again if it still does what this "
            "flow needs."
        )

    async def test_a_tool_that_has_changed_is_not_called(self) -> None:
        server, called = MCPServer("rug"), []

        @server.tool(description="Now something else")
        def pay() -> str:
            called.append(1)
            return "paid"

        with served(server.streamable_http_app()) as url:
            [now] = await UpstreamTools().tools(f"{url}/mcp", headers={}, timeout=20)
            then = digests_of(now | {"description": "Say what it would cost"})
            message = await failure(f"{url}/mcp", "pay", pinned=then)
            assert (called, "its description changed. Nothing was called." in message) == ([], True)
            assert (await call(f"{url}/mcp", "pay", pinned=digests_of(now))).text == "paid"


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ({}, {"properties": {"a": {}}, "required": ["a"]}, ["a is new and required"]),
        ({"properties": {"a": {"type": "string"}}}, {"properties": {"a": {}}}, ["a is of any type and was string"]),
        ({"properties": {"a": {"minimum": 1}}}, {"properties": {"a": {"minimum": 2}}}, ["a has other rules"]),
        ({"additionalProperties": True}, {"additionalProperties": False}, ["something besides its parameters"]),
        ({"properties": []}, {"properties": {"a": {}}, "required": 1}, ["a is new"]),
        (
            {"properties": {f"p{number:02}": {} for number in range(12)}},
            {},
            [*(f"p{number:02} is gone" for number in range(10)), "and 2 more"],
        ),
    ],
)
def test_changes_are_named_parameter_by_parameter(then: Any, now: Any, expected: list[str]) -> None:
    assert changes(then, now) == expected


@pytest.mark.django_db(transaction=True)
class TestListing:
    """POST /api/upstream-tools/."""

    @staticmethod
    def post(user: Any, **body: Any) -> Any:
        client = APIClient()
        client.force_authenticate(user)
        return client.post("/api/upstream-tools/", body, format="json")

    def test_the_tools_of_a_server_are_listed_with_their_schemas(self, good: str) -> None:
        server = make_server()
        answer = self.post(server.owner, server=server.slug, url=good)
        assert answer.status_code == 200
        tools = {tool["name"]: tool for tool in answer.json()["tools"]}
        assert sorted(tools) == ["add", "greet", "headers", "refuse", "wait"]
        assert tools["add"]["description"] == "Add two numbers."
        assert tools["add"]["inputSchema"] == ADD
        assert answer.json()["pins"] == {name: digests_of(tool) for name, tool in tools.items()}

    def test_a_secret_of_the_server_is_sent_and_never_shown(self, bad: str) -> None:
        server = make_server()
        versions.set_secret(server, "KEY", SECRET)
        auth = {"type": "query", "name": "key", "secret": "{{ secrets.KEY }}"}
        answer = self.post(server.owner, server=server.slug, url=bad + "/unauthorized", auth=auth)
        detail = "127.0.0.1 answered 401 Unauthorized: check the node's authentication and its secret."
        assert (answer.status_code, answer.json()) == (502, {"detail": detail})

    def test_a_secret_that_is_missing_is_named(self, good: str) -> None:
        server = make_server()
        auth = {"type": "bearer", "secret": "{{ secrets.KEY }}"}
        answer = self.post(server.owner, server=server.slug, url=good, auth=auth)
        assert answer.status_code == 400
        assert "secrets.KEY" in answer.json()["auth"][0]

    @pytest.mark.parametrize(
        ("auth", "fault"),
        [({"type": "magic"}, "type: use one of"), ({"type": "bearer", "secret": "{{ trigger.x }}"}, "secrets.NAME")],
    )
    def test_authentication_that_cannot_be_used_is_named(self, good: str, auth: Any, fault: str) -> None:
        server = make_server()
        answer = self.post(server.owner, server=server.slug, url=good, auth=auth)
        assert answer.status_code == 400
        assert fault in str(answer.json()["auth"])

    def test_a_foreign_server_is_one_that_does_not_exist(self, good: str) -> None:
        server = make_server()
        versions.set_secret(server, "KEY", SECRET)
        foreign = self.post(make_user(), server=server.slug, url=good)
        missing = self.post(make_user(), server="no-such-server", url=good)
        assert foreign.status_code == missing.status_code == 400
        assert list(foreign.json()) == ["server"]

    def test_a_stranger_is_sent_away(self, good: str) -> None:
        assert APIClient().post("/api/upstream-tools/", {"url": good}, format="json").status_code in (401, 403)


@pytest.mark.django_db(transaction=True)
class TestPublishing:
    """The part of the dialog that publishes."""

    @staticmethod
    def looked(flow: Any) -> list[tuple[str, str]]:
        page = browser_of(flow.server.owner).post(f"/flows/{flow.pk}/publish/tools/").content.decode()
        return re.findall(r"<a [^>]*>(.*?)</a><br>(.*?)</span>", page)

    def test_the_dialog_says_which_tools_are_still_those_that_were_chosen(self, good: str) -> None:
        listed = async_to_sync(UpstreamTools().tools)(good, headers={}, timeout=20)
        add = digests_of(next(tool for tool in listed if tool["name"] == "add"))
        replaced = add | {"inputSchema": "0" * 64}
        chosen = (
            ("same", {"url": good, "tool": "add", "pinned": add}),
            ("changed", {"url": good, "tool": "add", "pinned": replaced}),
            ("gone", {"url": good, "tool": "subtract", "pinned": add}),
            ("free", {"url": good, "tool": "add"}),
            ("anywhere", {"url": "{{ trigger.url }}/mcp", "tool": "add", "pinned": add}),
            ("away", {"url": "http://127.0.0.1:9/mcp", "tool": "add", "pinned": add}),
        )
        flow = make_flow(definition=chain(*(node(name, "mcp_tool", **each) for name, each in chosen), answer("x")))
        found = self.looked(flow)
        assert found[:5] == [
            ("Same", "As it was when it was chosen."),
            ("Changed", "It is not the one that was chosen: its input schema changed. Calls fail."),
            ("Gone", "The other server does not have it any more: calls fail."),
            ("Free", "Not pinned: nobody would be told when it changes. Choose it in the editor."),
            ("Anywhere", "Not asked: a call decides where it is. It is looked at when it is called."),
        ]
        assert (found[5][0], found[5][1].startswith("Not known: 127.0.0.1")) == ("Away", True)
        dialog = browser_of(flow.server.owner).get(f"/flows/{flow.pk}/publish/").content.decode()
        assert f'hx-post="/flows/{flow.pk}/publish/tools/"' in dialog
        other = browser_of(flow.server.owner).get(f"/flows/{make_flow(server=flow.server).pk}/publish/")
        assert "publish/tools/" not in other.content.decode()

    def test_a_draft_with_faults_asks_nobody(self) -> None:
        flow = make_flow(definition={"nodes": [node("a", "mcp_tool")], "connections": 7})
        assert self.looked(flow) == []
