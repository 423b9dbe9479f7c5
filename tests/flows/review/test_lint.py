"""The lint of a tool's definition: each rule finds its fault at its path, and is silent about a good tool."""

from typing import Any

import pytest

from flows.review.lint.subject import LEVELS, Neighbour, Subject
from flows.review.lint.table import MAX_OF_A_RULE, RULES, lint


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


ORDER_ID = {"type": "string", "description": "The order's id, as A-10481."}
GOOD: dict[str, Any] = {
    "name": "find_order",
    "title": "Find an order",
    "description": (
        "Returns the customer, status and total of one order.\n\nWHEN TO USE: When the person gives an order id."
        "\n\nWHEN NOT TO USE: To search by date."
    ),
    "inputSchema": schema(order_id=ORDER_ID),
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
}
SHOP = [Neighbour("cancel_invoice", "Cancels an invoice.")]


def subject(*, server_slug: str = "shop", neighbours: Any = SHOP, effects: Any = (), **changed: Any) -> Subject:
    """The good tool with some parts changed; None takes a part away."""
    returns_json, only_text = changed.pop("returns_json", True), changed.pop("only_text", False)
    more = {key: changed.pop(key) for key in ("unguarded", "answers_audio", "asks") if key in changed}
    contract = {key: value for key, value in (GOOD | changed).items() if value is not None}
    return Subject(contract, server_slug, neighbours, effects, returns_json, only_text, **more)


def taking(rule: Any, name: str = "order_id", **root: Any) -> dict[str, Any]:
    """A change: one required parameter of this schema."""
    return {"inputSchema": schema(**{name: rule}) | root}


def deep(levels: int) -> dict[str, Any]:
    rule: dict[str, Any] = ORDER_ID
    for number in range(levels - 1):
        rule = schema(**{f"level_{number}": rule}) | {"description": "A level."}
    return schema(order=rule)


def test_a_good_tool_has_no_findings() -> None:
    assert lint(subject()) == []


