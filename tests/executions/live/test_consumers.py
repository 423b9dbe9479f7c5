"""Sockets of open pages: who may watch what, what they are told, and that nothing is collected for nobody."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.test import Client

from executions.ledger import writer
from executions.ledger.writer import ExecutionChange, Ledger, ledger
from executions.live import consumers
from executions.live.announcer import INTERVAL_SECONDS, MAX_NAMED, announcer, group_of_flow
from executions.record.moments import new_id
from executions.record.status import Status
from flowhub.asgi import application
from flows.access.roles import Role
from flows.models import Flow, Membership
from tests.executions.ledger.test_writer import fulfilled, pending
from tests.factories import make_execution, make_flow, make_user

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

ORIGIN = "http://127.0.0.1:8000"
SECONDS = 5


def cookie_of(user: Any) -> bytes:
    """The cookie of a person who logged in."""
    browser = Client()
    browser.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}".encode()


@asynccontextmanager
async def socket(address: str, user: Any = None, origin: str = ORIGIN) -> AsyncIterator[WebsocketCommunicator]:
    """A browser's socket, not opened yet."""
    headers = [(b"origin", origin.encode()), (b"host", b"127.0.0.1")]
    if user is not None:
        headers.append((b"cookie", await sync_to_async(cookie_of)(user)))
    browser = WebsocketCommunicator(application, address, headers)
    try:
        yield browser
    finally:
        await browser.disconnect()


@asynccontextmanager
async def watching(address: str, user: Any) -> AsyncIterator[WebsocketCommunicator]:
    """A socket that is told of changes."""
    async with socket(address, user) as browser:
        assert (await browser.connect())[0]
        assert await browser.receive_json_from(SECONDS) == {"watching": True}
        yield browser


async def told(browser: WebsocketCommunicator) -> list[tuple[str, str]]:
    """Ids and statuses of the next message."""
    message = await browser.receive_json_from(SECONDS)
    return [(change["id"], change["status"]) for change in message["executions"]]


async def make(factory: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    """What a factory makes, outside the event loop."""
    return await sync_to_async(factory)(*arguments, **values)


async def called(flow: Flow) -> uuid.UUID:
    """A pending execution of the flow, committed."""
    execution_id = new_id()
    row = {"started_at": datetime.now(UTC), "flow_id": flow.pk, "owner_id": flow.server.owner_id}
    ledger.open(pending(execution_id, **row))
    await ledger.commit(execution_id)
    return execution_id


async def test_who_watches_a_flow_is_told_of_its_executions_and_of_nothing_in_them() -> None:
    flow = await make(make_flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        execution_id = await called(flow)
        message = await browser.receive_json_from(SECONDS)
        assert message == {
            "executions": [{"id": str(execution_id), "flowId": flow.pk, "status": "pending"}],
            "more": False,
        }
        await ledger.commit(execution_id, fulfilled(result='"canary"'))
        assert await told(browser) == [(str(execution_id), "fulfilled")]


async def test_who_watches_all_executions_is_told_of_the_own_ones_alone() -> None:
    mine, other = await make(make_flow), await make(make_flow)
    async with watching("/ws/executions/", mine.server.owner) as browser:
        await called(other)
        execution_id = await called(mine)
        assert await told(browser) == [(str(execution_id), "pending")]
        assert await browser.receive_nothing(INTERVAL_SECONDS * 2)


async def test_who_sees_everything_is_told_of_everything() -> None:
    flows = [await make(make_flow), await make(make_flow)]
    operator = await make(make_user, is_superuser=True)
    async with watching("/ws/executions/", operator) as browser:
        ids = [str(await called(flow)) for flow in flows]
        seen: list[str] = []
        while len(seen) < 2:
            seen += [execution_id for execution_id, _ in await told(browser)]
        assert seen == ids


async def test_the_progress_of_an_execution_is_told() -> None:
    flow = await make(make_flow)
    execution_id = await called(flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        ledger.progress(execution_id, "[1]", datetime.now(UTC))
        assert await told(browser) == [(str(execution_id), "pending")]
        await ledger.commit(execution_id, fulfilled())


async def test_an_execution_that_is_ended_from_outside_and_one_that_is_deleted_are_told() -> None:
    flow = await make(make_flow)
    execution = await make(make_execution, flow, status=Status.PENDING)
    terminal = fulfilled(status="error", ended_at=execution.started_at)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        await make(writer.end_pending, Q(pk=execution.pk), lambda _: terminal)
        assert await told(browser) == [(str(execution.pk), "error")]
        await make(writer.delete, [execution.pk])
        assert await told(browser) == [(str(execution.pk), "deleted")]


@pytest.mark.parametrize("address", ["/ws/executions/", "/ws/flows/1/", "/ws/nothing/", "/"])
async def test_a_stranger_may_watch_nothing(address: str) -> None:
    async with socket(address) as browser:
        await browser.connect()
        assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": 4401}


@pytest.mark.parametrize("address", ["/ws/flows/{flow}/", "/ws/flows/999999/", "/ws/flows/9{nines}/", "/ws/", "/"])
async def test_what_belongs_to_somebody_else_and_what_is_not_there_are_not_found(address: str) -> None:
    flow, somebody = await make(make_flow), await make(make_user)
    async with socket(address.format(flow=flow.pk, nines="9" * 30), somebody) as browser:
        await browser.connect()
        assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": 4404}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", ""])
async def test_another_sites_page_may_not_open_a_socket(origin: str) -> None:
    flow = await make(make_flow)
    async with socket(f"/ws/flows/{flow.pk}/", flow.server.owner, origin) as browser:
        assert (await browser.connect())[0] is False


async def test_a_socket_does_not_outlive_the_log_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.01)
    flow = await make(make_flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        await sync_to_async(Session.objects.all().delete)()
        assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": 4401}


async def test_a_socket_does_not_outlive_the_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.01)
    flow, heir = await make(make_flow), await make(make_user)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        flow.server.owner = heir
        await flow.server.asave()
        assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": 4404}


