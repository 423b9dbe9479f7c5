"""Whatever a record lacks, every door shows the rest: rows that were cut at any place, now or by an earlier FlowHub."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from rest_framework.test import APIClient

from executions.models import Execution
from executions.record import payload, shrinking
from executions.record.status import Status
from executions.running.calls import Caller
from flows.models import Flow
from flows.publishing import versions
from flows.schemas.compiled import compile_schema
from flows.values.scopes import KeyLimits
from mcp_bridge.calls.own_tools import LIST, LOOK, OwnToolCall
from mcp_bridge.calls.own_tools import call as call_own_tool
from mcp_bridge.catalogue.snapshot import Snapshot
from mcp_bridge.keys.principals import Principal
from tests.definitions import answer, chain, node
from tests.factories import call, make_execution, make_flow, make_server, publish

Entries = list[dict[str, Any]]

PRINTS = """
for i in range(100):
    print('line ' + str(i) + ' ' + 'x' * 60)
return ['y' * 1000 for _ in range(1200)]
"""
CUT = {"$truncated": True, "bytes": 90_001, "sha256": "0f" * 32, "head": "<b>", "tail": "</b>"}
MARKER = "[more than 100000 values]"
WORDS = re.compile(r"cut ?from ?the ?record|too large|\$truncated|left out", re.IGNORECASE)

ERROR = {"message": "It broke.", "kind": "node_failed", "causes": ["ValueError: no"]}
TABLE = {"ui": "table", "title": "T", "columns": [], "rows": []}
RESULT = {"content": [{"type": "text", "text": "It broke."}], "structuredContent": TABLE, "isError": False}


def an_entry(node_id: str, node_type: str, **more: Any) -> dict[str, Any]:
    """An entry as it is stored."""
    names = {"nodeId": node_id, "nodeName": node_id.title(), "nodeType": node_type, "status": "completed"}
    times = {"executedAt": "2026-01-02T03:04:05+00:00", "startOffsetMs": 1.0, "durationMs": 2.0}
    data = {"inputData": {"n": 1}, "outputData": {"n": 2}, "error": None}
    return names | times | {"attempts": 1, "handle": "main"} | data | more


def full(status: str) -> Entries:
    """A record whose second node has everything that an entry can have; open when the execution is pending."""
    attempt = {"number": 1, "startedAt": "x", "startOffsetMs": 1.0, "durationMs": 2.0, "error": ERROR}
    is_open = status == Status.PENDING
    work = an_entry(
        "work",
        "code",
        status="pending" if is_open else "error",
        error=ERROR,
        attempts=2,
        attemptLog=[attempt, attempt | {"number": 2}],
        progress={"fraction": 0.5, "message": "Half", "offsetMs": 2.0},
        log=[{"offsetMs": 1.0, "level": "info", "message": "Began", "data": {"n": 1}}],
        logLeftOut=3,
        asked=[{"kind": "user", "offsetMs": 1.0, "waitedMs": None if is_open else 1.0}],
        childExecutions=["01a20735-41c1-7554-b35a-ac21ef891280"],
        finished=[{"index": 0, "output": {"paid": 1}, "executionId": "01a20735-41c1-7554-b35a-ac21ef891280"}],
        reusedItems=2,
        replied=True,
        reused=False,
    )
    skipped = an_entry("table", "ui_table", status="skipped", error={"message": "not reached"}, handle=None)
    return [an_entry("trigger", "trigger"), work, skipped]


def changed(**changes: Any) -> Callable[[Entries], Any]:
    """Something else in fields of the second node."""
    return lambda entries: [entries[0], entries[1] | changes, entries[2]]


def without(name: str) -> Callable[[Entries], Any]:
    """The second node without a field."""

    def lacking(entries: Entries) -> Entries:
        return [entries[0], {key: value for key, value in entries[1].items() if key != name}, entries[2]]

    return lacking


def shrunk(cap: int) -> Callable[[Entries], Any]:
    """As the shrinker of today leaves it."""
    return lambda entries: json.loads(payload.dump(large(entries), cap, redactor=None, rebuild=shrinking.rebuilt))


def shrunk_before(cap: int) -> Callable[[Entries], Any]:
    """As the shrinker of FlowHub 0.1 left it, which knew of no entries."""
    return lambda entries: json.loads(payload.dump(large(entries), cap, redactor=None))


def large(entries: Entries) -> Entries:
    long = {"nodeName": "A name " * 28, "outputData": "o" * 50_000, "progress": {"message": "m" * 900, "offsetMs": 2.0}}
    return [entries[0], entries[1] | long | {"log": entries[1]["log"] * 100}, entries[2]]


def damages() -> Iterator[tuple[str, Callable[[Entries], Any], bool]]:
    """Name, what becomes of a record, and whether its pages have to say that something was cut."""
    for name in full(Status.ERROR)[1]:
        yield f"{name} cut", changed(**{name: CUT}), name not in ("replied", "reused", "reusedItems")
        yield f"{name} missing", without(name), False
        yield f"{name} of another kind", changed(**{name: MARKER}), False
    for name in ("log", "asked", "attemptLog", "childExecutions", "finished"):
        yield f"an item of {name} cut", changed(**{name: [CUT]}), name in ("log", "attemptLog", "finished")
        yield f"an empty item of {name}", changed(**{name: [{}, None]}), False
    yield "a line's message and data cut", changed(log=[{"message": CUT, "level": CUT, "data": CUT}]), True
    yield "an attempt's error cut", changed(attemptLog=[{"error": CUT}]), True
    yield "progress without a time", changed(progress={"message": CUT}), True
    yield "an error in parts", changed(error={"message": CUT, "causes": CUT}), True
    yield "numbers without end", changed(startOffsetMs=10**400, durationMs=10**400, attempts=10**400), False
    yield "a question of another time", changed(asked=[{"offsetMs": 1e300}]), False
    yield "an entry cut", lambda entries: [entries[0], CUT, entries[2]], True
    yield "an entry of another kind", lambda entries: [entries[0], MARKER, None, 5, [], {}], False
    yield "all cut", lambda entries: CUT, True
    yield "all of another kind", lambda entries: MARKER, False
    for cap in (30_000, 8_000, 3_500, 2_000, 300):
        yield f"shrunk to {cap}", shrunk(cap), True
        yield f"shrunk before to {cap}", shrunk_before(cap), True


DAMAGES = list(damages())


def browser_of(flow: Flow) -> Client:
    """The owner's browser."""
    client = Client()
    client.force_login(flow.server.owner)
    return client


