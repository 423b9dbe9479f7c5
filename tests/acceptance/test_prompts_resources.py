"""Prompts and resources of a server as the SDK's client meets them, in both eras, on a real server."""

import asyncio
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import PromptReference, ResourceTemplateReference

from tests.acceptance.test_live_catalogue import NARROW
from tests.live import LiveServer, rest
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.offers import PIXEL, PROMPT, RESOURCE, listening, made, subscribe, unsubscribe

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def narrow_key(server: LiveServer, *tools: str) -> str:
    script = NARROW.replace('"demo"', repr(server.credentials["username"])).replace('["wanted"]', repr(list(tools)))
    return server.manage("shell", "-v", "0", "-c", script).stdout.split()[-1]


def plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def refused(call: Any) -> tuple[int, str, Any]:
    with pytest.raises(MCPError) as caught:
        await call
    return caught.value.code, caught.value.message, caught.value.data


@pytest.mark.parametrize("era", ERAS)
async def test_a_prompt_is_listed_and_written_with_its_arguments(uvicorn_server: LiveServer, era: str) -> None:
    with made(uvicorn_server, "prompts", PROMPT):
        async with connect(uvicorn_server, era) as client:
            capability = client.server_capabilities.prompts
            assert capability is not None
            assert capability.list_changed is True
            listed = {prompt.name: plain(prompt) for prompt in (await client.list_prompts()).prompts}
            assert listed["letter"] == {
                "name": "letter",
                "title": "Write a letter",
                "description": "Drafts a letter to a customer.",
                "arguments": [
                    {"name": "customer", "title": "Customer", "description": "Who gets it.", "required": True},
                    {"name": "tone"},
                ],
            }
            answer = await client.get_prompt("letter", {"customer": "{{a7"})
            assert answer.description == "Drafts a letter to a customer."
            assert [plain(message) for message in answer.messages] == [
                {"role": "user", "content": {"type": "text", "text": "Write to {{a7. "}},
                {"role": "assistant", "content": {"type": "image", "data": PIXEL, "mimeType": "image/png"}},
                {
                    "role": "user",
                    "content": {"type": "resource", "resource": {"uri": "customers:{{a7", "text": "{{a7"}},
                },
            ]


@pytest.mark.parametrize("era", ERAS)
async def test_an_argument_is_text_and_never_an_expression(uvicorn_server: LiveServer, era: str) -> None:
    body = PROMPT | {"messages": PROMPT["messages"][:1]}
    with made(uvicorn_server, "prompts", body):
        async with connect(uvicorn_server, era) as client:
            answer = await client.get_prompt("letter", {"customer": "{{ arguments.tone }}", "tone": "{{ now }}"})
            text = {"type": "text", "text": "Write to {{ arguments.tone }}. {{ now }}"}
            assert [plain(message.content) for message in answer.messages] == [text]


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_asked_wrongly_of_a_prompt_is_refused_with_a_sentence(
    uvicorn_server: LiveServer, era: str
) -> None:
    with made(uvicorn_server, "prompts", PROMPT):
        async with connect(uvicorn_server, era) as client:
            code, message, _ = await refused(client.get_prompt("nowhere"))
            assert (code, message.split(". ")[0]) == (-32602, "There is no prompt 'nowhere' on this server")
            assert (await refused(client.get_prompt("letter")))[:2] == (
                -32602,
                "The prompt 'letter' needs 'customer': give a text for each.",
            )
            assert (await refused(client.get_prompt("letter", {"customer": "x", "tone": "", "town": "y"})))[:2] == (
                -32602,
                "The prompt 'letter' has no argument 'town'. It has: 'customer', 'tone'.",
            )
            assert (await refused(client.get_prompt("letter", {"customer": "Ada Lovelace"})))[:2] == (
                -32602,
                "These arguments make no prompt: messages[2].content.resource.uri: write a whole URI with its scheme, "
                "such as https://example.com/a or report:7.",
            )


@pytest.mark.parametrize("era", ERAS)
async def test_resources_are_listed_and_read(uvicorn_server: LiveServer, era: str) -> None:
    picture = {"server": "demo", "uri": "img:1", "name": "Dot", "mimeType": "image/png", "blob": PIXEL}
    with made(uvicorn_server, "resources", RESOURCE), made(uvicorn_server, "resources", picture):
        async with connect(uvicorn_server, era) as client:
            capability = client.server_capabilities.resources
            assert capability is not None
            assert (capability.list_changed, capability.subscribe) == (True, True)
            listed = {str(each.uri): plain(each) for each in (await client.list_resources()).resources}
            assert list(listed) == sorted(listed)
            assert listed["img:1"] == {"uri": "img:1", "name": "Dot", "mimeType": "image/png", "size": 8}
            assert listed["notes:today"] == {
                "uri": "notes:today",
                "name": "Notes",
                "description": "What happened.",
                "mimeType": "text/markdown",
                "size": 8,
                "annotations": {"audience": ["user"], "priority": 0.5},
            }
            notes = {"uri": "notes:today", "mimeType": "text/markdown", "text": "# Today\n"}
            assert [plain(each) for each in (await client.read_resource("notes:today")).contents] == [notes]
            dot = {"uri": "img:1", "mimeType": "image/png", "blob": PIXEL}
            assert [plain(each) for each in (await client.read_resource("img:1")).contents] == [dot]


