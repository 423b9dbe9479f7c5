"""Executions over REST, through its HTTP door."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from executions.models import Execution, KeptDraft
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.factories import STARTED, call, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

TOO_FAR = "The year {} is too far away: write one from 2 to 9998."


def rest(user: Any) -> APIClient:
    """A script that `user` runs."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def item(execution: Execution, **changed: Any) -> dict[str, Any]:
    """The ended execution of `make_execution` as a list shows it."""
    return {
        "id": str(execution.pk),
        "flowId": execution.flow_id,
        "flowName": execution.flow_name,
        "flowToolName": execution.flow_tool_name,
        "status": "fulfilled",
        "startedAt": "2026-01-02T03:04:05Z",
        "endedAt": "2026-01-02T03:04:05.012500Z",
        "duration": 12.5,
        "initialParamsPreview": "",
        "failedNodeName": None,
        "source": "mcp",
        "version": None,
    } | changed


def ids(answer: Any) -> list[str]:
    return [found["id"] for found in answer.json()["items"]]


def test_the_history_of_a_flow_is_the_contracts_envelope_newest_first() -> None:
    flow = make_flow()
    old = make_execution(flow, params_preview="order 7")
    failed = make_execution(
        flow, status="error", started_at=STARTED + timedelta(hours=1), failed_node_name="Fetch", error_kind="timeout"
    )
    make_execution(make_flow(flow.server))
    answer = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/executions/")
    newest = {"startedAt": "2026-01-02T04:04:05Z", "endedAt": "2026-01-02T04:04:05.012500Z"}
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "items": [
                item(failed, status="error", failedNodeName="Fetch", **newest),
                item(old, initialParamsPreview="order 7"),
            ],
            "total": 2,
            "page": 1,
            "limit": 20,
            "totalPages": 1,
            "hasPendingExecutions": False,
        },
    )


def test_a_pending_execution_has_neither_end_nor_duration() -> None:
    execution = make_execution(status=Status.PENDING)
    answer = rest(execution.owner).get("/api/executions/")
    assert answer.json()["items"] == [item(execution, status="pending", endedAt=None, duration=None)]
    assert answer.json()["hasPendingExecutions"] is True


def test_something_pending_is_told_on_every_page_and_filter() -> None:
    flow = make_flow()
    make_execution(flow, status=Status.PENDING)
    make_execution(flow)
    client = rest(flow.server.owner)
    for query in ("status=error", "page=2&limit=1", "search=nothing"):
        assert client.get(f"/api/flows/{flow.pk}/executions/?{query}").json()["hasPendingExecutions"] is True
    assert client.get(f"/api/flows/{make_flow(flow.server).pk}/executions/").json()["hasPendingExecutions"] is False


def test_pages_divide_the_history_and_a_page_beyond_the_end_is_empty() -> None:
    flow = make_flow()
    made = [str(make_execution(flow, started_at=STARTED + timedelta(seconds=n)).pk) for n in range(5)][::-1]
    client = rest(flow.server.owner)
    pages = [client.get(f"/api/flows/{flow.pk}/executions/?limit=2&page={page}") for page in (1, 2, 3, 4, 10**30)]
    assert [ids(page) for page in pages] == [made[0:2], made[2:4], made[4:], [], []]
    assert {(page.status_code, page.json()["total"], page.json()["totalPages"]) for page in pages} == {(200, 5, 3)}


def test_equal_start_times_are_ordered_by_id_so_no_row_is_on_two_pages() -> None:
    flow = make_flow()
    made = sorted((str(make_execution(flow).pk) for _ in range(4)), reverse=True)
    client = rest(flow.server.owner)
    pages = [ids(client.get(f"/api/executions/?limit=3&page={page}")) for page in (1, 2)]
    assert pages == [made[:3], made[3:]]


