"""Flows over REST, through its HTTP door."""

import copy
import importlib
import json
import pkgutil
from typing import Any

import pytest
from django.test import Client
from rest_framework import serializers
from rest_framework.test import APIClient

from executions.models import Execution
from flows.api import fields
from flows.models import Flow, empty_definition, empty_input_schema
from flows.publishing import versions
from tests.factories import announcements, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

TWO_NODES = {
    "nodes": [
        {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger", "parameters": {}},
        {
            "id": "r",
            "type": "return",
            "name": "Answer",
            "slug": "answer",
            "parameters": {"text": "{{ trigger.Some_Key }}"},
        },
    ],
    "connections": [{"id": "c", "sourceNodeId": "t", "targetNodeId": "r"}],
}
SCHEMA = {"type": "object", "properties": {"Some_Key": {"type": "string"}}, "required": ["Some_Key"]}


def rest(user: Any) -> APIClient:
    """A script that `user` runs."""
    client = APIClient()
    client.force_authenticate(user)
    return client


def wire_time(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def item(flow: Flow, **changed: Any) -> dict[str, Any]:
    """The flow as a list shows it."""
    return {
        "id": flow.pk,
        "server": flow.server.slug,
        "name": flow.name,
        "toolName": flow.tool_name,
        "toolDescription": flow.tool_description,
        "isActive": flow.is_active,
        "publishedVersion": None,
        "revision": flow.revision,
        "createdAt": wire_time(flow.created_at),
        "updatedAt": wire_time(flow.updated_at),
    } | changed


def whole(flow: Flow, **changed: Any) -> dict[str, Any]:
    """The flow as its own address shows it."""
    rest_of_it = {
        "whenToUse": flow.when_to_use,
        "whenNotToUse": flow.when_not_to_use,
        "inputSchema": flow.input_schema,
        "outputSchema": flow.output_schema,
        "annotations": flow.annotations,
        "definition": flow.definition,
        "timeoutSeconds": flow.timeout_seconds,
        "answerSeconds": flow.answer_seconds,
        "hasUnpublishedChanges": True,
    }
    return item(flow) | rest_of_it | changed


def test_the_list_is_an_envelope_around_the_flows_of_the_caller() -> None:
    server = make_server()
    second, first = make_flow(server, name="Zebra"), make_flow(server, name="Apple")
    make_flow()
    answer = rest(server.owner).get("/api/flows/")
    assert (answer.status_code, answer.json()) == (
        200,
        {"items": [item(first), item(second)], "total": 2, "page": 1, "limit": 20, "totalPages": 1},
    )


def test_a_list_of_any_length_takes_three_queries(django_assert_num_queries: Any) -> None:
    server = make_server()
    for _ in range(7):
        versions.publish(make_flow(server))
    client = rest(server.owner)
    with django_assert_num_queries(3):
        answer = client.get("/api/flows/")
    assert [flow["publishedVersion"] for flow in answer.json()["items"]] == [1] * 7


def test_an_empty_list_has_no_pages() -> None:
    answer = rest(make_user()).get("/api/flows/")
    assert answer.json() == {"items": [], "total": 0, "page": 1, "limit": 20, "totalPages": 0}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("server=one", ["a", "b"]),
        ("server=nowhere", []),
        ("isActive=true", ["a", "c"]),
        ("isActive=false", ["b"]),
        ("search=WEATHER", ["b", "c"]),
        ("server=one&isActive=true&search=a", ["a"]),
        ("page=2&limit=2", ["c"]),
        ("page=9", []),
    ],
)
def test_flows_are_filtered_and_paged(query: str, found: list[str]) -> None:
    user = make_user()
    one, two = make_server(user, "one"), make_server(user, "two")
    make_flow(one, name="a", tool_name="orders", tool_description="Finds an order.")
    make_flow(one, name="b", tool_name="weather", tool_description="Tells it.", is_active=False)
    make_flow(two, name="c", tool_name="forecast", tool_description="The weather of tomorrow.")
    answer = rest(user).get(f"/api/flows/?{query}")
    assert [flow["name"] for flow in answer.json()["items"]] == found


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("isActive=perhaps", {"isActive": ["perhaps is not one of the choices: true, false."]}),
        ("page=0", {"page": ["Write a whole number of at least 1."]}),
        ("page=two", {"page": ["Write a whole number of at least 1."]}),
        ("limit=101", {"limit": ["Write a whole number from 1 to 100."]}),
        ("limit=-1", {"limit": ["Write a whole number from 1 to 100."]}),
        ("limit=" + "9" * 2000, {"limit": ["Write a whole number from 1 to 100."]}),
        ("search=%00", {"search": ["Null characters are not allowed."]}),
    ],
)
def test_a_query_that_means_nothing_is_refused_with_what_may_be_written(query: str, fault: dict[str, Any]) -> None:
    answer = rest(make_user()).get(f"/api/flows/?{query}")
    assert (answer.status_code, answer.json()) == (400, fault)


