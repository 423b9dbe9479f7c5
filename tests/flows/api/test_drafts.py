"""A draft is judged while it is being written, all faults at once, and stored as it is."""

import json
from typing import Any

import pytest

from executions.running.targets import published_target
from flows.models import Flow
from flows.pages.editor import editor_of
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server, make_user, release
from tests.flows.api.test_views import rest

pytestmark = pytest.mark.django_db


def check(flow: Flow, **body: Any) -> list[tuple[str, str]]:
    """Each fault's path and key."""
    answered = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/check/", body, format="json")
    assert answered.status_code == 200, answered.json()
    return [(fault["path"], fault["key"]) for fault in answered.json()["faults"]]


def connection(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "sourceNodeId": source, "targetNodeId": target, **more}


def test_faults_of_every_class_come_at_once() -> None:
    flow = make_flow(input_schema={"type": "object", "properties": {"id": {}}, "additionalProperties": False})
    before = flow.definition
    definition = {
        "nodes": [
            node("trigger", "trigger"),
            node("http", "http_request", url="https://example.com/{{ trigger.di }}", verb="GET"),
            node("if", "condition", left="{{ http.status }}", operator="same", right="200"),
            {"type": "delay", "name": "No id", "parameters": {"seconds": 1}},
            node("late", "delay", seconds="soon"),
            node("call", "call_flow", flow="nobody"),
            node("end", "return", text="{{ htpp.body }} {{ secrets.NONE }} {{ trigger.idd }}"),
        ],
        "connections": [
            connection("trigger", "http"),
            connection("http", "if"),
            connection("if", "late", sourceHandle="yes"),
            connection("http", "call"),
            connection("call", "end", sourceHandle="done"),
            {"id": "half", "sourceNodeId": "if"},
        ],
    }
    assert check(flow, definition=definition, toolDescription="", toolName="no good") == [
        ("toolName", ""),
        ("toolDescription", ""),
        ("definition.nodes[3]", "id"),
        ("definition.nodes[3]", "slug"),
        ("definition.connections[5]", "targetNodeId"),
        ("definition.nodes[1].parameters", "verb"),
        ("definition.nodes[2].parameters.operator", ""),
        ("definition.nodes[4].parameters.seconds", ""),
        ("definition.connections[4].sourceHandle", ""),
        ("definition.nodes[6].parameters.text", ""),
        ("definition.nodes[1].parameters.url", ""),
        ("definition.nodes[6].parameters.text", ""),
        ("definition.nodes[6].parameters.text", ""),
        ("definition.nodes[5].parameters.flow", ""),
    ]
    flow.refresh_from_db()
    assert flow.definition == before


def test_nothing_is_made_up_of_what_depends_on_a_fault() -> None:
    """The node between has no id yet: that `fetch` comes before the answer is not doubted."""
    flow = make_flow(input_schema={"type": "object"})
    definition = chain(node("fetch", "delay", seconds=1), answer("{{ fetch.seconds }} {{ new.x }}"))
    definition["nodes"].insert(2, {"type": "delay", "name": "New", "slug": "new", "parameters": {"seconds": 1}})
    definition["connections"][1] = {"id": "c", "sourceNodeId": "fetch"}
    assert check(flow, definition=definition) == [
        ("definition.nodes[2]", "id"),
        ("definition.connections[1]", "targetNodeId"),
    ]


def test_a_sound_draft_has_no_faults_and_the_stored_one_is_judged_without_a_body() -> None:
    flow = make_flow()
    assert (check(flow), check(flow, name="Another")) == ([], [])


@pytest.mark.parametrize("body", [[], "text", 5])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    flow = make_flow()
    assert rest(flow.server.owner).post(f"/api/flows/{flow.pk}/check/", body, format="json").status_code == 400


@pytest.mark.parametrize("definition", [{}, {"nodes": 5, "connections": []}, {"nodes": [5], "connections": [None]}])
def test_any_object_can_stand_for_a_definition(definition: Any) -> None:
    assert check(make_flow(), definition=definition)


def test_a_tool_name_of_another_flow_and_one_that_is_reserved_are_faults() -> None:
    server = make_server()
    make_flow(server, tool_name="taken")
    flow = make_flow(server, tool_name="own")
    assert check(flow, toolName="taken") == [("toolName", "")]
    assert check(flow, toolName="flowhub_x") == [("toolName", "")]


def test_a_flow_of_somebody_else_is_not_found() -> None:
    assert rest(make_user()).post(f"/api/flows/{make_flow().pk}/check/", {}, format="json").status_code == 404


# --- Stored as it is --------------------------------------------------------------------------------------------------


def put(flow: Flow, body: Any, status: int = 200, **headers: str) -> Any:
    sent = rest(flow.server.owner).put(f"/api/flows/{flow.pk}/draft/", body, format="json", headers=headers)
    assert sent.status_code == status, sent.json()
    return sent


