"""A flow uses a tool of another MCP server as one of its nodes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from executions.models import Execution
from flows.adapters.http_client import outbound_client
from flows.engine.errors import NodeFailed
from flows.engine.node import NodeContext
from flows.nodes import registry
from flows.nodes.mcp_tool import McpTool
from flows.publishing import versions
from tests.definitions import answer, node
from tests.factories import call, make_server, publish
from tests.upstream import good_server, refusing_calls, served

SECRET = "canary-5d0e66aa"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with served(good_server().streamable_http_app()) as url:
        yield f"{url}/mcp"


@pytest.fixture
def allowed(settings: Any) -> Iterator[None]:
    settings.OUTBOUND_ALLOW = "127.0.0.1:*"
    outbound_client.cache_clear()
    yield
    outbound_client.cache_clear()


def run(url: str, **parameters: Any) -> Execution:
    """Call a flow that calls a tool and answers with what the tool gave."""
    server = make_server()
    versions.set_secret(server, "KEY", SECRET)
    tool = node("tool", "mcp_tool", url=url, **parameters)
    return call(publish(server, "uses_tool", tool, answer("{{ tool }}")), a=20)


@pytest.mark.usefixtures("allowed")
@pytest.mark.django_db(transaction=True)
class TestCalling:
    def test_the_output_is_text_value_and_content(self, upstream: str) -> None:
        execution = run(upstream, tool="add", arguments={"a": "{{ trigger.a }}", "b": 3})
        assert execution.result["structuredContent"] == {
            "text": "23",
            "structured": {"result": 23},
            "content": [{"type": "text", "text": "23"}],
        }

    @pytest.mark.parametrize("retried", ["tool", "child"])
    def test_another_attempt_waits_as_long_as_the_other_server_asks(self, retried: str) -> None:
        busy = refusing_calls(good_server().streamable_http_app(), 429, {"retry-after": "1"}, b"", times=1)
        again = {"settings": {"retries": {"attempts": 2, "backoffSeconds": 0}}}
        server = make_server()
        with served(busy) as url:
            tool = node("tool", "mcp_tool", url=f"{url}/mcp", tool="add", arguments={"a": 1})
            publish(server, "add", tool | (again if retried == "tool" else {}), answer("{{ tool.text }}"))
            child = node("child", "call_flow", flow="add") | (again if retried == "child" else {})
            execution = call(publish(server, "asks", child, answer("{{ child }}")))
        assert execution.result["structuredContent"] == "2"
        tried = execution if retried == "child" else execution.children.get()
        first, second = tried.node_executions[1]["attemptLog"]
        assert "127.0.0.1 answered 429 Too Many Requests: it takes no more requests now" in first["error"]["message"]
        assert second["startOffsetMs"] - first["startOffsetMs"] >= 1_000

    def test_a_tool_that_fails_fails_the_node_in_its_own_words(self, upstream: str) -> None:
        execution = run(upstream, tool="refuse")
        assert (execution.error_kind, execution.failed_node_name) == ("node_failed", "Tool")
        message = execution.error_info["message"]
        assert message.startswith("The tool 'refuse' of 127.0.0.1 failed: Error executing tool refuse")
        output = execution.node_executions[1]["outputData"]
        assert output["text"] in message
        assert output["structured"] is None

    @pytest.mark.parametrize(
        ("auth", "header"),
        [
            ({"type": "bearer", "secret": "{{ secrets.KEY }}"}, "authorization"),
            ({"type": "header", "name": "X-Api-Key", "secret": "{{ secrets.KEY }}"}, "x-api-key"),
        ],
    )
    def test_the_nodes_own_credential_is_sent_and_not_recorded(self, upstream: str, auth: Any, header: str) -> None:
        # The tool answers with the headers that it got; the record and the answer must hide the credential again.
        execution = run(upstream, tool="headers", auth=auth, headers={"X-Team": 7})
        headers = execution.result["structuredContent"]["structured"]
        assert headers["x-team"] == "7"
        assert headers[header] == "***"
        assert execution.node_executions[1]["inputData"]["auth"] == auth
        assert SECRET not in json.dumps(list(Execution.objects.values()), default=str)

    @pytest.mark.parametrize("is_allowed", [True, False])
    def test_a_credential_goes_to_its_own_origins_alone_whatever_address_the_caller_gives(
        self, upstream: str, is_allowed: bool
    ) -> None:
        server = make_server()
        own = upstream.removesuffix("/mcp") if is_allowed else "https://api.example.com"
        versions.set_secret(server, "KEY", SECRET, [own])
        auth = {"type": "bearer", "secret": "{{ secrets.KEY }}"}
        tool = node("tool", "mcp_tool", url="{{ trigger.url }}", tool="headers", auth=auth)
        execution = call(publish(server, "uses_tool", tool, answer("{{ tool.structured }}")), url=upstream)
        if is_allowed:
            assert execution.result["structuredContent"]["authorization"] == "***"
            return
        assert execution.error_info["message"] == (
            f"{{{{ secrets.KEY }}}} may go to {own}, and this request would take it to "
            f"{upstream.removesuffix('/mcp')}. Nothing was sent. The origins of a secret are on the server's Secrets "
            "page."
        )
        said = "This flow may not send its credential to that address, so nothing was sent."
        assert said in execution.result["content"][0]["text"]

    def test_without_authentication_nothing_of_the_caller_is_sent(self, upstream: str) -> None:
        headers = run(upstream, tool="headers").result["structuredContent"]["structured"]
        assert not {"authorization", "cookie", "x-api-key"} & headers.keys()

    def test_a_tool_that_has_changed_is_noticed(self, upstream: str) -> None:
        then = {"type": "object", "properties": {"x": {"type": "string"}}}
        execution = run(upstream, tool="add", arguments={"x": "1"}, toolSchema=then)
        assert "Changed: x is gone; a is new and required; b is new." in execution.error_info["message"]


@pytest.mark.django_db(transaction=True)
def test_a_private_address_is_refused_unless_an_operator_allows_it(upstream: str) -> None:
    execution = run(upstream, tool="add", arguments={"a": 1})
    assert "address 127.0.0.1 is private" in execution.error_info["message"]
    assert execution.result["content"][0]["text"] == "127.0.0.1 did not answer."


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"arguments": []}, 'arguments: [] is not of type "object"'),
        ({"timeout": 301}, "timeout: 301 is greater than the maximum of 300"),
        ({"auth": {"type": "bearer"}}, 'auth: "secret" is a required property'),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, fault: str) -> None:
    given = {"url": "https://tools.test/mcp", "tool": "add"} | parameters
    assert [str(found) for found in registry()["mcp_tool"].faults(given, "", before_filling=True)] == [fault]


@pytest.mark.anyio
async def test_where_no_tools_can_be_called_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="No tools of other servers"):
        await McpTool().execute({"url": "https://tools.test/mcp", "tool": "add"}, NodeContext("e1", "Node"))