def test_a_flow_is_shown_whole_with_its_data_untouched(django_assert_num_queries: Any) -> None:
    flow = make_flow(
        definition=TWO_NODES,
        input_schema=SCHEMA,
        output_schema={"type": "object"},
        annotations={"readOnlyHint": True, "snake_case": 1},
        when_to_use="When asked.",
        when_not_to_use="Else.",
        timeout_seconds=7,
    )
    client = rest(flow.server.owner)
    with django_assert_num_queries(2):
        answer = client.get(f"/api/flows/{flow.pk}/")
    assert (answer.status_code, answer.json()) == (200, whole(flow))
    assert answer.json()["definition"] == TWO_NODES


def test_a_new_flow_is_a_draft_with_the_defaults_of_the_model() -> None:
    server = make_server()
    body = {"server": server.slug, "name": "Echo", "toolName": "echo", "toolDescription": "Says it again."}
    answer = rest(server.owner).post("/api/flows/", body, format="json")
    flow = Flow.objects.get()
    assert (answer.status_code, answer.json()) == (201, whole(flow))
    assert (flow.definition, flow.input_schema, flow.is_active) == (empty_definition(), empty_input_schema(), True)
    assert flow.published_version is None


def test_a_new_flow_keeps_everything_that_is_sent() -> None:
    server = make_server()
    body = {
        "server": server.slug,
        "name": "Echo",
        "toolName": "echo",
        "toolDescription": "Says it again.",
        "whenToUse": "To hear it twice.",
        "whenNotToUse": "In libraries.",
        "inputSchema": SCHEMA,
        "outputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
        "definition": TWO_NODES,
        "isActive": False,
        "timeoutSeconds": 9,
        "answerSeconds": 5,
    }
    answer = rest(server.owner).post("/api/flows/", body, format="json")
    assert (answer.status_code, answer.json()) == (201, whole(Flow.objects.get()))
    assert answer.json() | body == answer.json()


def test_an_expression_that_names_no_parameter_of_the_tool_is_a_fault_where_it_stands() -> None:
    flow = make_flow(definition=empty_definition())
    body = {"definition": TWO_NODES, "inputSchema": SCHEMA | {"additionalProperties": False}}
    client = rest(flow.server.owner)
    renamed = client.patch(
        f"/api/flows/{flow.pk}/",
        body | {"inputSchema": {"type": "object", "properties": {"Some_Kex": {}}, "additionalProperties": False}},
        format="json",
    )
    message = "{{ trigger.Some_Key }}: trigger has no 'Some_Key'; it has: Some_Kex. Did you mean 'Some_Kex'?"
    assert (renamed.status_code, renamed.json()) == (
        400,
        {"definition": [{"path": "nodes[1].parameters.text", "key": "", "message": message}]},
    )
    assert client.patch(f"/api/flows/{flow.pk}/", body, format="json").status_code == 200
    closed = {"inputSchema": {"type": "object", "additionalProperties": False}}
    assert list(client.patch(f"/api/flows/{flow.pk}/", closed, format="json").json()) == ["definition"]


