"""A for_each that fails in the middle: what it had done stands in the record, and is not done a second time."""

import re
from typing import Any

import pytest

from executions.models import Execution
from flows.models import Flow, Server
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.executions.acting.conftest import World
from tests.executions.acting.test_from_node import again, browser_of, called
from tests.factories import make_flow, make_server, publish

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {"type": "object", "properties": {"orders": {"type": "array"}}}
FAILED = "The item at index 2 (id 3) failed after 2 of 4 were finished: Flow 'Pay one' failed in 'Pay': "


@pytest.fixture
def server(world: World) -> Server:
    """A server with a flow that pays one order: a request, and an answer that names it."""
    server = make_server()
    pay = node("pay", "http_request", method="POST", url=f"{world.url}/pay/{{{{ trigger.id }}}}")
    publish(server, "pay_one", pay, answer({"paid": "{{ trigger.id }}"}), name="Pay one")
    return server


def pay_all(server: Server, *after: dict[str, Any], settings: Any = None, **parameters: Any) -> Flow:
    """A published flow that pays all orders, one after the other."""
    each = node(
        "each",
        "for_each",
        items="{{ trigger.orders }}",
        flow="pay_one",
        arguments={"id": "{{ item.id }}"},
        **{"concurrency": 1, **parameters},
    )
    each |= {"settings": settings} if settings else {}
    flow = make_flow(server, definition=chain(each, *(after or [answer("{{ each.results }}")])), input_schema=SCHEMA)
    versions.publish(flow)
    return flow


@pytest.fixture
def flow(server: Server) -> Flow:
    """All orders."""
    return pay_all(server)


def orders(*ids: int) -> list[dict[str, int]]:
    return [{"id": number} for number in ids]


def entry_of(execution: Execution) -> Any:
    """What the record has of the for_each."""
    return execution.node_executions[1]


def test_the_record_keeps_what_was_finished_and_the_error_names_the_item(flow: Flow, world: World) -> None:
    world.broken = {"/pay/3"}
    execution = called(flow, orders=orders(1, 2, 3, 4))
    entry = entry_of(execution)
    children = {each.initial_params["id"]: str(each.pk) for each in execution.children.all()}
    assert entry["finished"] == [
        {"index": 0, "output": {"paid": 1}, "executionId": children[1]},
        {"index": 1, "output": {"paid": 2}, "executionId": children[2]},
    ]
    assert entry["error"]["message"].startswith(FAILED)
    assert entry["outputData"] == {"index": 2, "error": {"executionId": children[3]}}
    assert execution.result["content"][0]["text"].startswith("The item at index 2 (id 3) failed after 2 of 4 were ")


def test_running_again_from_the_node_does_only_what_is_missing(flow: Flow, world: World) -> None:
    world.broken = {"/pay/3"}
    original = called(flow, orders=orders(1, 2, 3, 4))
    assert world.requests == ["/pay/1", "/pay/2", "/pay/3"]
    second = Execution.objects.get(pk=again(flow, original, "each").json()["id"])
    assert world.requests[3:] == ["/pay/3"]
    first_two = entry_of(original)["finished"]
    assert entry_of(second)["finished"] == [each | {"reused": True} for each in first_two]
    world.broken = set()
    body = again(flow, second, "each").json()
    assert world.requests[4:] == ["/pay/3", "/pay/4"]
    assert body["result"]["structuredContent"] == [{"paid": number} for number in (1, 2, 3, 4)]
    entry = body["nodeExecutions"][1]
    assert ("finished" in entry, entry["reusedItems"], len(entry["childExecutions"])) == (False, 2, 2)


def test_from_a_node_before_it_all_items_are_done_anew(flow: Flow, world: World) -> None:
    world.broken = {"/pay/2"}
    original = called(flow, orders=orders(1, 2))
    again(flow, original, "trigger")
    assert world.requests == ["/pay/1", "/pay/2"] * 2


def test_a_retry_of_the_node_goes_on_with_what_is_missing(server: Server, world: World) -> None:
    world.broken = {"/pay/3"}
    flow = pay_all(server, settings={"retries": {"attempts": 3, "backoffSeconds": 0}})
    execution = called(flow, orders=orders(1, 2, 3))
    assert world.requests == ["/pay/1", "/pay/2", "/pay/3", "/pay/3", "/pay/3"]
    assert [item["index"] for item in entry_of(execution)["finished"]] == [0, 1]


def test_an_item_is_tried_as_often_as_its_own_retries_say(server: Server, world: World) -> None:
    world.broken = {"/pay/1"}
    flow = pay_all(server, itemRetries={"attempts": 2, "backoffSeconds": 0}, onError="collect")
    entry = entry_of(called(flow, orders=orders(1, 2)))
    assert world.requests == ["/pay/1", "/pay/1", "/pay/2"]
    assert entry["outputData"]["results"] == [None, {"paid": 2}]
    start = "The item at index 0 (id 1) failed at attempt 1: Flow 'Pay one' failed in 'Pay': POST "
    assert [(line["level"], line["message"][: len(start)]) for line in entry["log"]] == [("warning", start)]


