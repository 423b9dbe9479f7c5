"""Expressions are paths: they keep types, say what is missing, and are filled in once."""

import time
from typing import Any

import pytest

from flows.engine.errors import ExpressionError, Fault
from flows.engine.expressions import compile_value, has_expression, paths_in
from flows.engine.paths import parse

SCOPE: dict[str, Any] = {
    "trigger": {"name": "Ada", "count": 3, "ok": True, "none": None, "odd key": 1, 'say "hi"': 2, "a-b": 4},
    "fetch": {"body": {"items": [{"id": 7}, {"id": 8}]}, "text": "plain"},
}


def fill(value: Any, scope: dict[str, Any] | None = None) -> Any:
    filler = compile_value(value)
    assert filler is not None
    return filler(SCOPE if scope is None else scope)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ trigger.count }}", 3),
        ("  {{trigger.ok}}\n", True),
        ("{{ trigger.none }}", None),
        ("{{ fetch.body.items }}", [{"id": 7}, {"id": 8}]),
        ("{{ fetch.body.items[1].id }}", 8),
        ('{{ trigger["odd key"] }}', 1),
        ("{{ trigger['odd key'] }}", 1),
        (r'{{ trigger["say \"hi\""] }}', 2),
        ("{{ trigger.a-b }}", 4),
        ("{{ trigger }}", SCOPE["trigger"]),
    ],
)
def test_a_lone_expression_keeps_the_type(text: str, value: Any) -> None:
    assert fill(text) == value
    assert type(fill(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Hi {{ trigger.name }}!", "Hi Ada!"),
        ("{{ trigger.name }}{{ trigger.count }}", "Ada3"),
        ("n={{ trigger.none }} ok={{ trigger.ok }}", "n=null ok=true"),
        ("first: {{ fetch.body.items[0] }}", 'first: {"id": 7}'),
        ("{{ trigger.name }} {{ open", "Ada {{ open"),
        ("}} {{ trigger.count }}", "}} 3"),
    ],
)
def test_an_expression_inside_text_becomes_text(text: str, value: str) -> None:
    assert fill(text) == value


def test_objects_and_lists_are_filled_deeply_and_the_original_is_kept() -> None:
    original = {"a": [1, "{{ trigger.count }}"], "b": {"c": "{{ trigger.name }}", "d": 5}, "e": "plain"}
    assert fill(original) == {"a": [1, 3], "b": {"c": "Ada", "d": 5}, "e": "plain"}
    assert original["a"] == [1, "{{ trigger.count }}"]


def test_what_an_expression_brings_in_is_not_expanded_again() -> None:
    scope = {"trigger": {"name": "{{ fetch.body }}", "text": "x"}}
    assert fill("{{ trigger.name }}", scope) == "{{ fetch.body }}"
    assert fill("<{{ trigger.name }}>", scope) == "<{{ fetch.body }}>"


@pytest.mark.parametrize("value", ["plain", "{{ open", "a }} b", 3, None, True, [], {"a": ["b", 1]}, "{ {a} }"])
def test_a_value_without_expressions_needs_no_filling(value: Any) -> None:
    assert compile_value(value) is None
    assert not has_expression(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{{ trigger.nam }}",
            "{{ trigger.nam }}: trigger has no 'nam'; it has: a-b, count, name, none, odd key, ok, say \"hi\"."
            " Did you mean 'name'?",
        ),
        ("{{ fetch.body.items[5] }}", "{{ fetch.body.items[5] }}: fetch.body.items has no 5; it is a list of 2."),
        ("{{ fetch.text.size }}", "{{ fetch.text.size }}: fetch.text has no 'size'; it is text."),
        ("{{ trigger.none.x }}", "{{ trigger.none.x }}: trigger.none has no 'x'; it is null."),
        ("{{ trigger.ok[0] }}", "{{ trigger.ok[0] }}: trigger.ok has no 0; it is a boolean."),
        ("{{ fetch.body.items.id }}", "{{ fetch.body.items.id }}: fetch.body.items has no 'id'; it is a list of 2."),
        (
            "{{ other.x }}",
            "{{ other.x }}: 'other' has no output here: that node was skipped or did not run."
            " Available: fetch, trigger.",
        ),
    ],
)
def test_a_missing_path_says_what_there_is(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        fill(text)
    assert caught.value.message == message


def test_a_long_list_of_keys_is_cut() -> None:
    with pytest.raises(ExpressionError) as caught:
        fill("{{ a.z }}", {"a": {f"k{index:02}": 1 for index in range(20)}})
    shown = ", ".join(f"k{index:02}" for index in range(12))
    assert caught.value.message == f"{{{{ a.z }}}}: a has no 'z'; it has: {shown} and 8 more."


@pytest.mark.parametrize(
    "text",
    ["", "1", "a..b", "a.b()", "a + b", "a[b]", "a[-1]", "a.b[", "a[1", ".a", "a b", "a.__class__()", "a['x\"]", "a|b"],
)
def test_what_is_not_a_path_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match="is not a path"):
        parse(text)


def test_attributes_of_python_objects_cannot_be_reached() -> None:
    with pytest.raises(ExpressionError, match=r"fetch\.text has no '__class__'"):
        fill("{{ fetch.text.__class__ }}")


def test_paths_are_found_in_document_order_with_their_places() -> None:
    value = {"a": ["{{ x.y }}", {"b": "{{ 1 }} {{ z }}"}], "c": "{{ last }}"}
    found = [(place, path.message if isinstance(path, Fault) else path.source) for place, path in paths_in(value, "p")]
    assert [place for place, _ in found] == ["p.a[0]", "p.a[1].b", "p.a[1].b", "p.c"]
    assert [text.split(" is not a path")[0] for _, text in found] == ["x.y", "{{ 1 }}", "z", "last"]


def test_hostile_text_takes_linear_time() -> None:
    """With a regex for the marks, this text took minutes."""
    began = time.process_time()
    assert compile_value("{{" * 200_000) is None
    assert list(paths_in(["x"] * 200_000, "p")) == []
    assert time.process_time() - began < 5
