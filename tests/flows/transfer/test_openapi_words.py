"""Titles, descriptions and when to use a tool: what the document says, as text, and nothing that it does not say."""

import json
from typing import Any

import pytest

from flows.transfer.openapi.words import MAX_DESCRIPTION, cut, in_words, plain
from tests.flows.transfer.test_openapi import operations

ORDERS: dict[str, Any] = {
    "openapi": "3.1.0",
    "tags": [{"name": "orders", "description": "What customers <i>bought</i>."}, {"name": "empty"}, 7],
    "paths": {
        "/orders": {
            "get": {"summary": "List orders", "tags": ["empty", "orders"], "responses": {}},
            "post": {"operationId": "addOrder", "responses": {"201": {"description": "Made"}}},
        },
        "/orders/{id}/": {
            "get": {"summary": "Read an order.", "description": "Read an order. With all of its parts, and prices."},
            "put": {"summary": "Replace an order", "description": "All of it."},
            "patch": {"summary": "Change an order"},
            "delete": {"deprecated": True},
        },
        "/orders/{id}/parts/": {"get": {"description": "The parts of an order, in the order of their weight."}},
    },
}


def texts(document: dict[str, Any] = ORDERS) -> dict[str, tuple[str, str, str, str]]:
    """Title, description, when to use and when not, of each operation's flow."""
    found = {}
    for key, operation in operations(json.dumps(document)).items():
        assert operation.flow is not None, operation.problem
        assert operation.title == operation.flow["name"]
        assert operation.description == operation.flow["toolDescription"]
        names = ("name", "toolDescription", "whenToUse", "whenNotToUse")
        found[key] = tuple(operation.flow[name] for name in names)
    return found  # type: ignore[return-value]


def test_a_tool_says_what_it_does_and_which_other_one_does_what_it_could_be_taken_for() -> None:
    known = "When id is known; “List orders” finds it."
    reads = "Only to read: “Read an order” does that and changes nothing."
    assert texts() == {
        "get /orders": (
            "List orders",
            "List orders.\n\nCalls GET /orders.",
            "For orders: What customers bought.",
            "When it is known which one is wanted: “Read an order” reads that one.",
        ),
        "post /orders": (
            "Add order",
            "Add order.\n\nCalls POST /orders.",
            "",
            "Only to read: “List orders” does that and changes nothing.",
        ),
        "get /orders/{id}/": ("Read an order", "Read an order. With all of its parts, and prices.", known, ""),
        "put /orders/{id}/": (
            "Replace an order",
            "Replace an order.\n\nAll of it.\n\nCalls PUT /orders/{id}/.",
            known,
            f"{reads} To change a part alone: “Change an order” does that.",
        ),
        "patch /orders/{id}/": ("Change an order", "Change an order.\n\nCalls PATCH /orders/{id}/.", known, reads),
        "delete /orders/{id}/": (
            "DELETE /orders/{id}/",
            "Calls DELETE /orders/{id}/.",
            known,
            f"For anything new: the API calls it deprecated. {reads}",
        ),
        "get /orders/{id}/parts/": (
            "GET /orders/{id}/parts/",
            "The parts of an order, in the order of their weight.",
            "",
            "",
        ),
    }


def test_what_a_method_promises_is_said_with_all_hints() -> None:
    document = {
        "openapi": "3.1.0",
        "paths": {"/a": {method: {} for method in ("get", "head", "options", "put", "delete")}},
    }
    document["paths"]["/a"] |= {"post": {"responses": {"200": {}}}, "patch": {}}  # type: ignore[index]
    document["paths"]["/b"] = {"post": {"responses": {"201": {}, "400": {}}}}  # type: ignore[index]
    names = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    found = {
        key: tuple(operation.flow["annotations"][name] for name in names) if operation.flow else ()
        for key, operation in operations(json.dumps(document)).items()
    }
    reads, replaces, does, adds = (
        (True, False, True, True),
        (False, True, True, True),
        (False, True, False, True),
        (False, False, False, True),
    )
    assert found == {
        **dict.fromkeys(("get /a", "head /a", "options /a"), reads),
        **dict.fromkeys(("put /a", "delete /a"), replaces),
        **dict.fromkeys(("post /a", "patch /a"), does),
        "post /b": adds,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<p>Look <b>up</b><br/>an &lt;order&gt; &amp; more</p>", "Look up\nan <order> & more"),
        (
            '# Orders\n\nSee [the docs](https://a.test/x "t") and ![pic](p.png).\n\n---\n\nEnd',
            "Orders\n\nSee the docs and pic.\n\nEnd",
        ),
        ("**Note**: use `id`, *not* __name__ or _key_", "Note: use id, not name or key"),
        ("keep snake_case_names, 2 * 3 * 4 and a_b", "keep snake_case_names, 2 * 3 * 4 and a_b"),
        ("_id and __typename stay", "_id and __typename stay"),
        ("* one\n+ two\n- three", "- one\n- two\n- three"),
        ('```json\n{"a": 1}\n```\nafter', '{"a": 1}\n\nafter'),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n\n| 1 | 2 |"),
        ("before <!-- hidden --> after<script>alert(1)</script>", "before after"),
        ("a < b and c > d, <https://a.test>", "a < b and c > d, <https://a.test>"),
        ("  a \t b \n\n\n\n c  ", "a b\n\nc"),
        (None, ""),
        (7, ""),
    ],
)
def test_markdown_and_html_become_text(text: Any, words: str) -> None:
    assert plain(text, 200) == words


def test_a_long_text_ends_behind_a_sentence_or_a_word() -> None:
    assert cut("One is short. Two is longer.", 20) == "One is short."
    assert cut("One, e.g. a pen, is short. The second one is longer.", 40) == "One, e.g. a pen, is short."
    assert cut("words without any end of a sentence at all", 20) == "words without..."
    assert cut("short", 5) == "short"
    operation = {"summary": "Do it", "description": "Words of a sentence are here. " * 100}
    [(_, description, _, _)] = texts({"openapi": "3.1.0", "paths": {"/a": {"get": operation}}}).values()
    assert len(description) <= MAX_DESCRIPTION
    assert description.endswith("are here.")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("getOrderById", "Get order by id"),
        ("orders_partial-update", "Orders partial update"),
        ("GETOrderByID", "GET order by ID"),
        ("repos/list-for-org", "Repos list for org"),
        ("", ""),
    ],
)
def test_an_id_of_an_operation_becomes_words(name: str, words: str) -> None:
    assert in_words(name) == words