async def switch_off(user: Any) -> None:
    user.is_active = False
    await user.asave()


async def log_out(user: Any) -> None:
    """With the cookie of the socket: the person has one session."""
    sessions = [each async for each in Session.objects.all()]
    [session] = [each for each in sessions if each.get_decoded()[SESSION_KEY] == str(user.pk)]

    def ask() -> int:
        browser = Client()
        browser.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
        return browser.post("/logout/").status_code

    assert await sync_to_async(ask)() == 302


@pytest.mark.parametrize("address", ["/ws/flows/{flow}/", "/ws/flows/{flow}/builders/", "/ws/executions/"])
@pytest.mark.parametrize("end", [switch_off, log_out])
async def test_a_socket_ends_with_the_person_or_the_login_and_others_stay(end: Any, address: str) -> None:
    flow, other = await make(make_flow), await make(make_flow)
    async with watching(f"/ws/flows/{other.pk}/", other.server.owner) as neighbour:
        async with watching(address.format(flow=flow.pk), flow.server.owner) as browser:
            await end(flow.server.owner)
            while (said := await browser.receive_output(SECONDS))["type"] == "websocket.send":
                pass  # who else builds
            assert said == {"type": "websocket.close", "code": 4401}
        execution_id = await called(other)
        assert await told(neighbour) == [(str(execution_id), "pending")]


async def test_a_socket_ends_with_the_part_that_its_person_has_in_the_server() -> None:
    flow, member = await make(make_flow), await make(make_user)
    part = await Membership.objects.acreate(server=flow.server, user=member, role=Role.VIEWER)
    async with watching(f"/ws/flows/{flow.pk}/", member) as browser:
        await part.adelete()
        assert await browser.receive_output(SECONDS) == {"type": "websocket.close", "code": 4404}


async def test_what_a_browser_sends_is_ignored() -> None:
    flow = await make(make_flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        await browser.send_to(text_data='{"watch": "executions.all"')
        await browser.send_to(bytes_data=b"\xff")
        execution_id = await called(flow)
        assert await told(browser) == [(str(execution_id), "pending")]


async def test_nothing_is_collected_while_nobody_watches() -> None:
    flow = await make(make_flow)
    assert writer.listeners == []
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner), watching("/ws/executions/", flow.server.owner):
        assert writer.listeners == [announcer.changed]
    assert writer.listeners == []


async def test_a_burst_is_a_few_messages_that_name_a_few_executions() -> None:
    flow = await make(make_flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        for _ in range(10):
            announcer.changed([ExecutionChange(new_id(), flow.pk, 0, "fulfilled") for _ in range(20)])
        messages = [await browser.receive_json_from(SECONDS)]
        while not messages[-1]["more"]:
            messages.append(await browser.receive_json_from(SECONDS))
        assert len(messages) <= 2
        assert len(messages[-1]["executions"]) == MAX_NAMED
        assert await browser.receive_nothing(INTERVAL_SECONDS * 2)


async def test_a_group_gets_at_most_a_few_messages_a_second() -> None:
    flow = await make(make_flow)
    async with watching(f"/ws/flows/{flow.pk}/", flow.server.owner) as browser:
        loop = asyncio.get_running_loop()
        began, messages = loop.time(), 0
        while messages < 4:
            announcer.changed([ExecutionChange(new_id(), flow.pk, 0, "fulfilled")])
            if not await browser.receive_nothing(0.01):
                await browser.receive_json_from(SECONDS)
                messages += 1
        assert loop.time() - began >= INTERVAL_SECONDS * 3


async def test_a_listener_that_fails_does_not_keep_the_ledger_from_writing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(changes: Any) -> None:
        raise RuntimeError("no")

    writer.listeners.append(fail)
    one = Ledger()
    try:
        execution_id = new_id()
        one.open(pending(execution_id))
        assert await one.commit(execution_id, fulfilled()) is True
    finally:
        writer.listeners.remove(fail)
        await sync_to_async(one.stop, thread_sensitive=False)()
    assert "a listener failed" in caplog.text


async def test_the_list_of_all_hears_of_shared_servers_for_as_long_as_they_are_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    flow, foreign, member = await make(make_flow), await make(make_flow), await make(make_user)
    membership = await Membership.objects.acreate(server=flow.server, user=member, role="viewer")
    async with watching("/ws/executions/", member) as browser:
        await called(foreign)
        execution_id = await called(flow)
        assert await told(browser) == [(str(execution_id), "pending")]
        await membership.adelete()
        async with asyncio.timeout(SECONDS):
            while group_of_flow(flow.pk) in announcer._watched:
                await asyncio.sleep(0.01)
        await called(flow)
        assert await browser.receive_nothing(2 * INTERVAL_SECONDS)
