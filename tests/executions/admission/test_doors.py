"""What is said of calls over a limit: over REST, and on the pages of those whom it concerns."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from executions.admission.allowances import ANONYMOUS, Allowance, OverLimit
from executions.admission.doors import Doors, Place
from executions.admission.refusals import minute_of, refusals
from executions.admission.sharing import Sharing
from executions.models import Execution, RefusedCalls
from flows.models import Flow
from mcp_bridge.models import ApiKey
from tests.definitions import answer
from tests.factories import make_flow, make_key, make_server, make_user, publish

ONE = Allowance("key:1", "with this API key", at_once=1)


@pytest.mark.anyio
async def test_a_place_is_kept_until_the_answer_is_out_and_the_execution_has_ended() -> None:
    doors, ends = Doors("", Sharing()), asyncio.Event()
    place = doors.admit([ONE], 1, 1)
    assert isinstance(place, Place)
    execution = asyncio.create_task(ends.wait())
    place.until_done(execution)
    place.leave()
    with pytest.raises(OverLimit) as refused:
        doors.admit([ONE], 1, 1)
    said = (
        "This call was not made: the limit is 1 call at once with this API key. "
        "Call again in 1 second, or once one of them has ended."
    )
    assert (str(refused.value), refused.value.seconds) == (said, 1)
    ends.set()
    await execution
    await asyncio.sleep(0)  # what was to be done at its end is done
    assert isinstance(doors.admit([ONE], 1, 1), Place)


def test_what_a_caller_s_own_limit_refuses_takes_nothing_from_the_server_s() -> None:
    doors = Doors("", Sharing())
    server = Allowance("server:1", "to this server from all its callers together", per_minute=3)
    greedy, modest = (Allowance(name, "with this API key", per_minute=2) for name in ("key:1", "key:2"))
    answered = {"key:1": 0, "key:2": 0}
    for caller in (greedy, greedy, greedy, greedy, modest, modest):
        try:
            doors.admit_here([caller, server], 1, 1).leave()
        except OverLimit:
            continue
        answered[caller.name] += 1
    assert answered == {"key:1": 2, "key:2": 1}


@pytest.mark.django_db(transaction=True)
def test_a_test_call_over_the_limit_of_a_key_is_429_and_leaves_no_execution(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("executions.api.refusals.doors", Doors("", Sharing()))
    flow = make_flow()
    key = make_key(flow.server.owner, calls_per_minute=2)
    path, headers = f"/api/flows/{flow.pk}/test/", {"authorization": f"Bearer {key}"}

    def call() -> Any:
        return client.post(path, {"arguments": {}}, content_type="application/json", headers=headers)

    answers = [call() for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 429]
    assert answers[2].json() == {
        "detail": "This call was not made: the limit is 2 calls a minute with this API key. Call again in 30 seconds."
    }
    assert answers[2].headers["Retry-After"] == "30"
    assert Execution.objects.count() == 2
    refusals.write()
    stored = ApiKey.objects.get()
    person = Client()
    person.force_login(flow.server.owner)
    assert person.get(f"/api/keys/{stored.pk}/").json()["refusedLastDay"] == 1
    said = "1 call refused by its limit in the last"
    for address in ("/keys/", f"/keys/{stored.pk}/"):
        assert said in " ".join(person.get(address).content.decode().split())
    assert "2 calls a minute" in person.get("/keys/").content.decode()


@pytest.fixture
def flow() -> Flow:
    """A published flow of which 5 calls of strangers and 2 with a key were refused."""
    flow = publish(make_server(), "greet", answer("Hello"))
    minute = minute_of(datetime.now(UTC))
    for who, number in ((ANONYMOUS, 5), ("key:7", 2)):
        RefusedCalls.objects.create(
            minute=minute, principal_id=who, flow_key=flow.pk, server_key=flow.server_id, number=number
        )
    RefusedCalls.objects.create(
        minute=minute - 1500, principal_id=ANONYMOUS, flow_key=flow.pk, server_key=flow.server_id, number=100
    )
    return flow


@pytest.mark.django_db
def test_pages_of_the_flow_and_of_its_server_say_how_many_were_refused(flow: Flow, client: Client) -> None:
    client.force_login(flow.server.owner)
    for tab in ("usage", "insights"):
        page = " ".join(client.get(f"/flows/{flow.pk}/{tab}/").content.decode().split())
        assert "+ 7 refused by a limit" in page
        assert "5 without an API key, 2 with one. They left no execution" in page
    page = " ".join(client.get(f"/servers/{flow.server_id}/").content.decode().split())
    said = "7 calls refused by a limit in the last 24 hours: 5 without an API key, 2 with one."
    assert page.index(said) < page.index('<button class="button is-main">Save</button>')
    assert 'name="stranger_calls_per_minute"' in page
    assert "From one address without an API key. Empty: 60." in page


@pytest.mark.django_db
def test_the_numbers_of_a_flow_tell_them_apart_over_rest(flow: Flow, client: Client) -> None:
    client.force_login(flow.server.owner)
    path = f"/api/flows/{flow.pk}/insights/"
    assert client.get(path).json()["refused"] == {"strangers": 5, "others": 2}
    assert client.get(f"{path}?period=7d").json()["refused"] == {"strangers": 105, "others": 2}


@pytest.mark.django_db
def test_the_form_of_a_server_sets_its_limits_and_says_what_is_no_number_of_calls(client: Client) -> None:
    server = make_server(make_user())
    client.force_login(server.owner)
    fields = {"name": server.name, "slug": server.slug, "access": "public", "is_published": "on", "revision": "1"}
    wrong = client.post(f"/servers/{server.pk}/", fields | {"calls_per_minute": "0"})
    assert "Ensure this value is greater than or equal to 1." in wrong.content.decode()
    limits = {"calls_per_minute": 600, "calls_at_once": 50, "stranger_calls_per_minute": 6, "stranger_calls_at_once": 2}
    assert client.post(f"/servers/{server.pk}/", fields | limits).status_code == 302
    server.refresh_from_db()
    assert {name: getattr(server, name) for name in limits} == limits