WHERE = "inputSchema.properties.order_id"
OUTPUT = {"type": "object"}
FINDS = {
    "name-characters": (subject(name="find order"), "name"),
    "name-widest": (subject(name="orders.find"), "name"),
    "name-with-server": (subject(name="find_" + "x" * 50, server_slug="orders"), "name"),
    "name-vague": (subject(name="process"), "name"),
    "name-near": (subject(neighbours=[Neighbour("find_orders", "Other.")]), "name"),
    "description-missing": (subject(description="WHEN TO USE: Always.\n\nWHEN NOT TO USE: Never."), "description"),
    "description-short": (subject(description="Finds.\n\nWHEN TO USE: Now.\n\nWHEN NOT TO USE: Later."), "description"),
    "description-long": (subject(description=GOOD["description"] + "x" * 1000), "description"),
    "description-too-long": (subject(description=GOOD["description"] + "x" * 2000), "description"),
    "description-twin": (subject(neighbours=[Neighbour("other", GOOD["description"].upper())]), "description"),
    "when-to-use": (subject(description=GOOD["description"].replace("WHEN TO", "FOR")), "description"),
    "when-not-to-use": (subject(description=GOOD["description"].replace("WHEN NOT", "NOT")), "description"),
    "parameter-name": (subject(**taking(ORDER_ID, "filter[id]")), "inputSchema.properties.filter[id]"),
    "parameter-vague": (subject(**taking(ORDER_ID, "value")), "inputSchema.properties.value"),
    "parameter-description": (subject(**taking({"type": "string"})), WHERE),
    "parameter-type": (subject(**taking({"description": "The order's id."})), WHERE),
    "parameter-default": (subject(**taking(ORDER_ID, required=[])), WHERE),
    "parameter-unguarded": (
        subject(unguarded=[("definition.nodes[1].parameters.url", "trigger.limit")]),
        "definition.nodes[1].parameters.url",
    ),
    "enum-size": (subject(**taking(ORDER_ID | {"enum": [f"A-{n}" for n in range(101)]})), f"{WHERE}.enum"),
    "schema-choice-at-root": (subject(**taking(ORDER_ID, anyOf=[{}])), "inputSchema.anyOf"),
    "schema-recursion": (subject(**taking({"$ref": "#", "description": "One more."})), f"{WHERE}.$ref"),
    "schema-depth": (
        subject(inputSchema=deep(6)),
        "inputSchema.properties.order.properties.level_4.properties.level_3.properties.level_2.properties.level_1",
    ),
    "schema-size": (subject(inputSchema=schema(**{f"order_{n}": ORDER_ID for n in range(101)})), "inputSchema"),
    "schema-slow": (
        subject(**taking({"type": "array", "items": {"enum": [[at] for at in range(500)]}, "description": "Kinds."})),
        WHERE,
    ),
    "schema-reference": (subject(**taking({"$ref": "#/$defs/id"}, **{"$defs": {"id": ORDER_ID}})), f"{WHERE}.$ref"),
    "type-list": (subject(**taking(ORDER_ID | {"type": ["string", "null"]})), f"{WHERE}.type"),
    "parameter-kept-name": (subject(**taking(ORDER_ID, "model_config")), "inputSchema.properties.model_config"),
    "parameter-alternatives": (subject(**taking(ORDER_ID | {"oneOf": [{}]})), f"{WHERE}.oneOf"),
    "schema-tuple": (subject(outputSchema=OUTPUT | {"prefixItems": [{}]}), "outputSchema.prefixItems"),
    "schema-fraction": (
        subject(outputSchema=OUTPUT | {"properties": {"price": {"type": "number", "multipleOf": 0.01}}}),
        "outputSchema.properties.price.multipleOf",
    ),
    "pattern-javascript": (subject(**taking(ORDER_ID | {"pattern": r"^[^\@]+$"})), f"{WHERE}.pattern"),
    "answer-audio": (subject(answers_audio=True), "definition"),
    "asks": (subject(asks="user"), "definition"),
    "openai-map": (
        subject(**taking({"type": "object", "additionalProperties": {"type": "string"}, "description": "Labels."})),
        WHERE,
    ),
    "openai-open-object": (subject(**taking(ORDER_ID, additionalProperties=True)), "inputSchema"),
    "openai-optional": (subject(**taking(ORDER_ID, required=[])), "inputSchema.required"),
    "openai-keyword": (subject(**taking(ORDER_ID | {"not": {"const": ""}})), f"{WHERE}.not"),
    "gemini-keyword": (subject(**taking(ORDER_ID | {"contentEncoding": "base64"})), f"{WHERE}.contentEncoding"),
    "annotation-wrong": (subject(annotations={"readOnlyHint": "yes"}), "annotations.readOnlyHint"),
    "annotation-unknown": (subject(annotations={"readOnlyHint": True, "safe": True}), "annotations.safe"),
    "annotation-contradiction": (
        subject(annotations={"readOnlyHint": True, "destructiveHint": True}),
        "annotations.destructiveHint",
    ),
    "annotation-read-only": (subject(annotations=None), "annotations"),
    "annotation-missing": (subject(annotations=None, effects=("Charge",)), "annotations"),
    "annotation-not-read-only": (subject(effects=("Charge",)), "annotations.readOnlyHint"),
    "output-schema": (subject(outputSchema=None), "outputSchema"),
    "output-schema-unmet": (subject(only_text=True), "outputSchema"),
    "server-size": (subject(neighbours=[Neighbour(f"tool{n:04}", "") for n in range(0, 4000, 100)]), ""),
}