@pytest.mark.parametrize("address", ["/api/flows/{id}/executions/", "/api/executions/"])
@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("status=nonsense", {"status": ["nonsense is not one of the choices: pending, fulfilled, error."]}),
        (
            "errorKind=bad",
            {
                "errorKind": [
                    "bad is not one of the choices: node_failed, node_crashed, timeout, cancelled, interrupted, "
                    "rejected, record_error."
                ]
            },
        ),
        ("source=post", {"source": ["post is not one of the choices: mcp, test, replay, api."]}),
        ("version=latest", {"version": ["Write the number of a version, such as 3, or draft."]}),
        ("version=0", {"version": ["Write the number of a version, such as 3, or draft."]}),
        ("version=99999999999", {"version": ["Write the number of a version, such as 3, or draft."]}),
        ("page=0", {"page": ["Write a whole number of at least 1."]}),
        ("page=1.5", {"page": ["Write a whole number of at least 1."]}),
        ("limit=0", {"limit": ["Write a whole number from 1 to 100."]}),
        ("limit=101", {"limit": ["Write a whole number from 1 to 100."]}),
        ("limit=ten", {"limit": ["Write a whole number from 1 to 100."]}),
        ("startedAfter=soon", {"startedAfter": ["Enter a valid date/time."]}),
        ("startedAfter=0001-01-01T00:00:00%2B23:59", {"startedAfter": [TOO_FAR.format(1)]}),
        ("startedBefore=9999-12-31T23:59:59-23:59", {"startedBefore": [TOO_FAR.format(9999)]}),
        ("minDuration=NaN", {"minDuration": ["Enter a number."]}),
        ("flow=mine", {"flow": ["Enter a whole number."]}),
    ],
)
def test_a_query_that_means_nothing_is_refused(address: str, query: str, fault: dict[str, Any]) -> None:
    flow = make_flow()
    answer = rest(flow.server.owner).get(f"{address.replace('{id}', str(flow.pk))}?{query}")
    assert (answer.status_code, answer.json()) == (400, fault)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=error", "b"),
        ("flow={flow}", "a"),
        ("tool=find_order", "a"),
        ("tool=find", ""),
        ("startedAfter=2026-01-02T03:04:06Z", "b"),
        ("startedBefore=2026-01-02T03:04:06Z", "a"),
        ("startedAfter=2026-01-02T04:04:06%2B01:00&startedBefore=2027-01-01T00:00:00Z", "b"),
        ("minDuration=12.5", "ab"),
        ("minDuration=12.6", "b"),
        ("maxDuration=100", "a"),
        ("caller=claude", "b"),
        ("errorKind=timeout", "b"),
        ("search=ORDER", "a"),
        ("search=inspector", "a"),
        ("search=bread", "b"),
        ("search={id}", "b"),
        ("search={prefix}", "b"),
        ("search=deadbeef", ""),
        ("status=error&tool=find_order", ""),
        ("", "ab"),
    ],
)
def test_executions_are_filtered(query: str, found: str) -> None:
    user = make_user()
    server = make_server(user)
    first, second = make_flow(server, tool_name="find_order"), make_flow(server, tool_name="bake")
    a = make_execution(first, caller_name="Inspector 1.0 with user eve")
    b = make_execution(
        second,
        status="error",
        started_at=STARTED + timedelta(minutes=1),
        duration_ms=2000.0,
        error_kind="timeout",
        caller_name="Claude 4 with key kitchen",
        params_preview="kind: bread",
    )
    query = query.format(flow=first.pk, id=b.pk, prefix=str(b.pk)[:11].upper())
    answer = rest(user).get(f"/api/executions/?{query}")
    assert (answer.status_code, set(ids(answer))) == (200, {str({"a": a, "b": b}[name].pk) for name in found})


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("Ada Lovelace", "a"),
        ("LOVELACE", "a"),
        ("paid", "ab"),
        ("structured", "a"),
        ('a "quoted" word', "b"),
        ("n:21", "ab"),
        ('n:"21"', "b"),
        ("n:21.0", "a"),
        ("n:2", ""),
        ("seats:4", "a"),
        ("seats:4.0", "a"),
        ("seats:4.00", ""),
        ("deep:true", "b"),
        ("deep:null", ""),
        ("state:paid", "a"),
        ('name:"Ada Lovelace"', "a"),
        ('"n:21"', "c"),
        ('"status: n:21"', "c"),
        ("see:n", ""),
        ("https://example.org", "c"),
        ("100%", ""),
        ("_", "abc"),
    ],
)
def test_search_looks_at_every_parameter_and_at_the_answer(search: str, found: str) -> None:
    flow = make_flow()
    a = make_execution(
        flow,
        initial_params={"first": 1, "customer": {"name": "Ada Lovelace", "n": 21}, "seats": 4.0},
        result={"content": [{"type": "text", "text": "Paid."}], "structuredContent": {"state": "paid"}},
    )
    b = make_execution(
        flow,
        initial_params={"first": 1, "list": [{"n": "21"}, {"deep": True}], "note": 'a "quoted" word'},
        result={"content": [{"type": "text", "text": "status: not_paid"}], "isError": False},
    )
    c = make_execution(flow, note="status: n:21, https://example.org/")
    made = {"a": a, "b": b, "c": c}
    answer = rest(flow.server.owner).get("/api/executions/", {"search": search})
    expected = {str(made[name].pk) for name in found}
    assert set(ids(answer)) == expected
    assert set(ids(rest(make_user()).get("/api/executions/", {"search": search}))) == set()


