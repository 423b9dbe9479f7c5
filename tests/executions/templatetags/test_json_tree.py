"""JSON on a page: exact, escaped, and cut where it would be too long."""

import re
from html import unescape
from typing import Any

from executions.templatetags.json_tree import LONGEST_TEXT, MAX_VALUES, json_tree


def shown(value: Any) -> str:
    return unescape(re.sub(r"<[^>]*>", "", json_tree(value)))


def test_json_keeps_integers_exact_and_is_escaped() -> None:
    assert shown({"n": 12345678901234567890123, "t": '<b>"&'}) == '{ "n": 12345678901234567890123, "t": "<b>\\"&" }'
    assert "<b>" not in json_tree({"<b>": ["<b>"]})


def test_a_long_string_is_cut_and_whole_behind_show_all() -> None:
    text = "x" * (LONGEST_TEXT * 3)
    assert f"show all {len(text):,} characters" in shown([text])
    assert f'"{text}"' in shown([text])


def test_a_huge_list_is_drawn_up_to_a_limit_that_says_how_much_is_left() -> None:
    assert f"… {10_000 - MAX_VALUES:,} more, see raw" in shown(list(range(10_000)))
