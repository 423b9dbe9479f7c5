"""The estimate of a definition's tokens."""

import pytest

from flows.review.tokens import MARGIN, estimate, tokens_of


@pytest.mark.parametrize(
    ("text", "o200k", "cl100k"),
    [
        ("Returns the customer, status and total of one order.", 11, 11),
        ('{"type":"object","properties":{"order_id":{"type":"string","minLength":1}}}', 20, 19),
        ("Gibt den Kunden, den Status und die Gesamtsumme einer Bestellung zurück.", 16, 18),
    ],
)
def test_the_estimate_is_near_to_what_tokenizers_count(text: str, o200k: int, cl100k: int) -> None:
    """The figures beside the texts were counted with the vocabularies of OpenAI's models."""
    low, high = sorted((o200k, cl100k))
    assert low * (1 - MARGIN / 100) <= tokens_of(text) <= high * (1 + MARGIN / 100)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("order", 1), ("orderNumber", 2), ("x" * 11, 2), ("1234", 2), ("a b", 2), ("a\n\nb", 3), ("注文", 2)],
)
def test_the_rule_is_the_documented_one(text: str, tokens: int) -> None:
    assert tokens_of(text) == tokens


def test_the_heaviest_parts_are_named_and_parameters_are_parts() -> None:
    contract = {
        "name": "find_order",
        "description": "Finds one order.",
        "inputSchema": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "lines": {"enum": ["first", "second", "third", "fourth"]}},
        },
    }
    found = estimate(contract)
    assert [part.path for part in found.parts] == [
        "inputSchema.properties.lines",
        "inputSchema.properties.order_id",
        "description",
        "inputSchema",
        "name",
    ]
    assert sum(part.tokens for part in found.parts) == pytest.approx(found.total, rel=0.15)