def test_executions_are_found_by_their_source_and_version() -> None:
    """A refused call ran nothing, so it is no draft."""
    flow = make_flow()
    first, second = versions.publish(flow), versions.publish(flow)
    called = make_execution(flow, flow_version=first)
    replayed = make_execution(flow, flow_version=second, source="replay")
    tried = make_execution(flow, source="test")
    refused = make_execution(flow, status="error", error_kind="rejected")
    client = rest(flow.server.owner)
    asked = {
        "source=mcp": {called, refused},
        "source=test": {tried},
        "source=replay&version=2": {replayed},
        "source=api": set(),
        "version=1": {called},
        "version=3": set(),
        "version=draft": {tried},
    }
    for address in ("/api/executions/", f"/api/flows/{flow.pk}/executions/"):
        for query, found in asked.items():
            assert set(ids(client.get(f"{address}?{query}"))) == {str(each.pk) for each in found}, query
    shown = {(row["source"], row["version"]) for row in client.get("/api/executions/").json()["items"]}
    assert shown == {("mcp", 1), ("replay", 2), ("test", None), ("mcp", None)}


def test_a_list_of_any_length_takes_three_queries_and_loads_no_payload(django_assert_num_queries: Any) -> None:
    flow = make_flow()
    for _ in range(9):
        make_execution(flow)
    client = rest(flow.server.owner)
    with django_assert_num_queries(3) as queries:
        assert client.get("/api/executions/").json()["total"] == 9
    with django_assert_num_queries(3):
        assert client.get(f"/api/flows/{flow.pk}/executions/").json()["total"] == 9
    assert not [query for query in queries if "node_executions" in query["sql"] or "initial_params" in query["sql"]]


def test_an_execution_is_shown_whole_with_its_data_untouched(django_assert_num_queries: Any) -> None:
    flow = make_flow()
    version = versions.publish(flow)
    data = {
        "initial_params": {"snake_key": 1, "camelKey": [None, 2**70, 0.5, "ünï"]},
        "node_executions": [{"nodeId": "t", "outputData": {"keep_me": True}}],
        "result": {"content": [], "isError": False},
        "caller": {"clientName": "x"},
        "flow_version": version,
    }
    execution = make_execution(flow, **data)
    expected = item(execution, version=1) | {
        "initialParams": data["initial_params"],
        "nodeExecutions": data["node_executions"],
        "request": {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": flow.tool_name, "arguments": data["initial_params"]},
        },
        "result": data["result"],
        "errorInfo": None,
        "caller": data["caller"],
        "replayOf": None,
        "parent": None,
        "children": [],
        "waitingFor": None,
        "isPinned": False,
        "note": "",
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:05.012500Z",
    }
    client = rest(flow.server.owner)
    with django_assert_num_queries(4):
        alone = client.get(f"/api/executions/{execution.pk}/")
    with django_assert_num_queries(4):
        in_flow = client.get(f"/api/flows/{flow.pk}/executions/{execution.pk}/")
    assert (alone.status_code, alone.json()) == (in_flow.status_code, in_flow.json()) == (200, expected)


def test_an_execution_names_its_parent_and_the_children_that_the_caller_may_see(
    django_assert_num_queries: Any,
) -> None:
    parent = make_execution()
    second = make_execution(parent.flow, parent=parent, started_at=STARTED + timedelta(seconds=1))
    first = make_execution(parent.flow, parent=parent)
    make_execution(parent=parent)
    client = rest(parent.owner)
    with django_assert_num_queries(3):
        above = client.get(f"/api/executions/{parent.pk}/").json()
    times = {"startedAt": "2026-01-02T03:04:06Z", "endedAt": "2026-01-02T03:04:06.012500Z"}
    assert (above["parent"], above["children"]) == (None, [item(first), item(second, **times)])
    below = client.get(f"/api/executions/{first.pk}/").json()
    assert (below["parent"], below["children"]) == (str(parent.pk), [])