def test_every_rule_has_an_example_and_a_source() -> None:
    assert [rule.id for rule in RULES] == list(FINDS)
    assert all("https://" in (rule.look.__doc__ or "") for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_finds_its_fault_at_its_path(rule: Any) -> None:
    example, path = FINDS[rule.id]
    found = [(finding.level, finding.path) for finding in lint(example) if finding.rule == rule.id]
    assert found == [(rule.level, path)]


@pytest.mark.parametrize(
    ("rule", "silent"),
    [
        ("name-with-server", subject(name="f" * 53, server_slug="shop")),
        ("description-long", subject(description=("WHEN TO USE:WHEN NOT TO USE:" + "x" * 1024)[:1024])),
        ("when-not-to-use", subject(description="x" * 40 + "WHEN TO USE: now", neighbours=[])),
        ("parameter-description", subject(**taking({"const": "order"}))),
        ("parameter-description", subject(**taking({"$ref": "#/$defs/id"}, **{"$defs": {"id": ORDER_ID}}))),
        ("parameter-description", subject(**taking(schema(sku=ORDER_ID)))),
        ("parameter-type", subject(**taking({"enum": ["a"]}))),
        ("parameter-default", subject(**taking(ORDER_ID | {"default": "A-1"}, required=[]))),
        ("parameter-default", subject(**taking({"description": "Without it, the newest order."}, required=[]))),
        ("parameter-default", subject(**taking(schema(sku=ORDER_ID) | {"description": "Lines.", "required": []}))),
        ("parameter-vague", subject(**taking(schema(sku=ORDER_ID) | {"description": "Lines."}, "body"))),
        ("parameter-vague", subject(**taking(schema(value=ORDER_ID) | {"description": "Lines."}))),
        ("openai-optional", subject(**taking(ORDER_ID | {"default": "A-1"}, required=[]))),
        ("openai-optional", subject(**taking({"anyOf": [ORDER_ID, {"type": "null"}]}, required=[]))),
        ("openai-optional", subject(**taking(schema(sku=ORDER_ID) | {"description": "Lines.", "required": []}))),
        ("schema-depth", subject(inputSchema=deep(5))),
        ("schema-slow", subject(**taking({"type": "array", "items": {"enum": [str(at) for at in range(500)]}}))),
        ("schema-slow", subject(**taking(ORDER_ID | {"pattern": "^.{1,20}$"}))),
        ("schema-reference", subject(**taking({"$ref": "#"}))),
        ("gemini-keyword", subject(**taking(ORDER_ID | {"x-note": 1}))),
        ("annotation-read-only", subject(annotations=None, effects=None)),
        ("annotation-wrong", subject(annotations={"title": "Find", "readOnlyHint": None})),
        ("output-schema", subject(outputSchema=None, returns_json=False)),
        ("output-schema-unmet", subject(outputSchema=None, only_text=True)),
    ],
)
def test_a_rule_is_silent_where_nothing_is_to_be_changed(rule: str, silent: Subject) -> None:
    assert rule not in [finding.rule for finding in lint(silent)]


def test_parameters_inside_lists_and_alternatives_are_read_too() -> None:
    lines = {"type": "array", "description": "Lines.", "items": schema(sku={"type": "string"})}
    either = {"description": "Who.", "anyOf": [schema(mail={"type": "string"}), {"type": "null"}]}
    found = lint(subject(inputSchema=schema(lines=lines, buyer=either)))
    assert [finding.path for finding in found] == [
        "inputSchema.properties.lines.items.properties.sku",
        "inputSchema.properties.buyer.anyOf[0].properties.mail",
    ]


def test_what_takes_long_to_check_is_said_with_how_much_a_call_may_hold() -> None:
    patterns = {"type": "object", "patternProperties": {f"x{at}_[a-z]+": {"type": "string"} for at in range(400)}}
    slow = subject(**taking(ORDER_ID | {"pattern": ".{1,200}x$"}), outputSchema=patterns)
    assert [(each.path, each.message) for each in lint(slow) if each.rule == "schema-slow"] == [
        (
            f"{WHERE}.pattern",
            "one call may hold 45,776 characters here at most, because a pattern that counts so far takes long: say "
            "the length with minLength and maxLength instead",
        ),
        (
            "outputSchema",
            "one call may hold 6,250 values here at most, because each takes long to check: use fewer patterns and "
            "alternatives, and texts as the options of an enum",
        ),
    ]


def test_errors_come_first_and_one_rule_does_not_drown_the_others() -> None:
    many = schema(**{f"order_{n}": {"type": "string"} for n in range(60)}) | {"anyOf": [{}]}
    found = lint(subject(inputSchema=many))
    assert [finding.rule for finding in found] == ["schema-choice-at-root", *["parameter-description"] * MAX_OF_A_RULE]
    assert {finding.level for finding in found} <= set(LEVELS)


@pytest.mark.parametrize(
    "nonsense",
    [
        *({}, {"inputSchema": 3}, {"inputSchema": {"properties": [1], "required": "a"}}, {"annotations": [1]}),
        *({"inputSchema": {"properties": {"a": 3}, "required": [1]}}, {"inputSchema": {"enum": "a", "anyOf": 3}}),
        *({"inputSchema": {"$ref": 3}}, {"inputSchema": {"properties": {"a": {"$ref": "#/no"}}}}, {"name": None}),
    ],
)
def test_a_draft_may_be_anything(nonsense: Any) -> None:
    lint(Subject(nonsense, "shop", [Neighbour("", "")], None, False))