def test_a_draft_is_stored_as_it_is_and_the_answer_has_its_faults() -> None:
    flow = make_flow(timeout_seconds=7)
    definition = {"nodes": [{"id": "a", "type": "nothing"}, 5], "connections": [None]}
    answered = put(flow, {"definition": definition, "toolDescription": "", "inputSchema": {"type": 5}})
    assert (answered["ETag"], answered.json()["revision"], answered.json()["notStored"]) == ('"r2"', 2, [])
    assert [(fault["path"], fault["key"]) for fault in answered.json()["faults"]] == [
        ("toolDescription", ""),
        ("definition.nodes[0]", "name"),
        ("definition.nodes[0]", "slug"),
        ("definition.nodes[1]", ""),
        ("definition.connections[0]", ""),
        ("definition.nodes", ""),
        ("inputSchema.type", ""),
    ]
    flow.refresh_from_db()
    assert (flow.definition, flow.tool_description, flow.input_schema) == (definition, "", {"type": 5})
    assert (flow.timeout_seconds, flow.revision) == (7, 2)
    shown = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/draft/")
    assert (shown["ETag"], shown.json()) == (
        '"r2"',
        {
            "name": flow.name,
            "toolName": flow.tool_name,
            "toolDescription": "",
            "whenToUse": "",
            "whenNotToUse": "",
            "definition": definition,
            "inputSchema": {"type": 5},
            "outputSchema": None,
            "annotations": {},
            "timeoutSeconds": 7,
            "answerSeconds": None,
            "revision": 2,
            "faults": answered.json()["faults"],
        },
    )
    edited = editor_of(flow, versions.publishing_faults(flow))
    assert edited["draft"] | {"revision": 2, "faults": edited["faults"]} == shown.json()
    assert edited["nodeTypes"] == rest(flow.server.owner).get("/api/node-types/").json()


def test_no_revision_is_made_of_what_is_stored_already_and_true_is_not_one() -> None:
    flow = make_flow(definition=chain(node("wait", "delay", seconds=1)))
    body = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/draft/").json()
    assert [put(flow, each).json()["revision"] for each in ({}, body)] == [1, 1]
    assert put(flow, {"definition": chain(node("wait", "delay", seconds=True))}).json()["revision"] == 2


def test_what_cannot_be_stored_is_a_fault_at_its_field_and_the_rest_is_stored() -> None:
    server = make_server()
    make_flow(server, tool_name="taken")
    flow = make_flow(server, tool_name="own", name="Own")
    body = {
        "name": "x" * 201,
        "toolName": "taken",
        "toolDescription": {},
        "whenToUse": "often",
        "whenNotToUse": "a\u0000b",
        "annotations": {"title": "a\u0000b"},
        "timeoutSeconds": "soon",
        "answerSeconds": 0,
    }
    answered = put(flow, body).json()
    refused = ["name", "toolName", "toolDescription", "whenNotToUse", "annotations", "timeoutSeconds", "answerSeconds"]
    assert sorted(answered["notStored"]) == sorted(refused)
    assert sorted({fault["path"] for fault in answered["faults"]}) == sorted(refused)
    flow.refresh_from_db()
    assert (flow.tool_name, flow.when_to_use, flow.timeout_seconds, flow.revision) == ("own", "often", 300, 2)
    for name in ("", "No good", "flowhub_x", None):
        assert put(flow, {"toolName": name}).json()["notStored"] == ["toolName"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"definition": 5}, "definition"),
        ({"definition": {}}, "definition"),
        ({"definition": {"nodes": []}}, "definition"),
        ({"definition": {"nodes": [], "connections": [], "notes": {}}}, "definition"),
        ({"definition": {"nodes": [{}] * 501, "connections": []}}, "definition"),
        ({"definition": {"nodes": [json.loads("[" * 80 + "]" * 80)], "connections": []}}, "definition"),
        ({"inputSchema": None}, "inputSchema"),
        ({"outputSchema": []}, "outputSchema"),
        ({"annotations": "x"}, "annotations"),
        ([], "non_field_errors"),
        (5, "non_field_errors"),
    ],
)
def test_what_no_editor_could_show_is_refused_with_a_sentence(body: Any, field: str) -> None:
    flow = make_flow()
    assert list(put(flow, body, 400).json()) == [field]


def test_a_draft_that_began_from_an_older_one_is_refused_with_both_sides() -> None:
    flow = make_flow()
    put(flow, {"whenToUse": "first"}, **{"If-Match": '"r1"'})
    late = put(flow, {"whenToUse": "second"}, 412, **{"If-Match": '"r1"'})
    current = rest(flow.server.owner).get(f"/api/flows/{flow.pk}/draft/").json()
    assert (late["ETag"], late.json()["yours"], late.json()["current"]) == ('"r2"', {"whenToUse": "second"}, current)


def test_a_faulty_draft_leaves_alone_what_clients_call_and_is_not_published() -> None:
    flow = release(make_flow())
    put(flow, {"definition": {"nodes": [], "connections": []}})
    refused = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/publish/", {}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["definition"])
    assert published_target(Flow.objects.get(pk=flow.pk)).graph.trigger.name == "Trigger"


def test_a_draft_of_somebody_else_is_not_found() -> None:
    address = f"/api/flows/{make_flow().pk}/draft/"
    client = rest(make_user())
    assert (client.get(address).status_code, client.put(address, {}, format="json").status_code) == (404, 404)


# --- Ways out ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node_type", "parameters", "handles"),
    [
        ("delay", {"seconds": 1}, ["main"]),
        ("condition", {"left": "{{ trigger.a }}", "operator": "exists"}, ["true", "false"]),
        ("return", {"text": "x"}, []),
    ],
)
def test_the_ways_out_of_a_node_follow_from_its_parameters(node_type: str, parameters: Any, handles: list[str]) -> None:
    address = f"/api/node-types/{node_type}/handles/"
    answered = rest(make_user()).post(address, {"parameters": parameters}, format="json")
    assert (answered.status_code, answered.json()) == (200, {"handles": handles})


def test_parameters_with_faults_have_no_ways_out_and_say_why() -> None:
    answered = rest(make_user()).post("/api/node-types/delay/handles/", {"parameters": {}}, format="json")
    message = '"seconds" is a required property'
    assert (answered.status_code, answered.json()) == (
        400,
        {"parameters": [{"path": "", "key": "seconds", "message": message}]},
    )
    assert rest(make_user()).post("/api/node-types/none/handles/", {"parameters": {}}, format="json").status_code == 404