def test_executions_of_a_deleted_flow_are_still_listed_and_shown() -> None:
    flow = make_flow(name="Gone", tool_name="gone")
    versions.publish(flow)
    execution = make_execution(flow, flow_version=flow.published_version)
    versions.delete(flow)
    client = rest(execution.owner)
    assert client.get("/api/executions/?tool=gone").json()["items"] == [item(execution, flowId=None, version=1)]
    assert client.get(f"/api/executions/{execution.pk}/").json()["version"] == 1


@pytest.mark.parametrize(
    "address",
    [
        "/api/executions/{execution}/",
        "/api/flows/{flow}/executions/{execution}/",
        "/api/flows/{flow}/executions/",
        "/api/executions/nonsense/",
        "/api/executions/00000000-0000-0000-0000-000000000000/",
        "/api/flows/nonsense/executions/",
        "/api/flows/{flow}/executions/nonsense/",
    ],
)
def test_foreign_and_unknown_executions_are_not_found(address: str) -> None:
    execution = make_execution()
    answer = rest(make_user()).get(address.format(flow=execution.flow_id, execution=execution.pk))
    assert answer.status_code == 404
    assert list(answer.json()) == ["detail"]


def test_an_execution_is_found_only_under_its_own_flow() -> None:
    execution = make_execution()
    other = make_flow(execution.flow.server)
    answer = rest(execution.owner).get(f"/api/flows/{other.pk}/executions/{execution.pk}/")
    assert answer.status_code == 404


def test_the_list_holds_what_the_caller_may_see_and_an_operator_sees_all() -> None:
    mine, other = make_execution(), make_execution()
    assert ids(rest(mine.owner).get("/api/executions/")) == [str(mine.pk)]
    assert set(ids(rest(make_user(is_superuser=True)).get("/api/executions/"))) == {str(mine.pk), str(other.pk)}
    assert ids(rest(mine.owner).get(f"/api/executions/?flow={other.flow_id}")) == []


@pytest.mark.parametrize("address", ["executions/", "executions/x/", "flows/1/executions/", "flows/1/executions/x/"])
def test_a_stranger_is_unauthenticated(address: str, client: Client) -> None:
    answer = client.get(f"/api/{address}")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Authentication credentials were not provided."})


def test_no_caller_writes_a_record() -> None:
    execution = make_execution()
    client, alone = rest(execution.owner), f"/api/executions/{execution.pk}/"
    in_flow = f"/api/flows/{execution.flow_id}/executions/{execution.pk}/"
    addresses = {alone: ["post", "put"], in_flow: ["post", "put", "patch", "delete"]}
    for address, methods in (addresses | {"/api/executions/": ["post", "put", "patch", "delete"]}).items():
        for method in methods:
            assert getattr(client, method)(address, {}, format="json").status_code == 405
    refused = client.patch(alone, {"status": "error", "result": 1, "note": "y"}, format="json")
    said = ["There is no member of this name. There are: note."]
    assert (refused.status_code, refused.json()) == (400, {"status": said, "result": said})
    assert client.patch(alone, {"note": "x"}, format="json").status_code == 200
    stored = Execution.objects.get()
    assert (stored.status, stored.result, stored.note) == (Status.FULFILLED, None, "x")


def test_an_execution_names_its_original_its_parent_and_its_children() -> None:
    flow = make_flow()
    parent, original = make_execution(flow), make_execution(flow)
    child = make_execution(flow, parent=parent, replay_of=original)
    foreign = make_execution(parent=parent)
    client = rest(flow.server.owner)
    shown = client.get(f"/api/executions/{child.pk}/").json()
    assert (shown["replayOf"], shown["parent"], shown["children"]) == (str(original.pk), str(parent.pk), [])
    assert client.get(f"/api/executions/{parent.pk}/").json()["children"] == [item(child)]
    operator = rest(make_user(is_superuser=True))
    assert operator.get(f"/api/executions/{parent.pk}/").json()["children"] == [item(child), item(foreign)]