@pytest.mark.parametrize(("era", "code"), [(MODERN, -32602), (LEGACY, -32002)])
async def test_nothing_is_read_where_there_is_nothing(uvicorn_server: LiveServer, era: str, code: int) -> None:
    async with connect(uvicorn_server, era) as client:
        for uri in ("nowhere:1", "", "../../etc/passwd", "order:A/B", "notes:" + "x" * 5_000):
            refusal = await refused(client.read_resource(uri))
            assert (refusal[0], refusal[2]) == (code, {"uri": uri[:2000]})
            assert refusal[1].startswith("There is no resource at '")


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_answers_a_template_and_leaves_an_execution(server: LiveServer, era: str) -> None:
    template = {"server": "demo", "uri": "order:{order_id}", "name": "Order", "flow": "lookup_order"}
    with made(server, "resources", template):
        async with connect(server, era) as client:
            templates = (await client.list_resource_templates()).resource_templates
            listed = {each.uri_template: plain(each) for each in templates}
            assert listed["order:{order_id}"] == {"uriTemplate": "order:{order_id}", "name": "Order"}
            assert "order:{order_id}" not in {str(each.uri) for each in (await client.list_resources()).resources}
            answer = await client.read_resource("order:A%2D10481")
            (contents,) = [plain(each) for each in answer.contents]
            assert (contents["uri"], contents["mimeType"]) == ("order:A%2D10481", "application/json")
            assert '"customer": "Ada Lovelace"' in contents["text"]
            assert answer.meta is not None
            execution = server.get_json(f"/api/executions/{answer.meta['flowhub/executionId']}/")
            assert (execution["status"], execution["initialParams"]) == ("fulfilled", {"order_id": "A-10481"})
            asked = (execution["caller"]["source"], execution["caller"]["request"])
            assert asked == ("mcp", "resources/read order:{order_id}")
            code, message, data = await refused(client.read_resource("order:A-1"))
            assert (code, message) == (-32603, "There is no order A-1. Check the id: it looks like A-10481.")
            assert data["uri"] == "order:A-1"
            failed = server.get_json(f"/api/executions/{data['flowhub/executionId']}/")
            assert (failed["status"], failed["errorInfo"]["kind"]) == ("error", "node_failed")
            code, message, data = await refused(client.read_resource("order:" + "A" * 41))
            assert (code, message.split("\n")[0]) == (
                -32602,
                "The arguments do not fit the input schema of lookup_order:",
            )
            assert server.get_json(f"/api/executions/{data['flowhub/executionId']}/")["errorInfo"]["kind"] == "rejected"


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_answers_a_prompt_with_texts_as_its_schema_takes_them(
    uvicorn_server: LiveServer, era: str
) -> None:
    arguments = [{"name": "name", "required": True}, {"name": "n", "required": True}]
    body = {"server": "demo", "name": "hello", "description": "Greets.", "flow": "greet", "arguments": arguments}
    with made(uvicorn_server, "prompts", body):
        async with connect(uvicorn_server, era) as client:
            answer = await client.get_prompt("hello", {"name": "Ada", "n": "12345678901234567890"})
            text = {"type": "text", "text": "Hello, Ada! 12345678901234567890"}
            assert [plain(each) for each in answer.messages] == [{"role": "user", "content": text}]
            assert answer.meta is not None
            execution = uvicorn_server.get_json(f"/api/executions/{answer.meta['flowhub/executionId']}/")
            assert execution["initialParams"] == {"name": "Ada", "n": 12345678901234567890}
            assert execution["caller"]["request"] == "prompts/get hello"
            code, message, data = await refused(client.get_prompt("hello", {"name": "Ada", "n": "many"}))
            assert (code, message.split("\n")[1].partition(":")[0]) == (-32602, "- n")
            assert data["name"] == "hello"


