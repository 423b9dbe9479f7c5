"""What a record costs grows no faster than what a caller sends, whatever it is: twice as much takes twice as long."""

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from executions.privacy.redactor import Redactor
from executions.record import payload

SECRET = "canary-4f9a1c77d2e8"
NAMED = {"password": SECRET}

FAMILIES: dict[str, tuple[int, Callable[[int], Any]]] = {
    "backslashes beside a value that begins with punctuation": (
        400_000,
        lambda n: {"password": "!!!!ab!!", "text": "\\" * n + "ab"},
    ),
    "many long values and their plain part again and again": (
        400_000,
        lambda n: {f"p{at}_password": "abcdefgh%" * 22 + f"{at:03}" for at in range(100)} | {"text": "abcdefgh" * n},
    ),
    "many short texts with names in them": (10_000, lambda n: [f"x token=value-{at:06}" for at in range(n)]),
    "many values under sensitive names": (5_000, lambda n: [{"password": f"value-{at:06}"} for at in range(n)]),
    "rows with a field called key": (4_000, lambda n: [{"id": at, "key": f"k{at}", "note": "a b"} for at in range(n)]),
    "prose": (20_000, lambda n: "People who keep a token in their pocket pick the key up. " * n),
    "names": (100_000, lambda n: "key" * n),
    "names with nothing behind them": (50_000, lambda n: "cookie:" * n),
    "headers with too much behind them": (8_000, lambda n: "authorization: abcdefghijklmnop q " * n),
    "quotes without an end": (10_000, lambda n: 'token=\\"\n' * n),
    "references": (8_000, lambda n: "token={{ a }}" * n),
    "the value itself": (30_000, lambda n: NAMED | {"text": SECRET * n}),
    "the beginning of a long value": (400_000, lambda n: {"password": "a" * 600, "text": "a" * n}),
    "percent signs": (100_000, lambda n: NAMED | {"text": "%41%2525" * n}),
    "escapes": (30_000, lambda n: NAMED | {"text": "\\u0041\\ud83d" * n}),
    "entities": (100_000, lambda n: NAMED | {"text": "&amp;" * n + "&#" * n}),
}
MESSAGES: dict[str, tuple[int, Callable[[int], str]]] = {
    "quotation marks": (4_900, lambda n: '"' * n),
    "beginnings of values in quotes": (700, lambda n: 'qqqqqq"' * n),
    "ends of values behind a cut": (700, lambda n: "...qq-1" * n),
}


def grows(work: Callable[[Any], Any], small: Any, large: Any) -> bool:
    """Whether the thread computes for the second more than 2.6 times as long as for the first.

    The least of some tries each counts, and more are made while it seems so.
    """
    took = [float("inf")] * 2
    # The collector would look through all that other tests have left.
    gc.disable()
    try:
        for tries in range(12):
            for at, value in enumerate((small, large)):
                began = time.thread_time()
                work(value)
                took[at] = min(took[at], time.thread_time() - began)
            if tries >= 2 and took[1] <= 2.6 * took[0]:
                return False
    finally:
        gc.enable()
    return True


@pytest.mark.parametrize("name", FAMILIES)
def test_a_payload_twice_as_large_takes_about_twice_as_long(name: str) -> None:
    size, make = FAMILIES[name]
    assert not grows(payload.dump, make(size), make(2 * size))


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_twice_as_long_takes_about_twice_as_long(name: str) -> None:
    size, make = MESSAGES[name]
    redactor = Redactor.none.knowing(f"{'q' * 110}-{at}" for at in range(100))
    assert not grows(lambda text: redactor.hide_text(text, is_message=True), make(size), make(2 * size))


def test_a_text_beyond_what_is_looked_through_is_hidden_whole_and_says_so() -> None:
    part = "a" * (payload.MAX_LOOKED_THROUGH // 4)
    value = [{"password": SECRET}, *(part + str(at) for at in range(4)), "short"]
    found = json.loads(payload.dump(value, cap=10**9))
    shown = [each if isinstance(each, str) else each["head"][:5] for each in found[1:]]
    size = f"{len(part) + 1:,}"
    assert shown == [
        *["aaaaa"] * 3,
        f"*** ({size} characters, hidden whole: there is too much text here to look through)",
        "*** (5 characters, hidden whole: there is too much text here to look through)",
    ]


def test_a_text_that_stands_in_a_record_more_than_once_is_looked_through_once() -> None:
    text = "a" * (payload.MAX_LOOKED_THROUGH // 2) + SECRET
    assert {each["sha256"] for each in json.loads(payload.dump([NAMED, *[text] * 9], cap=10**9))[1:]} == {
        payload.envelope(text.replace(SECRET, "***"))["sha256"]
    }
