"""JSON as an indented, coloured, folding tree. Everything in it is untrusted: it reaches the page as escaped text."""

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from executions.record.entries import cut_of
from executions.record.payload import Cut

register = template.Library()

LONGEST_TEXT = 400
"""Characters of a string that are shown before `show all`."""
MAX_VALUES = 600
"""Values of one tree that are drawn; the raw view has all of them."""
SHORT_LINE = 60
"""A list or object of plain values that fits in so many characters stays on one line."""

CLASSES = {str: "s", bool: "b", int: "n", float: "n", type(None): "b"}


class _Budget:
    """How many more values may be drawn."""

    def __init__(self, values: int) -> None:
        self.left = values

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


@register.filter
def cut_mark(value: Any) -> Cut | None:
    """The mark that stands in a record for a value that was too large; None for a value that is there."""
    return cut_of(value)


@register.filter
def is_tree(value: Any) -> bool:
    """Whether there is more than one value to look through."""
    return isinstance(value, dict | list) and bool(value) and cut_of(value) is None


@register.simple_tag
def json_tree(value: Any, most_values: int = MAX_VALUES) -> SafeString:
    """Draw a JSON value, or the first values of a larger one; integers of any size are exact."""
    tree = _value(value, SafeString(""), SafeString(""), _Budget(most_values))
    return format_html('<div class="json">{}</div>', tree)


def _value(value: Any, key: SafeString, comma: SafeString, budget: _Budget) -> SafeString:
    if (mark := cut_of(value)) is not None:
        return _mark(mark, key, comma)
    if isinstance(value, dict | list) and value and not _fits(value):
        return _branch(value, key, comma, budget)
    return format_html('<div class="line">{}{}{}</div>', key, _inline(value), comma)


def _mark(mark: Cut, key: SafeString, comma: SafeString) -> SafeString:
    """What was cut, in words; the two ends that are left of it fold out."""
    return format_html(
        '<details class="long"><summary>{}<span class="cut">{}</span>{}</summary>'
        '<span class="s">{}</span><span class="cut"> … </span><span class="s">{}</span></details>',
        key, mark.words, comma, mark.head, mark.tail,
    )  # fmt: skip


def _fits(value: dict[str, Any] | list[Any]) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    if len(value) > 6 or any(isinstance(part, dict | list) and part for part in parts):
        return False
    return len(json.dumps(value, ensure_ascii=False)) <= SHORT_LINE


def _branch(value: dict[str, Any] | list[Any], key: SafeString, comma: SafeString, budget: _Budget) -> SafeString:
    is_object = isinstance(value, dict)
    left, right = ("{", "}") if is_object else ("[", "]")
    unit = "key" if is_object else "item"
    size = f"{len(value):,} {unit}{'' if len(value) == 1 else 's'}"
    return format_html(
        '<details open><summary>{}{}<span class="size"> {} {}{}</span></summary><div class="in">{}</div>'
        '<div class="line">{}{}</div></details>',
        key, left, size, right, comma, _children(value, budget), right, comma,
    )  # fmt: skip


def _children(value: dict[str, Any] | list[Any], budget: _Budget) -> SafeString:
    pairs = [(_key(name), part) for name, part in value.items()] if isinstance(value, dict) else None
    parts = pairs if pairs is not None else [(SafeString(""), part) for part in value]
    lines: list[SafeString] = []
    for index, (key, part) in enumerate(parts):
        if not budget.take():
            left = f"… {len(parts) - index:,} more, see raw"
            lines.append(format_html('<div class="line cut">{}</div>', left))
            break
        lines.append(_value(part, key, SafeString("," if index + 1 < len(parts) else ""), budget))
    return format_html_join("", "{}", ((line,) for line in lines))


def _key(name: str) -> SafeString:
    return format_html('<span class="k">{}</span>: ', json.dumps(name, ensure_ascii=False))


def _inline(value: Any) -> SafeString:
    if isinstance(value, dict):
        if not value:
            return SafeString("{}")
        inner = format_html_join(", ", "{}{}", ((_key(name), _inline(part)) for name, part in value.items()))
        return format_html("{} {} {}", "{", inner, "}")
    if isinstance(value, list):
        return format_html("[{}]", format_html_join(", ", "{}", ((_inline(part),) for part in value)))
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and len(text) > LONGEST_TEXT:
        return _long(text)
    return format_html('<span class="{}">{}</span>', CLASSES.get(type(value), "s"), text)


def _long(text: str) -> SafeString:
    return format_html(
        '<details class="long"><summary><span class="s">{}…</span> <span class="more">show all {} characters</span>'
        '</summary><span class="s">{}</span></details>',
        text[:LONGEST_TEXT], f"{len(text) - 2:,}", text,
    )  # fmt: skip
