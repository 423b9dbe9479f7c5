"""An answer of content blocks is checked before it goes out, in MCP's form."""

from typing import Any

import pytest

from flows.adapters.sandbox import code_runner
from flows.engine.errors import NodeFailed
from flows.engine.limits import Limits
from flows.engine.node import NodeResult, Reply, Services
from flows.engine.runner import run
from flows.nodes import registry
from tests.flows.engine.kit import Flow
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio

BLOCKS = [
    {"type": "text", "text": "Chart:", "annotations": {"audience": ["user"], "priority": 0.5}},
    {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"},
    {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "report:7", "mimeType": "text/csv", "text": "a,b"}},
    {"type": "resource", "resource": {"uri": "https://example.com/b", "blob": "AAEC"}},
    {"type": "resource_link", "uri": "https://example.com/r.pdf", "name": "r", "title": "R", "size": 3},
]


async def test_the_blocks_are_the_reply_and_the_output(execute: Execute) -> None:
    assert await execute("return_content", {"content": BLOCKS}) == NodeResult(
        BLOCKS, reply=Reply("", blocks=tuple(BLOCKS))
    )


async def test_values_become_text_and_keys_of_other_kinds_are_left_out(execute: Execute) -> None:
    content = [
        {"type": "text", "text": {"a": 1}, "uri": "left:out"},
        {"type": "resource", "resource": {"uri": "a:b", "text": 5}},
    ]
    result = await execute("return_content", {"content": content})
    assert result.output == [
        {"type": "text", "text": '{"a": 1}'},
        {"type": "resource", "resource": {"uri": "a:b", "text": "5"}},
    ]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            {"type": "image", "data": "data:image/png;base64,AA==", "mimeType": "image/png"},
            "content[0].data: give the base64 alone, without the part from 'data:' to the comma",
        ),
        ({"type": "image", "data": "", "mimeType": "image/png"}, "content[0].data: is empty"),
        (
            {"type": "image", "data": "AAA", "mimeType": "image/png"},
            "content[0].data: is not base64: Incorrect padding",
        ),
        (
            {"type": "image", "data": "AA==", "mimeType": "png"},
            "content[0].mimeType: 'png' is no media type; write one such as image/png",
        ),
        (
            {"type": "audio", "data": "AA==", "mimeType": "image/png"},
            "content[0].mimeType: 'image/png' is not that of audio",
        ),
        (
            {"type": "resource_link", "uri": "/report", "name": "r"},
            "content[0].uri: write a whole URI with its scheme, such as https://example.com/a or report:7",
        ),
        (
            {"type": "resource", "resource": {"uri": "a:b", "blob": "é"}},
            "content[0].resource.blob: is not base64: string argument should contain only ASCII characters",
        ),
    ],
)
async def test_a_block_that_no_client_could_read_fails(execute: Execute, block: Any, message: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        await execute("return_content", {"content": [block]})
    assert caught.value.message == message


async def test_blocks_count_against_what_a_flow_may_answer() -> None:
    flow = Flow(registry())
    flow.add("media", "return_content", after="trigger", content=[{"type": "text", "text": "x" * 900}])
    services = Services(code=code_runner())
    assert (await run(flow.graph(), {}, services=services, limits=Limits(answer_bytes=1000))).error is None
    outcome = await run(flow.graph(), {}, services=services, limits=Limits(answer_bytes=900))
    assert outcome.error is not None
    assert outcome.error.message.startswith("The flow's answer has 927 bytes; 900 are allowed.")


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({"content": []}, ["content: [] has less than 1 item"]),
        (
            {"content": [{"type": "video"}]},
            ['content[0].type: use one of: "text", "image", "audio", "resource", "resource_link"'],
        ),
        ({"content": [{"type": "image", "data": "AA=="}]}, ['content[0]: "mimeType" is a required property']),
        ({"content": [{"type": "resource_link", "uri": "a:b"}]}, ['content[0]: "name" is a required property']),
        ({"content": "{{ code }}"}, []),
        ({"content": [{"type": "text", "text": "{{ a.b }}"}]}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, faults: list[str]) -> None:
    found = registry()["return_content"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults
