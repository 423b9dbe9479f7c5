"""What expressions name is checked against what node types and the input schema tell of their outputs."""

from typing import Any

import pytest

from flows.engine.errors import DefinitionError
from flows.engine.references import References
from tests.flows.engine.kit import Flow

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "place": {"anyOf": [{"type": "object", "properties": {"lat": {"type": "number"}}}, {"type": "null"}]},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "object"}], "items": False},
        "gone": False,
        "extra": {"type": "object"},
        "either": {
            "oneOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False},
                {"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": False},
            ]
        },
        "tree": {"$ref": "#/$defs/tree"},
        "odd/key": {"type": "object", "properties": {"x": {}}, "additionalProperties": False},
        "by_prefix": {"type": "object", "patternProperties": {"^x-": {}}, "additionalProperties": False},
        "named": {"allOf": [{"$ref": "#/properties/odd~1key"}], "title": "Named"},
        "loop": {"$ref": "#/properties/loop"},
        "lost": {"$ref": "#/$defs/lost"},
    },
    "additionalProperties": False,
    "$defs": {
        "line": {
            "type": "object",
            "properties": {"sku": {"type": "string"}, "n": {"type": ["integer", "null"]}},
            "additionalProperties": False,
        },
        "tree": {
            "type": "object",
            "properties": {"left": {"$ref": "#/$defs/tree"}, "value": {"type": "number"}},
            "additionalProperties": False,
        },
    },
}


def faults(flow: Flow, schema: Any = ORDER) -> list[tuple[str, str]]:
    return [(fault.path, fault.message) for fault in References(flow.graph(), schema).faults()]


@pytest.mark.parametrize(
    "path",
    [
        "trigger",
        "trigger.lines[3].sku",
        "trigger.place.lat",
        "trigger.place.anything",
        "trigger.pair[1].anything",
        "trigger.extra.deep.down",
        "trigger.extra[0]",
        "trigger.either.a",
        "trigger.either.b",
        "trigger.tree.left.left.left.value",
        'trigger["odd/key"].x',
        "trigger.by_prefix.anything",
        "trigger.named.x",
        "trigger.loop.anything",
        "trigger.lost.anything",
        "now",
        "caller.clientName",
        "caller.clientVersion",
        "caller.principal",
        "execution.id",
        "flowhub.url",
        "secrets.API_KEY",
    ],
)
def test_what_a_schema_names_or_leaves_open_is_no_fault(flow: Flow, path: str) -> None:
    flow.add("node", after="trigger", value=f"{{{{ {path} }}}}")
    assert faults(flow) == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("trigger.line", "trigger has no 'line'; it has: {all}. Did you mean 'lines'?"),
        ("trigger.gone", "trigger has no 'gone'; it has: {all}."),
        ("trigger.lines.sku", "trigger.lines has no 'sku'; it is a list."),
        ("trigger.lines[0].skus", "trigger.lines[0] has no 'skus'; it has: n, sku. Did you mean 'sku'?"),
        ("trigger.lines[0].n.x", "trigger.lines[0].n has no 'x'; it is a number or null."),
        ("trigger.id.x", "trigger.id has no 'x'; it is text."),
        ("trigger.id[0]", "trigger.id has no 0; it is text."),
        ("trigger.pair[2]", "trigger.pair has no 2; it is a list."),
        ("trigger.either.c", "trigger.either has no 'c'; it has: a, b."),
        ("trigger.tree.left.right", "trigger.tree.left has no 'right'; it has: left, value."),
        ("trigger.named.y", "trigger.named has no 'y'; it has: x."),
        ("now.year", "now has no 'year'; it is text."),
        (
            "caller.client",
            "caller has no 'client'; it has: clientName, clientVersion, principal. Did you mean 'clientName'?",
        ),
    ],
)
def test_what_a_schema_excludes_is_a_fault_that_says_where_the_path_ends(flow: Flow, path: str, message: str) -> None:
    names = sorted(name for name in ORDER["properties"] if name != "gone")  # type: ignore[attr-defined]
    flow.add("node", after="trigger", value=["", {"deep": f"a {{{{ {path} }}}}"}])
    expected = f"{{{{ {path} }}}}: " + message.replace("{all}", ", ".join(names[:12]))
    assert faults(flow) == [("nodes[1].parameters.value[1].deep", expected)]


