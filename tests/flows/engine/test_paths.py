"""`??` and `?.`: what an expression gives where something is missing or null."""

from typing import Any

import pytest

from flows.engine.errors import DefinitionError, ExpressionError
from flows.engine.expressions import compile_value
from flows.engine.graph import parse
from flows.engine.paths import MissingValue
from flows.engine.references import References
from flows.nodes import registry
from tests.definitions import chain, node

SCOPE = {
    "trigger": {"n": 5, "zero": 0, "empty": "", "none": None, "odd ?? key": "odd"},
    "http": {"body": {"customer": None, "items": [{"id": 1}], "other": {}}},
}


def fill(text: str) -> Any:
    filled = compile_value(text)
    assert filled is not None
    return filled(SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ trigger.n ?? 10 }}", 5),
        ("{{ trigger.zero ?? 10 }}", 0),
        ('{{ trigger.empty ?? "x" }}', ""),
        ("{{ trigger.none ?? 10 }}", 10),
        ("{{ trigger.limit ?? 10 }}", 10),
        ("{{trigger.limit??10}}", 10),
        ("{{ trigger.limit ?? -1.5 }}", -1.5),
        ('{{ trigger.limit ?? "a ?? b" }}', "a ?? b"),
        ("{{ trigger.limit ?? 'it\\'s' }}", "it's"),
        ("{{ trigger.limit ?? [] }}", []),
        ('{{ trigger.limit ?? {"a": 1} }}', {"a": 1}),
        ("{{ trigger.limit ?? null }}", None),
        ("{{ trigger.limit ?? true }}", True),
        ("{{ trigger.limit ?? trigger.n }}", 5),
        ("{{ trigger.limit ?? trigger.none ?? 7 }}", 7),
        ('{{ trigger["odd ?? key"] ?? 1 }}', "odd"),
        ("{{ skipped.value ?? 1 }}", 1),
        ("{{ skipped?.value }}", None),
        ("{{ http.body.customer?.phone }}", None),
        ("{{ http.body.other?.phone }}", None),
        ("{{ http.body.nobody?.phone.number }}", None),
        ("{{ http.body.items?.[0].id }}", 1),
        ("{{ http.body.items?.[3].id }}", None),
        ('{{ http.body?.["customer"]?.phone ?? "none" }}', "none"),
        ("n={{ trigger.limit ?? 10 }}", "n=10"),
        ("phone={{ http.body.customer?.phone }}", "phone=null"),
    ],
)
def test_what_is_missing_or_null_gives_way(text: str, value: Any) -> None:
    assert fill(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ trigger.limit ?? trigger.most }}", "trigger has no 'most'"),
        ("{{ http.body.other.phone?.number.ext }}", None),
        ("{{ http.body.other.phone }}", "http.body.other has no 'phone'"),
    ],
)
def test_a_last_resort_that_is_missing_fails(text: str, message: str | None) -> None:
    if message is None:
        assert fill(text) is None
        return
    with pytest.raises(MissingValue, match=message):
        fill(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ trigger.n ?? }}", "is not a path"),
        ("{{ trigger.n ?? 1 ?? 2 }}", "is not a path"),
        ("{{ trigger.n ?? NaN() }}", "is not a path"),
        ("{{ trigger.n ?? [1 }}", "neither a path nor JSON"),
        ("{{ trigger.n ?? -Infinity }}", "neither a path nor JSON"),
        ("{{ trigger.n ? 1 : 2 }}", "is not a path"),
        ("{{ trigger?. }}", "is not a path"),
        ("{{ ?? 1 }}", "is not a path"),
        ("{{ secrets.KEY ?? 1 }}", "a secret takes no fallback"),
    ],
)
def test_what_is_no_fallback_is_refused_when_it_is_written(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_value(text)


PAGE = {
    "type": "object",
    "properties": {"size": {"type": "integer"}, "from": {"type": "integer"}},
    "required": ["size"],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "q": {"type": "string"},
        "limit": {"type": "integer"},
        "most": {"$ref": "#/$defs/most"},
        "page": PAGE,
        "maybe": {"anyOf": [PAGE, {"type": "null"}]},
    },
    "required": ["q", "page"],
    "$defs": {"most": {"type": "integer", "default": 5}},
}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ trigger.q }} {{ trigger.most }} {{ trigger.page.size }}", []),
        ("{{ trigger.limit }}", ["trigger.limit"]),
        ("{{ trigger.limit ?? 1 }} {{ trigger?.limit }}", []),
        ("{{ trigger.q ?? trigger.limit }}", ["trigger.limit"]),
        ("{{ trigger.page.from }} {{ trigger.maybe.size }}", ["trigger.page.from", "trigger.maybe"]),
        ("{{ trigger.unknown }}", []),
    ],
)
def test_a_parameter_that_a_call_may_leave_out_is_named_where_it_has_no_fallback(text: str, found: list[str]) -> None:
    graph = parse(chain(node("end", "return", text=text)), registry())
    named = list(References(graph, SCHEMA).unguarded())
    assert named == [("nodes[1].parameters.text", path) for path in found]


def test_a_fallback_that_names_no_node_is_a_fault() -> None:
    with pytest.raises(DefinitionError, match="names 'nobody'"):
        parse(chain(node("end", "return", text="{{ trigger.limit ?? nobody.x }}")), registry())