def test_every_fault_of_a_definition_is_named_with_its_path() -> None:
    server = make_server()
    definition = {
        "nodes": [
            {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger"},
            {"id": "x", "type": "teleport", "name": "Away", "slug": "secrets"},
        ],
        "connections": [{"id": "c", "sourceNodeId": "t", "targetNodeId": "gone"}],
    }
    body = {"server": server.slug, "name": "N", "toolName": "n", "toolDescription": "D", "definition": definition}
    answer = rest(server.owner).post("/api/flows/", body, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["definition"]
    assert [fault["path"] for fault in answer.json()["definition"]] == [
        "nodes[1].slug",
        "nodes[1].type",
        "connections[0].targetNodeId",
    ]
    assert "there is no node type 'teleport'" in answer.json()["definition"][1]["message"]
    assert not Flow.objects.exists()


def test_a_schema_that_is_none_is_refused_at_its_path() -> None:
    flow = make_flow()
    body = {"inputSchema": {"type": "array"}, "outputSchema": {"type": "nonsense"}}
    answer = rest(flow.server.owner).patch(f"/api/flows/{flow.pk}/", body, format="json")
    assert answer.status_code == 400
    assert sorted(answer.json()) == ["inputSchema", "outputSchema"]
    for faults in answer.json().values():
        assert [sorted(fault) for fault in faults] == [["key", "message", "path"]]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"toolName": "Not Snake"}, "toolName"),
        ({"timeoutSeconds": 0}, "timeoutSeconds"),
        ({"timeoutSeconds": 86_401}, "timeoutSeconds"),
        ({"answerSeconds": 0}, "answerSeconds"),
        ({"answerSeconds": 3601}, "answerSeconds"),
        ({"toolName": "get_result"}, "toolName"),
        ({"toolName": "flowhub_anything"}, "toolName"),
        ({"annotations": [1]}, "annotations"),
        ({"definition": "text"}, "definition"),
        ({"name": ""}, "name"),
        ({"server": "nowhere"}, "server"),
        ({"annotations": {"text": "a\0b"}}, "annotations"),
        ({"annotations": {"text": "half \ud800"}}, "annotations"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_under_its_name(changed: dict[str, Any], fault: str) -> None:
    server = make_server()
    body = {"server": server.slug, "name": "N", "toolName": "n", "toolDescription": "D"} | changed
    answer = rest(server.owner).post("/api/flows/", json.dumps(body), content_type="application/json")
    assert (answer.status_code, list(answer.json())) == (400, [fault])


def test_a_number_beyond_what_json_can_hold_is_refused() -> None:
    flow = make_flow()
    body = b'{"annotations": {"large": 1e999}}'
    answer = rest(flow.server.owner).patch(f"/api/flows/{flow.pk}/", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"annotations": ["Holds a number too large for JSON."]})


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"{", 400, "JSON parse error - Expecting property name"),
        (b"\xff", 400, "JSON parse error - "),
        (b"[" * 100_000, 400, "JSON parse error - nested too deep"),
        (b'"' + b"x" * 2_700_000 + b'"', 413, "The body is too large."),
    ],
)
def test_a_body_that_cannot_be_read_is_answered_and_not_crashed_on(body: bytes, status: int, detail: str) -> None:
    answer = rest(make_user()).post("/api/flows/", body, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)


def test_a_large_body_is_answered_to_a_browser_too() -> None:
    body = b'"' + b"x" * 2_700_000 + b'"'
    answer = rest(make_user()).post("/api/flows/", body, content_type="application/json", HTTP_ACCEPT="text/html")
    assert (answer.status_code, b"The body is too large." in answer.content) == (413, True)


def test_a_form_is_no_body_of_this_api() -> None:
    answer = rest(make_user()).post("/api/flows/", {"name": "x"}, format="multipart")
    assert answer.status_code == 415


def test_a_tool_name_is_unique_in_its_server() -> None:
    user = make_user()
    taken = make_flow(make_server(user, "one"), tool_name="taken")
    other = make_flow(taken.server, tool_name="free")
    body = {"server": "one", "name": "N", "toolName": "taken", "toolDescription": "D"}
    fault = {"toolName": ["Another flow of this server has that tool name."]}
    client = rest(user)
    created = client.post("/api/flows/", body, format="json")
    changed = client.patch(f"/api/flows/{other.pk}/", {"toolName": "taken"}, format="json")
    same = client.patch(f"/api/flows/{taken.pk}/", {"toolName": "taken"}, format="json")
    make_server(user, "two")
    elsewhere = client.post("/api/flows/", body | {"server": "two"}, format="json")
    assert [created.status_code, changed.status_code, same.status_code, elsewhere.status_code] == [400, 400, 200, 201]
    assert created.json() == changed.json() == fault


def test_patch_changes_the_named_fields_and_never_what_clients_call(django_capture_on_commit_callbacks: Any) -> None:
    flow = make_flow(definition=TWO_NODES, input_schema=SCHEMA)
    version = versions.publish(flow)
    client = rest(flow.server.owner)
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        answer = client.patch(
            f"/api/flows/{flow.pk}/", {"name": "New", "definition": empty_definition()}, format="json"
        )
    flow.refresh_from_db()
    assert (answer.status_code, answer.json()) == (200, whole(flow, publishedVersion=1))
    assert (flow.name, flow.definition) == ("New", empty_definition())
    version.refresh_from_db()
    assert version.definition == TWO_NODES
    assert heard == []