def words(html: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def recorded(flow: Flow, status: str, nodes: Any, **more: Any) -> Execution:
    """An execution of the published flow with such a record."""
    values: dict[str, Any] = {"flow_version": flow.published_version, "result": RESULT, "node_executions": nodes}
    if status == Status.ERROR:
        error = ERROR | {"nodeId": "work", "nodeName": "Work"}
        values |= {"error_info": error, "error_kind": "node_failed", "error_preview": "It broke."}
    return make_execution(flow, status=status, **(values | more))


@pytest.fixture
def flow() -> Flow:
    """A published flow whose nodes are those of the record."""
    flow = make_flow(definition=chain(node("work", "code", source="return 1"), node("table", "ui_table", rows=[])))
    versions.publish(flow)
    return flow


@pytest.mark.django_db
@pytest.mark.parametrize(("damage", "says"), [each[1:] for each in DAMAGES], ids=[each[0] for each in DAMAGES])
def test_every_page_of_a_damaged_record_opens(flow: Flow, damage: Callable[[Entries], Any], says: bool) -> None:
    whole, execution, pending = (
        recorded(flow, status, made(full(status)))
        for status, made in ((Status.ERROR, list), (Status.ERROR, damage), (Status.PENDING, damage))
    )
    browser, stored = browser_of(flow), execution.node_executions
    for address in (execution.get_absolute_url(), f"/executions/{pending.pk}/"):
        page = browser.get(address)
        assert page.status_code == 200
        assert not says or WORDS.search(words(page.content.decode()))
    for address in (
        f"/executions/{execution.pk}/?view=graph",
        f"/executions/{execution.pk}/replay/from/?node=work",
        f"/flows/{flow.pk}/compare/?left={whole.pk}&right={execution.pk}",
        f"/flows/{flow.pk}/nodes/table/inputs/",
    ):
        assert browser.get(address, follow=True).status_code == 200, address
    for part in ("input-0", "log-0"):
        found = browser.get(f"/executions/{execution.pk}/raw/{part}/")
        assert found.status_code == (200 if isinstance(stored, list) else 404)
    body = rest(flow).get(f"/api/executions/{execution.pk}/").json()
    assert body["nodeExecutions"] == (stored if isinstance(stored, list) else [stored])


def rest(flow: Flow) -> APIClient:
    """A script of the owner."""
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    return client


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.ERROR, Status.PENDING])
@pytest.mark.parametrize("name", ["initial_params", "result", "error_info", "caller", "node_executions"])
def test_every_page_of_a_record_with_a_part_that_was_cut_whole_opens(flow: Flow, status: Status, name: str) -> None:
    whole = recorded(flow, status, full(status))
    execution = recorded(flow, status, full(status), **{name: CUT})
    browser, at = browser_of(flow), f"/executions/{execution.pk}"
    said = ""
    for view in ("nodes", "graph", "parameters", "exchange"):
        answer = browser.get(f"{execution.get_absolute_url()}?view={view}")
        assert answer.status_code == 200
        said += words(answer.content.decode())
    assert WORDS.search(said) or (name == "error_info" and status == Status.PENDING)
    others = [
        "/",
        "/executions/",
        f"/flows/{flow.pk}/usage/",
        f"/flows/{flow.pk}/insights/",
        f"/flows/{flow.pk}/test/?again={execution.pk}",
        f"/flows/{flow.pk}/compare/?left={whole.pk}&right={execution.pk}",
        f"/flows/{flow.pk}/compare/?left={execution.pk}&right={execution.pk}",
        f"/flows/{flow.pk}/nodes/table/inputs/",
        f"{at}/replay/",
        f"{at}/replay/from/?node=work",
        f"{at}/delete/",
        *(f"{at}/call/{form}/" for form in ("curl", "python", "mcp")),
        *(f"{at}/raw/{part}/" for part in ("params", "request", "caller", "result", "error", "nodes", "contract")),
    ]
    for address in others:
        assert browser.get(address, follow=True).status_code == 200, address
    drawn = browser.get(f"{at}/ui/", headers={"sec-fetch-dest": "iframe"})
    assert drawn.status_code == (404 if name == "result" else 200)
    for address in (f"/api/executions/{execution.pk}/", f"/api/flows/{flow.pk}/executions/", "/api/executions/"):
        assert rest(flow).get(address).status_code == 200, address


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(180)
@pytest.mark.parametrize("status", [Status.ERROR, Status.PENDING])
def test_agents_are_told_what_is_left_of_a_damaged_record_as_the_tools_promise(flow: Flow, status: Status) -> None:
    owner, fits = flow.server.owner, compile_schema(LOOK.wire["outputSchema"])
    who = Principal("key:1", owner.pk, "k", True, KeyLimits(None, None), frozenset(), frozenset(), "")
    snapshot = Snapshot(flow.server.pk, flow.server.slug, "", "", owner.pk, is_public=False, stamp=None)

    def told(tool: Any, **arguments: Any) -> Any:
        asked = OwnToolCall(snapshot, who, Caller("key k", "mcp", identity=who.id), arguments, "2026-07-28")
        result = async_to_sync(call_own_tool)(tool, asked)
        assert result["isError"] is False, result
        return result["structuredContent"]

    for name, damage, says in DAMAGES:
        execution = recorded(flow, status, damage(full(status)), principal_id=who.id, server_slug=flow.server.slug)
        looked = told(LOOK, executionId=str(execution.pk))
        assert list(fits.faults(looked)) == [], name
        assert len(json.dumps(looked)) < 40_000
        wanted = [entry for entry in execution.entries[1:2] if entry.key and entry.status != "skipped"]
        nodes = [told(LOOK, executionId=str(execution.pk), node=(entry.key or entry.name)[:200]) for entry in wanted]
        assert [fault for found in nodes for fault in fits.faults(found)] == [], name
        # Agents are not told how far a node had come.
        assert not says or name.startswith("progress") or WORDS.search(json.dumps([looked, *nodes])), name
    assert len(told(LIST, limit=50)["executions"]) == 50


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["prints", "tells"])
def test_the_pages_of_a_record_above_its_limit_open_and_say_what_was_cut(kind: str) -> None:
    if kind == "prints":
        flow = publish(make_server(), "large", node("work", "code", source=PRINTS), answer("{{ work }}"))
    else:
        nodes = [node(f"set_{number}", "set_fields", fields={"text": "x" * 2000}) for number in range(300)]
        flow = publish(make_server(), "many", *nodes, node("told", "progress", message="m" * 600), answer(1))
    execution = Execution.objects.get(pk=call(flow).pk)
    browser = browser_of(flow)
    assert execution.status == "fulfilled"
    for address in (f"/executions/{execution.pk}/", execution.get_absolute_url()):
        page = browser.get(address)
        assert page.status_code == 200
        assert "cut from the record" in words(page.content.decode())
    names = {entry.name for entry in execution.entries}
    assert names == {each["name"] for each in flow.definition["nodes"]}
    if kind == "prints":
        assert [line.message for line in execution.entries[1].log] == [f"line {i} {'x' * 60}" for i in range(100)]
    else:
        assert execution.entries[-2].progress.message == "m" * 600  # type: ignore[union-attr]