@pytest.mark.parametrize("era", ERAS)
async def test_arguments_and_variables_are_completed(uvicorn_server: LiveServer, era: str) -> None:
    ids = [f"A-{number}" for number in range(10481, 10681)]
    template = {"server": "demo", "uri": "order:{order_id}", "name": "Order", "flow": "lookup_order"}
    with (
        made(uvicorn_server, "prompts", PROMPT),
        made(uvicorn_server, "resources", template | {"completions": {"order_id": ids}}),
    ):
        async with connect(uvicorn_server, era) as client:
            assert client.server_capabilities.completions is not None
            letter, order = PromptReference(name="letter"), ResourceTemplateReference(uri="order:{order_id}")

            async def proposed(ref: Any, name: str, value: str) -> Any:
                answer = await client.complete(ref, {"name": name, "value": value})
                return plain(answer.completion)

            assert await proposed(letter, "tone", "FR") == {
                "values": ["friendly", "frank"],
                "total": 2,
                "hasMore": False,
            }
            assert await proposed(letter, "customer", "A") == {"values": [], "total": 0, "hasMore": False}
            assert await proposed(order, "order_id", "a-") == {"values": ids[:100], "total": 200, "hasMore": True}
            assert (await refused(proposed(letter, "town", "")))[:2] == (
                -32602,
                "There is nothing called 'town' to complete here. There is: 'customer', 'tone'.",
            )
            for unknown in (PromptReference(name="nowhere"), ResourceTemplateReference(uri="order:{id}")):
                assert (await refused(proposed(unknown, "tone", "")))[0] == -32602


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_hears_of_prompts_and_resources_that_come_change_and_go(
    uvicorn_server: LiveServer, era: str
) -> None:
    async with listening(uvicorn_server, era) as heard:
        with made(uvicorn_server, "prompts", PROMPT) as path:
            assert await heard.next() == ["prompts"]
            await asyncio.to_thread(rest, uvicorn_server, "PATCH", path, {"title": "A letter"})
            assert await heard.next() == ["prompts"]
            await asyncio.to_thread(rest, uvicorn_server, "PATCH", path, {"messages": PROMPT["messages"][:1]})
            assert await heard.nothing()
            await asyncio.to_thread(rest, uvicorn_server, "PATCH", path, {"isActive": False})
            assert await heard.next() == ["prompts"]
        with made(uvicorn_server, "resources", RESOURCE) as path:
            assert await heard.next() == ["resources"]
            await asyncio.to_thread(rest, uvicorn_server, "PATCH", path, {"text": "# Later"})
            assert await heard.next() == ["resources"]  # its size is part of the list
        assert await heard.next() == ["resources"]
        assert heard.queue.empty()


@pytest.mark.parametrize("era", ERAS)
async def test_a_subscriber_hears_when_what_is_at_a_uri_changes(server: LiveServer, era: str) -> None:
    template = {"server": "demo", "uri": "order:{order_id}", "name": "Order", "flow": "lookup_order"}
    other = RESOURCE | {"uri": "notes:other"}
    with (
        made(server, "resources", RESOURCE) as path,
        made(server, "resources", other) as another,
        made(server, "resources", template),
    ):
        async with listening(server, era, "notes:today", "order:A-10481") as heard:
            await asyncio.to_thread(rest, server, "PATCH", path, {"text": "# TODAY\n"})
            assert await heard.next() == ["notes:today"]
            await asyncio.to_thread(rest, server, "PATCH", another, {"text": "# TODAY\n"})
            assert await heard.nothing()
            await asyncio.to_thread(publish, server, "lookup_order")
            assert await heard.next() == ["order:A-10481"]
            await asyncio.to_thread(publish, server, "greet")
            assert await heard.nothing()


def publish(server: LiveServer, tool_name: str) -> None:
    flows = rest(server, "GET", "/api/flows/?limit=100")["items"]
    (flow,) = [flow for flow in flows if flow["toolName"] == tool_name]
    rest(server, "POST", f"/api/flows/{flow['id']}/publish/", {})


async def test_a_handshake_client_subscribes_to_what_is_there_and_may_stop(uvicorn_server: LiveServer) -> None:
    with made(uvicorn_server, "resources", RESOURCE) as path:
        async with listening(uvicorn_server, LEGACY, "notes:today"):
            pass
        async with connect(uvicorn_server, LEGACY) as client:
            assert (await refused(subscribe(client, "nowhere:1")))[0] == -32002
            await subscribe(client, "notes:today")
            await unsubscribe(client, "notes:today")
            await unsubscribe(client, "nowhere:1")
            await asyncio.to_thread(rest, uvicorn_server, "PATCH", path, {"text": "x"})
            contents = (await client.read_resource("notes:today")).contents
            assert [plain(each)["text"] for each in contents] == ["x"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_key_for_some_tools_sees_what_those_flows_answer_and_what_no_flow_does(
    uvicorn_server: LiveServer, era: str
) -> None:
    key = narrow_key(uvicorn_server, "greet")
    arguments = [{"name": "name", "required": True}, {"name": "n", "required": True}]
    hello = {"server": "demo", "name": "hello", "description": "Greets.", "flow": "greet", "arguments": arguments}
    template = {"server": "demo", "uri": "order:{order_id}", "name": "Order", "flow": "lookup_order"}
    with made(uvicorn_server, "prompts", hello), made(uvicorn_server, "resources", RESOURCE):
        watched = ["order:A-10481"] if era == MODERN else []  # a handshake client subscribes to what it sees
        async with (
            listening(uvicorn_server, era, *watched, key=key) as heard,
            connect(uvicorn_server, era, key=key) as client,
        ):
            with made(uvicorn_server, "resources", template):
                assert await heard.nothing()
                assert (await client.list_resource_templates()).resource_templates == []
                assert (await refused(client.read_resource("order:A-10481")))[2] == {"uri": "order:A-10481"}
                assert "hello" in {prompt.name for prompt in (await client.list_prompts()).prompts}
                assert len((await client.read_resource("notes:today")).contents) == 1
            with made(uvicorn_server, "prompts", PROMPT):
                assert await heard.next() == ["prompts"]
