"""Sockets of pages on which a draft is built: who else is there, as far as one may know it, and that it was stored."""

from typing import Any

import pytest

from executions.live import consumers
from tests.executions.live.test_consumers import SECONDS, make, socket, watching
from tests.factories import make_flow, make_user

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]


async def heard(browser: Any) -> Any:
    """The next message of a socket."""
    return await browser.receive_json_from(SECONDS)


async def test_those_who_build_a_flow_know_of_each_other_by_name_where_they_see_everything() -> None:
    flow, other = await make(make_flow), await make(make_flow)
    owner, operator = flow.server.owner, await make(make_user, is_superuser=True)
    address = f"/ws/flows/{flow.pk}/builders/"
    async with watching(address, owner) as first, watching(f"/ws/flows/{other.pk}/builders/", operator) as elsewhere:
        assert await first.receive_nothing()
        async with watching(address, operator) as second:
            assert await heard(first) == {"others": [{"name": None, "isYou": False}]}
            assert await heard(second) == {"others": [{"name": owner.username, "isYou": False}]}
            async with watching(address, owner) as third:
                assert await heard(first) == {"others": [{"name": None, "isYou": False}, {"name": None, "isYou": True}]}
                assert [await heard(third), await heard(third)][-1]["others"] in (
                    [{"name": None, "isYou": False}, {"name": None, "isYou": True}],
                    [{"name": None, "isYou": True}, {"name": None, "isYou": False}],
                )
            assert await heard(first) == {"others": [{"name": None, "isYou": False}]}
        assert await heard(first) == {"others": []}
        assert await elsewhere.receive_nothing()


async def test_the_others_are_told_when_one_of_them_has_stored_the_draft() -> None:
    flow = await make(make_flow)
    address = f"/ws/flows/{flow.pk}/builders/"
    async with watching(address, flow.server.owner) as first, watching(address, flow.server.owner) as second:
        assert [await heard(first), await heard(second)] == [{"others": [{"name": None, "isYou": True}]}] * 2
        await first.send_to(text_data="anything else")
        await first.send_to(text_data="stored")
        assert await heard(second) == {"stored": True}
        assert await second.receive_nothing()
        assert await first.receive_nothing()


async def test_who_may_not_see_a_flow_is_not_there() -> None:
    flow, stranger = await make(make_flow), await make(make_user)
    address = f"/ws/flows/{flow.pk}/builders/"
    async with watching(address, flow.server.owner) as owner:
        for user, code in ((stranger, consumers.NOT_FOUND), (None, consumers.NOT_LOGGED_IN)):
            async with socket(address, user) as browser:
                await browser.connect()
                await browser.send_to(text_data="stored")
                assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": code}
        assert await owner.receive_nothing()


async def test_a_page_that_is_gone_without_a_word_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    flow = await make(make_flow)
    address = f"/ws/flows/{flow.pk}/builders/"
    async with watching(address, flow.server.owner) as browser, watching(address, flow.server.owner) as lost:
        assert await heard(browser) == {"others": [{"name": None, "isYou": True}]}
        assert await heard(lost) == {"others": [{"name": None, "isYou": True}]}
        monkeypatch.setattr("executions.live.builders.BuildersConsumer.left", lambda *_: _nothing())
        await lost.disconnect()
        assert await heard(browser) == {"others": []}


async def _nothing() -> None:
    """In the place of a word."""
