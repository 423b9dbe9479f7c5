"""A node that calls a flow gives out what the flow answers."""

import pytest

from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import NodeContext
from flows.nodes.call_flow import CallFlow
from flows.publishing import versions
from tests.definitions import answer, beside, chain, node
from tests.factories import call, make_flow, make_server, publish


@pytest.mark.django_db(transaction=True)
def test_an_answer_in_text_is_an_object_with_that_text() -> None:
    server = make_server()
    publish(server, "inner", node("a", "return", text="one"))
    execution = call(publish(server, "outer", node("call", "call_flow", flow="inner"), answer("{{ call.text }}")))
    assert execution.node_executions[1]["outputData"] == {"text": "one"}
    assert execution.result["structuredContent"] == "one"


PICTURE = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}


@pytest.mark.django_db(transaction=True)
def test_an_answer_of_several_blocks_comes_whole_and_can_be_answered_as_it_is() -> None:
    server = make_server()
    blocks = [{"type": "text", "text": "The chart:"}, PICTURE]
    publish(server, "inner", node("a", "return_content", content=blocks))
    outer = publish(
        server,
        "outer",
        node("call", "call_flow", flow="inner"),
        node("end", "return_content", content="{{ call.content }}"),
    )
    execution = call(outer)
    whole = {"text": "The chart:", "structured": None, "content": blocks}
    assert execution.node_executions[1]["outputData"] == whole
    assert execution.result["content"] == blocks


@pytest.mark.django_db(transaction=True)
def test_json_beside_a_text_loses_neither() -> None:
    server = make_server()
    inner = beside(node("t", "return", text="Two rows."), answer([1, 2]))
    versions.publish(make_flow(server, tool_name="inner", definition=inner))
    execution = call(publish(server, "outer", node("call", "call_flow", flow="inner"), answer("{{ call }}")))
    output = execution.node_executions[1]["outputData"]
    assert (output["structured"], sorted(block["text"] for block in output["content"])) == (
        [1, 2],
        ["Two rows.", "[1, 2]"],
    )


@pytest.mark.django_db
def test_publishing_names_a_flow_that_is_not_there_and_an_expression_in_its_place() -> None:
    server = make_server()
    nodes = node("a", "call_flow", flow="missing"), node("b", "call_flow", flow="{{ trigger.tool }}")
    schema = {"type": "object"}
    outer = make_flow(server, tool_name="outer", definition=chain(*nodes), input_schema=schema)
    with pytest.raises(DefinitionError) as caught:
        versions.publish(outer)
    assert [str(fault) for fault in caught.value.faults] == [
        "definition.nodes[1].parameters.flow: the server has no flow 'missing'. It has: outer",
        "definition.nodes[2].parameters.flow: write the tool name of a flow: "
        "an expression would let callers choose any flow",
    ]


@pytest.mark.anyio
async def test_where_no_flows_can_be_called_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="No flows can be called"):
        await CallFlow().execute({"flow": "inner"}, NodeContext("e1", "Node"))