def test_what_is_known_of_a_value_goes_on_through_the_nodes(flow: Flow) -> None:
    flow.add("order", "set_fields", after="trigger", fields={"first": "{{ trigger.lines[0] }}", "list": [1, "a"]})
    flow.add("again", "set_fields", after="order", fields={"all": "{{ order }}", "text": "{{ order.first.n }} pieces"})
    flow.add("good", after="again", value="{{ again.all.first.sku }} {{ again.all.list[1] }}")
    flow.add("bad", after="again", value="{{ again.all.first.sky }}")
    flow.add("worse", after="again", value="{{ again.text.size }}")
    flow.add("worst", after="again", value="{{ order.list[2] }}")
    assert faults(flow) == [
        (
            "nodes[4].parameters.value",
            "{{ again.all.first.sky }}: again.all.first has no 'sky'; it has: n, sku. Did you mean 'sku'?",
        ),
        ("nodes[5].parameters.value", "{{ again.text.size }}: again.text has no 'size'; it is text."),
        ("nodes[6].parameters.value", "{{ order.list[2] }}: order.list has no 2; it is a list."),
    ]


def test_a_node_type_tells_what_it_gives_out(flow: Flow) -> None:
    flow.add("fetch", "http_request", after="trigger", url="https://example.com")
    flow.add("choice", "condition", after="fetch", left=1, operator="truthy")
    flow.add("node", after="choice:true", value="{{ fetch.body.id }} {{ fetch.headers.etag }} {{ choice.result }}")
    flow.add("bad", after="choice:true", value="{{ fetch.boddy }}")
    flow.add("worse", after="choice:true", value="{{ choice.is_true }}")
    assert faults(flow) == [
        (
            "nodes[4].parameters.value",
            "{{ fetch.boddy }}: fetch has no 'boddy'; it has: body, headers, status. Did you mean 'body'?",
        ),
        ("nodes[5].parameters.value", "{{ choice.is_true }}: choice has no 'is_true'; it has: result."),
    ]


def test_nodes_that_ask_others_tell_what_stands_around_the_answer(flow: Flow) -> None:
    flow.add("each", "for_each", after="trigger", items=[1], expression="item")
    flow.add("tool", "mcp_tool", after="trigger", url="https://example.com/mcp", tool="add")
    chat = {"baseUrl": "https://example.com/v1", "model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    flow.add("chat", "llm_chat", after="trigger", **chat)
    flow.add("read", "llm_chat", after="trigger", answerSchema={"type": "object"}, **chat)
    good = "{{ each.results[0].sum }} {{ tool.structured.sum }} {{ chat.usage.totalTokens }} {{ read.json.sum }}"
    flow.add("good", after=("each", "tool", "chat", "read"), value=good)
    bad = ["{{ each.errors[0].text }}", "{{ tool.result }}", "{{ chat.json.sum }}", "{{ read.usage.tokens }}"]
    flow.add("bad", after=("each", "tool", "chat", "read"), value=bad)
    assert [message for _, message in faults(flow)] == [
        "{{ each.errors[0].text }}: each.errors[0] has no 'text'; it has: index, message.",
        "{{ tool.result }}: tool has no 'result'; it has: content, structured, text.",
        "{{ chat.json.sum }}: chat has no 'json'; it has: finishReason, model, text, usage.",
        "{{ read.usage.tokens }}: read.usage has no 'tokens'; it has: completionTokens, promptTokens, totalTokens. "
        "Did you mean 'totalTokens'?",
    ]


def test_after_a_node_that_may_fail_its_error_may_be_named(flow: Flow) -> None:
    flow.add("fetch", "http_request", after="trigger", settings={"onError": "handle"}, url="https://example.com")
    flow.add("good", after="fetch:error", value="{{ fetch.error.message }} {{ fetch.error.detail.status }}")
    flow.add("bad", after="fetch:error", value="{{ fetch.error.reason }}")
    assert faults(flow) == [
        (
            "nodes[3].parameters.value",
            "{{ fetch.error.reason }}: fetch.error has no 'reason'; it has: detail, kind, message, nodeId, nodeName.",
        )
    ]


def test_nothing_is_known_of_an_open_schema_or_of_none(flow: Flow) -> None:
    flow.add("node", after="trigger", value="{{ trigger.anything.goes }}")
    assert faults(flow, {"type": "object", "properties": {"a": {}}}) == []
    assert faults(flow, True) == []


def test_a_node_that_cannot_run_is_left_alone(flow: Flow) -> None:
    flow.add("alone", value="{{ now.gone }}")
    assert faults(flow) == []


def test_a_schema_that_grows_with_each_step_is_given_up_on(flow: Flow) -> None:
    """Each level doubles the alternatives; what takes too long to decide is no fault."""
    schema = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}
    flow.add("node", after="trigger", value="{{ trigger" + ".a" * 10 + " }}")
    assert faults(flow, schema) == []


def test_the_slug_that_was_meant_is_suggested(flow: Flow) -> None:
    flow.add("node", after="trigger", value="{{ tigger.id }}")
    message = (
        r"\{\{ tigger.id \}\} names 'tigger', which is no node's slug. Did you mean 'trigger'\? "
        r"Slugs that come before 'Node': trigger$"
    )
    with pytest.raises(DefinitionError, match=message):
        flow.graph()