def test_where_errors_were_collected_running_again_does_the_failed_items_alone(server: Server, world: World) -> None:
    world.broken = {"/pay/2"}
    flow = pay_all(server, onError="collect")
    original = called(flow, orders=orders(1, 2, 3))
    world.broken = set()
    body = again(flow, original, "each").json()
    assert world.requests == ["/pay/1", "/pay/2", "/pay/3", "/pay/2"]
    assert body["result"]["structuredContent"] == [{"paid": number} for number in (1, 2, 3)]
    third = Execution.objects.get(pk=body["id"])
    again(flow, third, "each")
    assert world.requests[4:] == ["/pay/1", "/pay/2", "/pay/3"]  # nothing was missing, so all of it is asked for


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"finished": [{"index": 0, "output": {"paid": "***"}}]},
            "What finished items of 'Each' gave is not whole in the record: item 0. Start before it to do all items "
            "again.",
        ),
        (
            {"finishedLeftOut": 1},
            "The record does not hold all items that 'Each' had finished. Start before it to do all items again.",
        ),
        (
            {"finished": {"$truncated": True, "bytes": 9}},
            "The record does not hold all items that 'Each' had finished. Start before it to do all items again.",
        ),
    ],
)
def test_items_of_which_the_record_lacks_something_are_never_done_twice_in_silence(
    flow: Flow, world: World, changes: Any, reason: str
) -> None:
    world.broken = {"/pay/2"}
    original = called(flow, orders=orders(1, 2))
    entries = original.node_executions
    Execution.objects.filter(pk=original.pk).update(node_executions=[entries[0], entries[1] | changes, *entries[2:]])
    answered = again(flow, original, "each")
    assert (answered.status_code, answered.json()["detail"]) == (409, reason)
    assert world.requests == ["/pay/1", "/pay/2"]


def test_what_items_gave_may_be_hidden_when_nobody_names_it(server: Server, world: World) -> None:
    flow = pay_all(server, answer("paid"))
    world.broken = {"/pay/2"}
    original = called(flow, orders=orders(1, 2))
    entries = original.node_executions
    entries[1]["finished"][0]["output"] = "***"
    Execution.objects.filter(pk=original.pk).update(node_executions=entries)
    world.broken = set()
    assert again(flow, original, "each").json()["status"] == "fulfilled"
    assert world.requests == ["/pay/1", "/pay/2", "/pay/2"]


def test_the_item_in_the_error_holds_no_secret(server: Server, world: World) -> None:
    pay = {"flow": "pay_one", "arguments": {"id": 1}}
    each = node("each", "for_each", items=["{{ trigger.pin }}"], **pay)
    secret = {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True}}}
    flow = make_flow(server, definition=chain(each, answer(1)), input_schema=secret)
    versions.publish(flow)
    world.broken = {"/pay/1"}
    execution = called(flow, pin="4711-0815-hush")
    start = 'The item at index 0 ("***") failed after 0 of 1 were finished: '
    assert execution.error_info["message"].startswith(start)
    assert execution.result["content"][0]["text"].startswith(start)


def test_of_large_outputs_the_size_is_kept_and_which_items_are_finished(world: World) -> None:
    parameters = {"items": "{{ trigger.list }}", "expression": "'x' * item if item else 1 // 0", "concurrency": 1}
    flow = publish(make_server(), "large", node("each", "for_each", **parameters), answer(1))
    entry = entry_of(called(flow, list=[*[60_000] * 40, 0]))
    kept = [item["output"] for item in entry["finished"]]
    assert ([item["index"] for item in entry["finished"]], "finishedLeftOut" in entry) == (list(range(40)), False)
    assert kept[0] == "x" * 60_000
    assert kept[-1] == {"$truncated": True, "bytes": 60_002, "sha256": "", "head": "", "tail": ""}


def test_pages_show_what_is_finished_and_what_running_again_takes_from_it(flow: Flow, world: World) -> None:
    browser = browser_of(flow)
    world.broken = {"/pay/3"}
    execution = called(flow, orders=orders(1, 2, 3, 4))
    page = " ".join(browser.get(execution.get_absolute_url()).content.decode().split())
    section = re.search(r'<section class="log" aria-label="Finished items of Each">.*?</section>', page)
    assert section
    assert re.findall(r'href="(/executions/[^"]+)" aria-label="Execution of the item at index (.)"', section[0]) == [
        (f"/executions/{item['executionId']}/", str(item["index"])) for item in entry_of(execution)["finished"]
    ]
    assert browser.get(f"/executions/{execution.pk}/raw/finished-1/").json() == entry_of(execution)["finished"]
    asked = browser.get(f"/executions/{execution.pk}/replay/from/?node=each").content.decode()
    assert "goes on: 2 finished items taken from the record" in asked
    assert "Finished items are not done again" in asked
    world.broken = set()
    answered = browser.post(f"/executions/{execution.pk}/replay/from/", {"node": "each"})
    shown = browser.get(answered.headers["Location"]).content.decode()
    assert "2 items reused" in shown