def test_a_note_is_written_and_one_that_is_none_is_refused() -> None:
    execution = make_execution()
    client, address = rest(execution.owner), f"/api/executions/{execution.pk}/"
    answer = client.patch(address, {"note": "Retried by hand"}, format="json")
    assert (answer.status_code, answer.json()["note"]) == (200, "Retried by hand")
    assert client.get(address).json() == answer.json()
    for body in ({"note": None}, {"note": "x" * 2001}, {"note": "\0"}):
        assert client.patch(address, body, format="json").status_code == 400
    assert client.patch(address, {"note": ""}, format="json").json()["note"] == ""


def test_a_pinned_execution_is_deleted_only_once_it_is_unpinned() -> None:
    execution = make_execution()
    client, address = rest(execution.owner), f"/api/executions/{execution.pk}/"
    assert client.post(f"{address}pin/", {"isPinned": True}, format="json").json()["isPinned"] is True
    refused = client.delete(address)
    assert (refused.status_code, refused.json()) == (409, {"detail": "The execution is pinned. Unpin it first."})
    assert client.post(f"{address}pin/", {}, format="json").status_code == 400
    assert client.post(f"{address}pin/", {"isPinned": False}, format="json").json()["isPinned"] is False
    assert (client.delete(address).status_code, client.get(address).status_code) == (204, 404)


def test_a_pending_execution_is_not_deleted() -> None:
    execution = make_execution(status=Status.PENDING)
    assert rest(execution.owner).delete(f"/api/executions/{execution.pk}/").status_code == 409


def test_nobody_acts_on_a_foreign_execution() -> None:
    execution = make_execution()
    client, address = rest(make_user()), f"/api/executions/{execution.pk}/"
    answers = [client.post(f"{address}{action}/", {"isPinned": True}, format="json") for action in ("replay", "pin")]
    answers += [client.patch(address, {"note": "x"}, format="json"), client.delete(address)]
    assert [answer.status_code for answer in answers] == [404] * 4
    stored = Execution.objects.get()
    assert (stored.is_pinned, stored.note) == (False, "")


def test_an_execution_that_has_ended_cannot_be_cancelled() -> None:
    execution = make_execution()
    answer = rest(execution.owner).post(f"/api/executions/{execution.pk}/cancel/")
    detail = "The execution has ended; there is nothing to stop."
    assert (answer.status_code, answer.json()) == (409, {"detail": detail})
    assert rest(make_user()).post(f"/api/executions/{execution.pk}/cancel/").status_code == 404