def test_switching_a_flow_off_is_announced(django_capture_on_commit_callbacks: Any) -> None:
    flow = make_flow()
    client = rest(flow.server.owner)
    with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
        answer = client.patch(f"/api/flows/{flow.pk}/", {"isActive": False}, format="json")
    assert (answer.status_code, answer.json()["isActive"]) == (200, False)
    assert heard == [flow.server.slug]


def test_a_flow_stays_in_its_server() -> None:
    flow = make_flow()
    make_server(flow.server.owner, "other")
    client = rest(flow.server.owner)
    moved = client.patch(f"/api/flows/{flow.pk}/", {"server": "other"}, format="json")
    kept = client.patch(f"/api/flows/{flow.pk}/", {"server": flow.server.slug}, format="json")
    assert (moved.status_code, moved.json(), kept.status_code) == (
        400,
        {"server": ["A flow stays in its server; duplicate it to have it in another."]},
        200,
    )


def test_put_is_not_part_of_the_contract() -> None:
    flow = make_flow()
    assert rest(flow.server.owner).put(f"/api/flows/{flow.pk}/", {}, format="json").status_code == 405


def test_a_deleted_flow_is_gone_and_its_executions_stay() -> None:
    flow = make_flow()
    execution = make_execution(flow)
    client = rest(flow.server.owner)
    answer = client.delete(f"/api/flows/{flow.pk}/")
    assert (answer.status_code, answer.content, Flow.objects.count()) == (204, b"", 0)
    assert Execution.objects.get().pk == execution.pk
    assert client.get(f"/api/flows/{flow.pk}/").status_code == 404


def test_publishing_makes_the_next_version() -> None:
    flow = make_flow(definition=TWO_NODES, input_schema=SCHEMA)
    client = rest(flow.server.owner)
    client.post(f"/api/flows/{flow.pk}/publish/")
    answer = client.post(f"/api/flows/{flow.pk}/publish/")
    flow.refresh_from_db()
    assert flow.published_version is not None
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "flowId": flow.pk,
            "version": 2,
            "toolName": flow.tool_name,
            "note": "",
            "isCurrent": True,
            "isActive": True,
            "takenAlong": [],
            "contract": versions.contract_of(flow),
            "timeoutSeconds": 300,
            "answerSeconds": None,
            "createdAt": wire_time(flow.published_version.created_at),
            "createdBy": flow.server.owner.username,
        },
    )
    assert flow.published_version.created_by == flow.server.owner
    assert client.get(f"/api/flows/{flow.pk}/").json() == whole(flow, publishedVersion=2, hasUnpublishedChanges=False)


def test_a_faulty_draft_is_not_published_and_every_fault_is_named_under_its_field() -> None:
    flow = make_flow(definition={"nodes": [], "connections": []}, tool_description=" ")
    answer = rest(flow.server.owner).post(f"/api/flows/{flow.pk}/publish/")
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "toolDescription": [
                {"path": "", "key": "", "message": "say in one or two sentences what the tool does; the model reads it"}
            ],
            "definition": [
                {"path": "nodes", "key": "", "message": "a flow needs one node of type 'trigger', where calls come in"}
            ],
        },
    )
    flow.refresh_from_db()
    assert flow.published_version is None


@pytest.mark.parametrize("address", ["{id}/", "{id}/publish/"])
@pytest.mark.parametrize("flow_id", ["foreign", "999999", "nonsense", "9" * 30])
def test_foreign_and_unknown_flows_are_not_found_and_never_forbidden(address: str, flow_id: str) -> None:
    flow = make_flow()
    address = address.replace("{id}", str(flow.pk) if flow_id == "foreign" else flow_id)
    method = "post" if "publish" in address else "patch"
    answer = getattr(rest(make_user()), method)(f"/api/flows/{address}", {}, format="json")
    assert (answer.status_code, list(answer.json())) == (404, ["detail"])


def test_a_foreign_server_is_answered_like_one_that_does_not_exist() -> None:
    make_server(slug="foreign")
    client = rest(make_user())
    faults = []
    for slug in ("foreign", "unknown"):
        body = {"server": slug, "name": "N", "toolName": "n", "toolDescription": "D"}
        answer = client.post("/api/flows/", body, format="json")
        assert answer.status_code == 400
        faults.append(json.dumps(answer.json()).replace(slug, "..."))
    assert faults[0] == faults[1]


def test_an_operator_sees_every_flow() -> None:
    make_flow()
    make_flow()
    assert rest(make_user(is_superuser=True)).get("/api/flows/").json()["total"] == 2


