"""A list of posts is answered as Markdown for readers and as posts for clients that draw them."""

from typing import Any

import pytest

from flows.engine.node import NodeResult, Reply
from flows.nodes import registry
from tests.flows.nodes.conftest import Execute

pytestmark = pytest.mark.anyio


async def test_a_post_has_link_author_date_and_text_when_it_is_given_them(execute: Execute) -> None:
    posts = [
        {
            "title": "A [new] age",
            "text": "It\nbegan.",
            "author": "Ada",
            "date": "2026-11-22",
            "url": "https://a.test/x>y",
        },
        {"title": "Alone"},
        {"title": "Dated", "date": "today", "image": "http://a.test/i.png"},
    ]
    output = {"ui": "post_list", "title": "News", "posts": posts}
    text = (
        "**News**\n\n- **[A \\[new\\] age](<https://a.test/x%3Ey>)** (Ada, 2026-11-22)\n  It began.\n"
        "- **Alone**\n- **Dated** (today)"
    )
    assert await execute("ui_post_list", {"title": "News", "posts": posts}) == NodeResult(
        output, reply=Reply(text, structured=output, is_structured=True)
    )


async def test_a_list_of_nothing_says_so(execute: Execute) -> None:
    reply = (await execute("ui_post_list", {"posts": []})).reply
    assert reply == Reply("No posts.", {"ui": "post_list", "title": "", "posts": []}, True)


@pytest.mark.parametrize(
    ("parameters", "places"),
    [
        ({"posts": [{"text": "x"}]}, ["posts[0]"]),
        ({"posts": [{"title": "x", "url": "javascript:alert(1)"}]}, ["posts[0].url"]),
        ({"posts": [{"title": "x", "image": "data:image/png;base64,AA=="}]}, ["posts[0].image"]),
        ({"posts": [{"title": "{{ a.b }}", "url": "{{ a.c }}"}]}, []),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, places: list[str]) -> None:
    found = registry()["ui_post_list"].faults(parameters, "", before_filling=True)
    assert [str(fault).partition(":")[0] for fault in found] == places


def test_a_link_that_is_filled_in_is_checked_too() -> None:
    parameters = {"posts": [{"title": "x", "url": "javascript:alert(1)"}]}
    found = registry()["ui_post_list"].faults(parameters, "", before_filling=False)
    assert [str(fault).partition(":")[0] for fault in found] == ["posts[0].url"]