class TestDraft:
    """Calling the saved draft; the ledger writes on its own connection, so the rows must be committed."""

    pytestmark = pytest.mark.django_db(transaction=True)

    def draft(self, answer: str = "Hello {{ trigger.name }}") -> Flow:
        definition = {
            "nodes": [
                {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger"},
                {"id": "r", "type": "return", "name": "Answer", "slug": "answer", "parameters": {"text": answer}},
            ],
            "connections": [{"id": "c", "sourceNodeId": "t", "targetNodeId": "r"}],
        }
        schema = {"type": "object", "properties": {"name": {}}, "required": ["name"], "additionalProperties": False}
        return make_flow(definition=definition, input_schema=schema)

    def test_a_draft_is_called_and_its_execution_is_answered_whole(self) -> None:
        flow = self.draft()
        client = rest(flow.server.owner)
        answer = client.post(f"/api/flows/{flow.pk}/test/", {"arguments": {"name": "Ada"}}, format="json")
        assert answer.status_code == 201
        assert answer.json() == client.get(f"/api/executions/{answer.json()['id']}/").json()
        shown = {name: answer.json()[name] for name in ("status", "initialParams", "result", "errorInfo", "version")}
        assert shown == {
            "status": "fulfilled",
            "initialParams": {"name": "Ada"},
            "result": {"content": [{"type": "text", "text": "Hello Ada"}], "isError": False},
            "errorInfo": None,
            "version": None,
        }
        assert answer.json()["caller"]["source"] == "api"
        assert [entry["status"] for entry in answer.json()["nodeExecutions"]] == ["completed", "completed"]

    def test_a_flow_may_name_the_moment_its_caller_and_its_execution(self) -> None:
        flow = self.draft("{{ now }} {{ caller.principal }} {{ caller.clientName }}! {{ execution.id }}")
        answer = rest(flow.server.owner).post(
            f"/api/flows/{flow.pk}/test/", {"arguments": {"name": "Ada"}}, format="json"
        )
        found = answer.json()
        now, said = found["result"]["content"][0]["text"].split(" ", 1)
        assert said == f"user {flow.server.owner.username} ! {found['id']}"
        began = datetime.fromisoformat(found["startedAt"]).replace(microsecond=0)
        assert now.endswith("Z")
        assert datetime.fromisoformat(now).replace(microsecond=0) == began

    def test_a_draft_that_fails_is_an_execution_too_and_names_the_node(self) -> None:
        flow = self.draft("{{ trigger.name.deeper }}")
        answer = rest(flow.server.owner).post(
            f"/api/flows/{flow.pk}/test/", {"arguments": {"name": "Ada"}}, format="json"
        )
        shown = (answer.status_code, answer.json()["status"], answer.json()["failedNodeName"])
        assert shown == (201, "error", "Answer")

    def test_arguments_that_break_the_schema_are_refused_each_at_its_path(self) -> None:
        flow = self.draft()
        answer = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", {"arguments": {"nam": 1}}, format="json")
        assert answer.status_code == 400
        assert list(answer.json()) == ["arguments"]
        assert {tuple(sorted(fault)) for fault in answer.json()["arguments"]} == {("key", "message", "path")}
        assert not Execution.objects.exists()

    def test_a_draft_that_is_no_graph_is_refused_with_its_faults(self) -> None:
        flow = make_flow(definition={"nodes": [], "connections": []})
        answer = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", {}, format="json")
        fault = {"path": "nodes", "key": "", "message": "a flow needs one node of type 'trigger', where calls come in"}
        assert (answer.status_code, answer.json()) == (400, {"definition": [fault]})

    def test_a_schema_of_the_draft_that_is_none_is_refused_at_its_place(self) -> None:
        flow = make_flow(input_schema={"properties": 5})
        answer = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", {}, format="json")
        assert (answer.status_code, [(name, faults[0]["path"]) for name, faults in answer.json().items()]) == (
            400,
            [("inputSchema", "properties")],
        )

    def test_arguments_are_an_object(self) -> None:
        flow = self.draft()
        answer = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", {"arguments": [1]}, format="json")
        assert (answer.status_code, answer.json()) == (400, {"arguments": ["Write a JSON object."]})

    def test_a_foreign_draft_is_not_found(self) -> None:
        answer = rest(make_user()).post(f"/api/flows/{self.draft().pk}/test/", {}, format="json")
        assert answer.status_code == 404

    # As far as a node, and with outputs that are given

    def fetching(self, **fetch: Any) -> Flow:
        """Two nodes that would fail, an answer of theirs, and a node behind another one that has faults."""
        first = node("first", "http_request", url="http://127.0.0.1:9/", method="GET")
        definition = chain(first | fetch, node("shout", "template", text="{{ first.body }}!"), answer("{{ shout }}"))
        definition["nodes"].append(node("half", "http_request"))
        definition["connections"].append({"id": "h", "sourceNodeId": "shout", "targetNodeId": "half"})
        return make_flow(definition=definition, output_schema={"type": "string"})

    def tried(self, flow: Flow, status: int = 201, **body: Any) -> Any:
        answered = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/test/", body, format="json")
        assert answered.status_code == status, answered.json()
        return answered.json()

    def test_as_far_as_a_node_is_as_far_as_is_executed_whatever_is_wrong_behind_it(self) -> None:
        flow = self.fetching()
        found = self.tried(flow, untilNode="shout", outputs={"first": {"body": "Ada"}, "answer": "of no use"})
        assert [
            (entry["nodeId"], entry["status"], entry.get("reused"), entry.get("given"), entry["outputData"])
            for entry in found["nodeExecutions"]
        ] == [
            ("trigger", "completed", None, None, {}),
            ("first", "completed", True, True, {"body": "Ada"}),
            ("shout", "completed", None, None, "Ada!"),
        ]
        said = "Executed as far as 'Shout', as it was asked for; the record has what the node gave."
        assert (found["status"], found["result"]["content"]) == ("fulfilled", [{"type": "text", "text": said}])
        faults = self.tried(flow, 400)["definition"]
        assert {fault["path"] for fault in faults} == {"nodes[4].parameters"}

    def test_a_held_output_stands_for_its_node_in_test_calls_alone_and_a_given_one_comes_before_it(self) -> None:
        flow = self.fetching(heldOutput={"body": "held"})
        held = self.tried(flow, untilNode="shout")["nodeExecutions"][2]["outputData"]
        given = self.tried(flow, untilNode="shout", outputs={"first": {"body": "given"}})["nodeExecutions"][2]
        assert (held, given["outputData"]) == ("held!", "given!")
        assert KeptDraft.objects.count() == 1
        assert "held!" not in str(KeptDraft.objects.get().definition)
        page = Client()
        page.force_login(flow.server.owner)
        flow.definition = {**flow.definition, "nodes": flow.definition["nodes"][:-1]}
        flow.definition["connections"] = flow.definition["connections"][:-1]
        flow.save()
        called = page.post(f"/flows/{flow.pk}/test/", {"do": "call", "version": "draft"}, follow=True)
        assert "this output was given for the test" in called.content.decode()
        assert Execution.objects.order_by("-started_at")[0].result["structuredContent"] == "held!"
        versions.publish(flow)
        assert call(flow).error_info["nodeId"] == "first"

    def test_a_node_that_no_branch_leads_to_is_said(self) -> None:
        check = node("check", "condition", left="{{ trigger.name }}", operator="exists")
        definition = chain(check, node("last", "delay", seconds=0))
        definition["connections"][1]["sourceHandle"] = "false"
        flow = make_flow(definition=definition, input_schema={"type": "object"})
        found = self.tried(flow, untilNode="last", arguments={"name": 1})
        said = "With these arguments no branch led to 'Last'; the record shows the way that was taken."
        assert (found["status"], found["result"]["content"][0]["text"]) == ("fulfilled", said)
        assert self.tried(flow, untilNode="trigger")["nodeExecutions"][-1]["nodeId"] == "trigger"

    @pytest.mark.parametrize(
        ("body", "field", "words"),
        [
            ({"untilNode": "gone"}, "untilNode", "'gone' is no node of the flow."),
            ({"untilNode": "island"}, "untilNode", "'Island' cannot be reached: lead a connection to it from the "),
            ({"untilNode": "off"}, "untilNode", "'off' is disabled, so it is not executed: enable it, or choose "),
            ({"outputs": {"gone": 1}}, "outputs", "'gone' is no node of the flow."),
            ({"outputs": {"gone": 1}, "untilNode": "trigger"}, "outputs", "'gone' is no node of the flow."),
            ({"outputs": {"island": 1}}, "outputs", "'Island' cannot be reached"),
            ({"outputs": {"trigger": 1}}, "outputs", "the trigger puts out the arguments: give those instead"),
            ({"outputs": {"answer": 1}}, "outputs", "an output cannot stand for 'Answer', because it does not go on"),
            ({"outputs": [1]}, "outputs", "Write a JSON object."),
            ({"untilNode": ""}, "untilNode", "This field may not be blank."),
        ],
    )
    def test_what_the_graph_does_not_have_is_refused_with_a_sentence(
        self, body: dict[str, Any], field: str, words: str
    ) -> None:
        definition = chain(node("off", "delay", seconds=0) | {"disabled": True}, answer("x"))
        definition["nodes"].append(node("island", "delay", seconds=0) | {"heldOutput": 1})
        refused = self.tried(make_flow(definition=definition), 400, **body)
        assert list(refused) == [field]
        [fault] = refused[field]
        assert (fault if isinstance(fault, str) else fault["message"]).startswith(words)
        assert not Execution.objects.exists()

    def test_a_question_on_the_way_to_a_node_is_answered_and_ends_there(self) -> None:
        ask = node("ask", "ask_user", message="Who?")
        definition = chain(node("first", "delay", seconds=9), ask, node("shout", "template", text="{{ first }}"))
        definition["nodes"].append(answer("x"))
        definition["connections"][2]["sourceHandle"] = "accept"
        definition["connections"].append({"id": "e", "sourceNodeId": "shout", "targetNodeId": "answer"})
        flow = make_flow(definition=definition)
        asked = self.tried(flow, untilNode="shout", outputs={"first": "given"})
        assert asked["status"] == "pending"
        body = {"answers": {"ask": {"action": "accept", "content": {}}}}
        ended = rest(flow.server.owner).post(f"/api/executions/{asked['id']}/answer/", body, format="json")
        assert ended.status_code == 200, ended.json()
        entries = rest(flow.server.owner).get(f"/api/executions/{asked['id']}/").json()["nodeExecutions"]
        assert [entry["nodeId"] for entry in entries] == ["trigger", "first", "ask", "shout"]
        assert entries[-1]["outputData"] == "given"