@pytest.mark.parametrize("address", ["flows/", "flows/1/", "flows/1/publish/", "node-types/", "schema/"])
def test_a_stranger_is_unauthenticated(address: str, client: Client) -> None:
    answer = client.get(f"/api/{address}", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Authentication credentials were not provided."})
    assert answer["WWW-Authenticate"] == "Bearer"


def test_an_answer_that_is_no_path_is_a_fault_at_its_place() -> None:
    server = make_server(make_user())
    body = item(make_flow(server), toolName="count") | {"definition": copy.deepcopy(TWO_NODES)}
    body["definition"]["nodes"][1]["parameters"] = {"json": "{{ len(trigger) }}"}
    response = rest(server.owner).post("/api/flows/", body, format="json")
    assert response.status_code == 400
    (fault,) = response.json()["definition"]
    assert (fault["path"], fault["key"]) == ("nodes[1].parameters.json", "")
    assert fault["message"].startswith("{{ len(trigger) }} is not a path. Write a node's slug, then keys and indices: ")


def test_a_member_that_a_body_cannot_have_is_named_and_nothing_is_changed() -> None:
    flow = make_flow()
    client, server = rest(flow.server.owner), f"/api/servers/{flow.server_id}/"
    said = "There is no member of this name. There are: "
    refused = client.patch(server, {"name": "New", "callPerMinute": 5, "slug": "no slug"}, format="json")
    assert (refused.status_code, sorted(refused.json())) == (400, ["callPerMinute", "slug"])
    assert refused.json()["callPerMinute"][0].startswith(f"{said}slug, name, ")
    assert client.get(server).json()["name"] == flow.server.name
    case = {"name": "One", "expectation": {"outcome": "succeeds", "ouput": {"compare": "equals", "value": 1}}}
    nested = client.post(f"/api/flows/{flow.pk}/cases/", case, format="json")
    assert (nested.status_code, nested.json()) == (
        400,
        {"expectation": {"ouput": [f"{said}outcome, output, errorContains."]}},
    )
    path = f"/api/flows/{flow.pk}/"
    for method, address, body in (
        (client.patch, path, {"toolname": "x"}),
        (client.put, f"{path}draft/", {"toolname": "x"}),
        (client.post, f"{path}publish/", {"notes": "x"}),
        (client.post, f"{path}test/", {"argument": {}}),
        (client.post, f"{path}cases/run/", {"versoin": "draft"}),
        (client.post, "/api/keys/", {"name": "k", "servers": [flow.server.slug], "scope": []}),
        (client.post, f"{server}secrets/", {"name": "S", "value": "v", "note": "x"}),
    ):
        answer = method(address, body, format="json")
        wrong = list(body)[-1]
        if address.endswith("draft/"):
            assert wrong in [each["path"] for each in answer.json()["faults"]]
        else:
            assert (answer.status_code, list(answer.json())) == (400, [wrong]), address
    assert not Execution.objects.exists()


def test_what_was_read_can_be_sent_back() -> None:
    flow = make_flow()
    client = rest(flow.server.owner)
    for path in (f"/api/flows/{flow.pk}/", f"/api/servers/{flow.server_id}/"):
        assert client.patch(path, client.get(path).json(), format="json").status_code == 200
    draft = f"/api/flows/{flow.pk}/draft/"
    read = client.get(draft).json()
    assert client.put(draft, read, format="json").json()["faults"] == read["faults"]


@pytest.mark.parametrize("package", ["flows.api", "executions.api", "mcp_bridge.api"])
def test_every_body_says_what_it_cannot_have(package: str) -> None:
    found = pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
    kinds = [kind for each in found for kind in vars(importlib.import_module(each.name)).values()]
    lenient = {
        kind.__name__
        for kind in kinds
        if isinstance(kind, type)
        and issubclass(kind, serializers.Serializer)
        and kind.__module__.startswith(package)
        and not issubclass(kind, (fields.Serializer, fields.ModelSerializer))
    }
    # That is no body, but the query of an address.
    assert lenient == ({"PageQuery"} if package == "flows.api" else set())


def test_a_body_that_is_too_large_is_refused_and_nothing_is_stored(settings: Any) -> None:
    settings.MAX_BODY_BYTES = 1_000
    flow = make_flow()
    answer = rest(flow.server.owner).patch(f"/api/flows/{flow.pk}/", {"whenToUse": "x" * 1_000}, format="json")
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "The body has more than 1,000 bytes, which FLOWHUB_MAX_BODY_BYTES allows here."},
    )
    flow.refresh_from_db()
    assert flow.when_to_use == ""
