"""Clients of both eras are asked in the middle of a call, over HTTP; what was done before is not done again."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CreateMessageResult,
    ElicitResult,
    ErrorData,
    Implementation,
    InputRequiredResult,
    ListRootsResult,
    Root,
    TextContent,
)
from mcp_types import INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY

from tests.definitions import chain, graph, node
from tests.live import LiveServer, live_server
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.offers import made
from tests.published import published, send
from tests.upstream import served

pytestmark = pytest.mark.anyio

OPTIONS = [{"const": "a", "title": "First"}, {"const": "b", "title": "Second"}]
FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 2, "maxLength": 20, "default": "John Doe"},
        "mail": {"type": "string", "format": "email", "description": "Where to write."},
        "age": {"type": "integer", "minimum": 18, "default": 30},
        "score": {"type": "number", "default": 95.5},
        "verified": {"type": "boolean", "default": True},
        "untitled": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "titled": {"type": "string", "oneOf": OPTIONS},
        "legacy": {"type": "string", "enum": ["a", "b"], "enumNames": ["First", "Second"]},
        "several": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "minItems": 1, "maxItems": 2},
        "titled_several": {"type": "array", "items": {"anyOf": OPTIONS}, "default": ["b"]},
    },
    "required": ["name"],
}
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CONTENT = {"untitled": "b", "titled": "a", "legacy": "b", "several": ["a", "b"], "age": 20}
FILLED = {"name": "John Doe", "score": 95.5, "verified": True, "titled_several": ["b"]} | CONTENT

hits: Counter[str] = Counter()
"""How often each path of the other system was asked for."""


async def other_system(scope: Any, receive: Any, send_: Any) -> None:
    if scope["type"] == "http":
        hits[scope["path"]] += 1
        await send_({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send_({"type": "http.response.body", "body": b'{"n": 1}'})


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    with served(other_system) as url:
        yield url


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, other: str) -> Iterator[LiveServer]:
    data = tmp_path_factory.mktemp("asking")
    with live_server(data, FLOWHUB_OUTBOUND_ALLOW="127.0.0.1:*") as server, published(server, flows(other)):
        yield server


def ask(slug: str, **parameters: Any) -> dict[str, Any]:
    return node(slug, "ask_user", **{"message": f"{slug}?", "schema": NAME} | parameters)


def says(slug: str, text: str) -> dict[str, Any]:
    return node(slug, "return", text=text)


def flows(other: str) -> dict[str, dict[str, Any]]:
    three_ways = graph(
        [
            ask("ask", message="Hello {{ trigger.name }}", schema=FORM),
            node("yes", "return", json="{{ ask }}"),
            says("no", "declined"),
            says("gone", "cancelled"),
        ],
        *("trigger>ask", "ask:accept>yes", "ask:decline>no", "ask:cancel>gone"),
    )
    everything = graph(
        [
            ask("user"),
            node("model", "ask_model", prompt="Say {{ trigger.word }}", maxTokens=50, systemPrompt="Be brief."),
            node("roots", "ask_roots"),
            node("joined", "merge"),
            node("end", "return", json="{{ joined }}"),
        ],
        *("trigger>user", "trigger>model", "trigger>roots", "user:accept>joined", "model>joined", "roots>joined"),
        "joined>end",
    )
    rounds = graph(
        [
            node("before", "http_request", method="GET", url=f"{other}/before"),
            node("beside", "http_request", method="GET", url=f"{other}/beside"),
            ask("one"),
            node("between", "http_request", method="GET", url=f"{other}/between"),
            ask("two", message="Hello {{ one.content.name }}, again?"),
            says("end", "{{ one.content.name }} {{ two.content.name }} {{ beside.body.n }}"),
        ],
        *("trigger>before", "trigger>beside", "before>one", "one:accept>between", "between>two", "two:accept>end"),
        "beside>end",
    )
    fallback = graph(
        [
            node("model", "ask_model", prompt="Well?") | {"settings": {"onError": "handle"}},
            says("end", "{{ model.text }}"),
            says("sorry", "{{ model.error.message }}"),
        ],
        *("trigger>model", "model>end", "model:error>sorry"),
    )
    hasty = graph([ask("ask", answerWithin=1), says("end", "x")], "trigger>ask", "ask:accept>end")
    only_model = chain(node("model", "ask_model", prompt="Well?"), says("end", "{{ model.text }}"))
    return {
        "three_ways": {
            "definition": three_ways,
            "inputSchema": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
        "everything": {"definition": everything},
        "rounds": {"definition": rounds},
        "fallback": {"definition": fallback},
        "hasty": {"definition": hasty},
        "only_model": {"definition": only_model},
    }


@dataclass
class Person:
    """Answers with `answers`, one after the other, and keeps what it was asked."""

    answers: list[Any]
    asked: list[Any] = field(default_factory=list)
    waits: bool = False

    async def __call__(self, context: Any, params: Any) -> Any:
        self.asked.append(params.model_dump(by_alias=True, mode="json", exclude_none=True))
        if self.waits:
            await asyncio.Event().wait()
        return self.answers.pop(0)


def accepts(**content: Any) -> ElicitResult:
    return ElicitResult(action="accept", content=content)


async def model(context: Any, params: Any) -> CreateMessageResult:
    asked = params.model_dump(by_alias=True, mode="json", exclude_none=True)
    text = TextContent(type="text", text=f"{asked['messages'][0]['content']['text']}: {asked['systemPrompt']}")
    return CreateMessageResult(role="assistant", content=text, model="m-1", stop_reason="endTurn")


async def roots(context: Any) -> ListRootsResult:
    return ListRootsResult(roots=[Root(uri="file:///work", name="Work"), Root(uri="file:///tmp")])  # type: ignore[arg-type]


def text_of(result: Any) -> str:
    """What it says; the last block of a failure names the execution."""
    blocks = result.content[:-1] if result.is_error else result.content
    return "\n".join(block.text for block in blocks)


def record(server: LiveServer, result: Any) -> dict[str, Any]:
    return server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")


def newest(server: LiveServer, tool: str) -> dict[str, Any]:
    found = server.get_json(f"/api/executions/?tool={tool}&limit=1")["items"][0]
    return server.get_json(f"/api/executions/{found['id']}/")


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


def executions_of(server: LiveServer, tool: str) -> int:
    return server.get_json(f"/api/executions/?tool={tool}&limit=1")["total"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_form_of_every_shape_arrives_as_written_and_what_was_accepted_goes_on(
    live: LiveServer, era: str
) -> None:
    person = Person([accepts(**CONTENT)])
    async with connect(live, era, elicitation_callback=person) as client:
        result = await client.call_tool("three_ways", {"name": "Ada"})
    assert [(asked["message"], asked["requestedSchema"]) for asked in person.asked] == [("Hello Ada", FORM)]
    assert result.is_error is False
    assert result.structured_content == {"action": "accept", "content": FILLED}
    entry = record(live, result)["nodeExecutions"][1]
    assert entry["inputData"] == {"message": "Hello Ada", "schema": FORM}
    assert entry["outputData"] == {"action": "accept", "content": FILLED}
    assert (entry["handle"], entry["attempts"], len(entry["asked"])) == ("accept", 1, 1)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("action", "text"), [("decline", "declined"), ("cancel", "cancelled")])
async def test_declining_and_cancelling_take_their_own_way(live: LiveServer, era: str, action: Any, text: str) -> None:
    async with connect(live, era, elicitation_callback=Person([ElicitResult(action=action)])) as client:
        assert text_of(await client.call_tool("three_ways", {"name": "Ada"})) == text


@pytest.mark.parametrize("era", ERAS)
async def test_user_model_and_roots_are_asked_at_once(live: LiveServer, era: str) -> None:
    asked = {"elicitation_callback": Person([accepts(name="Ada")]), "sampling_callback": model}
    async with connect(live, era, list_roots_callback=roots, **asked) as client:
        result = await client.call_tool("everything", {"word": "hello"})
    content = {"type": "text", "text": "Say hello: Be brief."}
    assert result.structured_content == {
        "user": {"action": "accept", "content": {"name": "Ada"}},
        "model": {"text": content["text"], "content": content, "model": "m-1", "stopReason": "endTurn"},
        "roots": {"roots": [{"uri": "file:///work", "name": "Work"}, {"uri": "file:///tmp", "name": None}]},
    }


@pytest.mark.parametrize("era", ERAS)
async def test_two_rounds_do_nothing_twice_and_leave_one_entry_a_node(live: LiveServer, era: str) -> None:
    hits.clear()
    person = Person([accepts(name="Ada"), accepts(name="Bob")])
    async with connect(live, era, elicitation_callback=person) as client:
        result = await client.call_tool("rounds", {})
    assert text_of(result) == "Ada Bob 1"
    assert [asked["message"] for asked in person.asked] == ["one?", "Hello Ada, again?"]
    assert hits == {"/before": 1, "/beside": 1, "/between": 1}
    entries = record(live, result)["nodeExecutions"]
    assert sorted(entry["nodeId"] for entry in entries) == sorted(
        ["trigger", "before", "beside", "one", "between", "two", "end"]
    )
    assert {entry["status"] for entry in entries} == {"completed"}


@pytest.mark.parametrize("era", ERAS)
async def test_who_did_not_declare_to_answer_is_told_what_is_missing(live: LiveServer, era: str) -> None:
    said = "'Model' asks the language model of its client, and this call cannot be asked: tester does not declare the "
    said += "capability 'sampling'. Use a client that does."
    who = Implementation(name="tester", version="1")
    async with connect(live, era, who=who, elicitation_callback=Person([])) as client:
        if era == LEGACY:
            result = await client.call_tool("only_model", {})
            assert (result.is_error, text_of(result)) == (True, said)
        else:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("only_model", {})
            assert (caught.value.code, caught.value.message) == (MISSING_REQUIRED_CLIENT_CAPABILITY, said)
            assert caught.value.data["requiredCapabilities"] == {"sampling": {}}
        assert text_of(await client.call_tool("fallback", {})) == said
    assert newest(live, "only_model")["errorInfo"]["message"] == said


@pytest.mark.parametrize("era", ERAS)
async def test_flows_behind_prompts_and_resources_ask_too(live: LiveServer, era: str) -> None:
    prompt = {"server": "demo", "name": "letter", "description": "x", "flow": "three_ways"}
    resource = {"server": "demo", "uri": "who:{name}", "name": "Who", "flow": "three_ways"}
    person = Person([ElicitResult(action="decline"), ElicitResult(action="cancel")])
    with made(live, "prompts", prompt | {"arguments": [{"name": "name"}]}), made(live, "resources", resource):
        async with connect(live, era, elicitation_callback=person) as client:
            letter = await client.get_prompt("letter", {"name": "Ada"})
            assert [message.content.text for message in letter.messages] == ["declined"]
            assert [each.text for each in (await client.read_resource("who:Bob")).contents] == ["cancelled"]
    assert [asked["message"] for asked in person.asked] == ["Hello Ada", "Hello Bob"]


async def test_a_refusal_by_the_client_fails_the_node(live: LiveServer) -> None:
    async def refuse(context: Any, params: Any) -> ErrorData:
        return ErrorData(code=-1, message="User rejected sampling request")

    async with connect(live, LEGACY, sampling_callback=refuse) as client:
        result = await client.call_tool("only_model", {})
        assert text_of(result) == "Model: The client refused to answer: User rejected sampling request"
        assert text_of(await client.call_tool("fallback", {})).endswith("User rejected sampling request")


# --- 2026-07-28: the state --------------------------------------------------------------------------------------------


async def first_round(client: Any, tool: str = "three_ways", **arguments: Any) -> InputRequiredResult:
    result = await client.session.call_tool(tool, arguments or {"name": "Ada"}, allow_input_required=True)
    assert isinstance(result, InputRequiredResult)
    return result


async def again(client: Any, state: str | None, tool: str = "three_ways", **answers: Any) -> Any:
    return await client.session.call_tool(
        tool, {"name": "Ada"}, input_responses=answers, request_state=state, allow_input_required=True
    )


async def refusal(client: Any, state: str | None, tool: str = "three_ways", **answers: Any) -> str:
    with pytest.raises(MCPError) as caught:
        await again(client, state, tool, **answers)
    assert caught.value.code == INVALID_PARAMS
    return caught.value.message


async def test_a_state_is_good_once_for_the_same_tool_caller_and_text(live: LiveServer) -> None:
    script = (
        "from mcp_bridge.models import ApiKey; from django.contrib.auth import get_user_model; "
        f"print(ApiKey.issue(get_user_model().objects.get(username={live.credentials['username']!r}), 'other')[1])"
    )
    other_key = live.manage("shell", "-v", "0", "-c", script).stdout.split()[-1]
    yes = ElicitResult(action="decline")
    invalid = "Invalid or expired requestState"
    async with (
        connect(live, MODERN, elicitation_callback=Person([])) as client,
        connect(live, MODERN, key=other_key, elicitation_callback=Person([])) as stranger,
    ):
        asked = await first_round(client)
        state = asked.request_state
        assert state is not None
        assert asked.meta["flowhub/executionId"] not in state
        assert await refusal(client, state + "x", ask=yes) == invalid
        assert await refusal(client, state[:-4] + "AAAA", ask=yes) == invalid
        assert await refusal(client, state, "hasty", ask=yes) == invalid
        assert await refusal(stranger, state, ask=yes) == invalid
        assert text_of(await again(client, state, ask=yes)) == "declined"
        assert "answered already" in await refusal(client, state, ask=yes)


async def test_without_a_fitting_answer_the_client_is_asked_again_and_other_answers_do_not_matter(
    live: LiveServer,
) -> None:
    stray = CreateMessageResult(role="assistant", content=TextContent(type="text", text="x"), model="m")
    async with connect(live, MODERN, elicitation_callback=Person([])) as client:
        first = await first_round(client)
        for answers in ({}, {"wrong": accepts(name="Ada")}, {"ask": stray}):
            again_asked = await again(client, first.request_state, **answers)
            assert isinstance(again_asked, InputRequiredResult)
            assert again_asked.input_requests == first.input_requests
        result = await again(client, again_asked.request_state, ask=accepts(name="Ada"), wrong=accepts(x=1))
        assert result.structured_content["content"]["name"] == "Ada"


async def test_answers_may_come_along_with_the_first_request(live: LiveServer) -> None:
    async with connect(live, MODERN, elicitation_callback=Person([])) as client:
        result = await again(client, None, ask=accepts(name="Ada"), more=accepts(x=1))
        assert result.structured_content["content"]["name"] == "Ada"
        assert isinstance(await again(client, None, wrong=accepts(name="Ada")), InputRequiredResult)


async def test_an_answer_that_does_not_fit_is_asked_for_again(live: LiveServer) -> None:
    person = Person([accepts(name="A"), accepts(name="Ada")])
    async with connect(live, MODERN, elicitation_callback=person) as client:
        result = await client.call_tool("three_ways", {"name": "Ada"})
    assert result.structured_content["content"]["name"] == "Ada"
    assert person.asked[1]["message"] == 'Hello Ada\n\nPlease correct: name: "A" is shorter than 2 characters'
    assert len(record(live, result)["nodeExecutions"][1]["asked"]) == 2


async def test_nobody_answers_in_time(live: LiveServer) -> None:
    message = "Nobody answered what Ask asked within 1 s, so the execution was ended. Call again to be asked once more."
    async with connect(live, MODERN, elicitation_callback=Person([])) as client:
        asked = await first_round(client, "hasty", name="Ada")
        await until(lambda: record(live, asked)["status"] == "error")
        assert "the time for it has passed" in await refusal(
            client, asked.request_state, "hasty", ask=accepts(name="A")
        )
    ended = record(live, asked)
    assert (ended["errorInfo"]["kind"], ended["errorInfo"]["message"]) == ("timeout", message)
    assert ended["nodeExecutions"][1]["error"]["message"] == message


# --- Handshake clients: the stream of the call ------------------------------------------------------------------------


async def test_a_handshake_client_that_does_not_answer_in_time_gets_an_error(live: LiveServer) -> None:
    async with connect(live, LEGACY, elicitation_callback=Person([], waits=True)) as client:
        result = await client.call_tool("hasty", {})
    assert (result.is_error, text_of(result)) == (
        True,
        "Nobody answered in time, so the execution was ended. Call again to be asked once more.",
    )
    assert newest(live, "hasty")["errorInfo"]["kind"] == "timeout"


async def test_a_handshake_client_takes_its_call_back_while_it_is_asked(live: LiveServer) -> None:
    person = Person([], waits=True)
    async with connect(live, LEGACY, elicitation_callback=person) as client:
        call = asyncio.ensure_future(client.call_tool("three_ways", {"name": "Ada"}))
        await until(lambda: person.asked)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await until(lambda: newest(live, "three_ways")["status"] == "error")
    assert newest(live, "three_ways")["errorInfo"]["kind"] == "cancelled"


async def test_a_handshake_client_is_gone_while_it_is_asked(live: LiveServer) -> None:
    """Its connections break, and nothing is said of the call or of the session."""
    person = Person([], waits=True)
    headers = {"Authorization": f"Bearer {live.credentials['key']}"}

    async def call() -> None:
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as http,
            Client(
                streamable_http_client(f"{live.url}/mcp/demo", http_client=http, terminate_on_close=False),
                mode="legacy",
                elicitation_callback=person,
            ) as client,
        ):
            client.session._dispatcher.notify = _say_nothing  # type: ignore[attr-defined, method-assign]
            await client.call_tool("three_ways", {"name": "Ada"})

    calling = asyncio.create_task(call())
    await until(lambda: person.asked)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    await until(lambda: newest(live, "three_ways")["status"] == "error", 40)
    ended = newest(live, "three_ways")["errorInfo"]
    assert (ended["kind"], ended["message"]) == ("cancelled", "The client went away before it had answered.")


async def _say_nothing(*_: Any, **__: Any) -> None:
    pass


@pytest.mark.parametrize("era", ERAS)
async def test_a_person_cancels_it_while_it_waits(live: LiveServer, era: str) -> None:
    person = Person([], waits=True)
    async with connect(live, era, elicitation_callback=person) as client:
        call = asyncio.ensure_future(client.call_tool("three_ways", {"name": "Ada"}))
        await until(lambda: person.asked)
        waiting = newest(live, "three_ways")
        assert waiting["status"] == "pending"
        await asyncio.to_thread(send, live, "POST", f"executions/{waiting['id']}/cancel/")
        await until(lambda: newest(live, "three_ways")["status"] == "error")
        if era == LEGACY:
            assert (await call).is_error
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    ended = newest(live, "three_ways")
    assert (ended["id"], ended["errorInfo"]["kind"]) == (waiting["id"], "cancelled")


@pytest.mark.parametrize("era", ERAS)
async def test_both_servers_ask(server: LiveServer, era: str) -> None:
    with published(server, {"three_ways": flows("http://127.0.0.1")["three_ways"]}):
        async with connect(server, era, elicitation_callback=Person([ElicitResult(action="decline")])) as client:
            assert text_of(await client.call_tool("three_ways", {"name": "Ada"})) == "declined"
