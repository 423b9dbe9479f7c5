"""What the OpenAPI document says of bodies and queries is what REST takes: neither more nor less."""

from typing import Any

import pytest
from django.test import Client

from flows.models import Membership
from flows.publishing import versions
from tests.factories import make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db

TEXT, YES_NO, WHOLE = "Write a text.", "Write true or false.", "Write a whole number."


@pytest.fixture
def flow() -> Any:
    return make_flow()


@pytest.fixture
def owner(client: Client, flow: Any) -> Client:
    client.force_login(flow.server.owner)
    return client


@pytest.mark.parametrize(
    ("method", "path", "body", "refused"),
    [
        ("patch", "flows/{flow}/", {"toolName": True}, {"toolName": ["Not a valid string."]}),
        ("patch", "flows/{flow}/", {"name": 7, "isActive": "yes"}, {"name": [TEXT], "isActive": [YES_NO]}),
        ("patch", "flows/{flow}/", {"isActive": 1}, {"isActive": [YES_NO]}),
        ("patch", "flows/{flow}/", {"timeoutSeconds": "7"}, {"timeoutSeconds": [WHOLE]}),
        ("patch", "flows/{flow}/", {"timeoutSeconds": True}, {"timeoutSeconds": ["A valid integer is required."]}),
        ("patch", "servers/{server}/", {"callsPerMinute": "7"}, {"callsPerMinute": [WHOLE]}),
        ("post", "servers/{server}/secrets/", {"name": "KEY", "value": 7}, {"value": [TEXT]}),
        ("post", "servers/{server}/publish/", {"flows": ["{flow}"]}, {"flows": [WHOLE]}),
        ("post", "keys/", {"name": "a", "servers": None, "tools": [7]}, {"tools": [TEXT]}),
        ("post", "prompts/", {"server": "{slug}", "name": "a", "description": 7}, {"description": [TEXT]}),
    ],
)  # fmt: skip
def test_a_value_of_another_type_than_the_document_says_is_refused(
    owner: Client, flow: Any, method: str, path: str, body: Any, refused: Any
) -> None:
    named = {"flow": flow.pk, "server": flow.server_id}
    body = body | ({"server": flow.server.slug} if "server" in body else {})
    body = body | ({"flows": [str(flow.pk)]} if "flows" in body else {})
    answer = getattr(owner, method)("/api/" + path.format(**named), body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, refused)


def test_numbers_without_a_fraction_are_whole_however_they_are_written(owner: Client, flow: Any) -> None:
    answer = owner.patch(f"/api/flows/{flow.pk}/", '{"timeoutSeconds": 7.0}', content_type="application/json")
    assert (answer.status_code, answer.json()["timeoutSeconds"]) == (200, 7)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("patch", "flows/{flow}/"),
        ("delete", "flows/{flow}/"),
        ("post", "flows/{flow}/publish/"),
        ("post", "flows/{flow}/versions/1/publish/"),
        ("post", "servers/{server}/publish/"),
    ],
)
def test_confirm_is_true_or_false(owner: Client, flow: Any, method: str, path: str) -> None:
    versions.publish(flow)
    body = {"flows": [flow.pk]} if "servers" in path else {}
    address = "/api/" + path.format(flow=flow.pk, server=flow.server_id)
    answer = getattr(owner, method)(f"{address}?confirm=yes", body, content_type="application/json")
    assert (answer.status_code, answer.json()) == (400, {"confirm": [YES_NO]})
    assert flow.versions.count() == 1


def test_a_change_of_nothing_changes_nothing(owner: Client, flow: Any) -> None:
    execution = make_execution(flow, note="Look here.")
    member = Membership.objects.create(server=flow.server, user=make_user(), role="editor")
    paths = {
        f"/api/executions/{execution.pk}/": ("note", "Look here."),
        f"/api/servers/{flow.server_id}/members/{member.user_id}/": ("role", "editor"),
    }
    for path, (name, kept) in paths.items():
        answer = owner.patch(path, {}, content_type="application/json")
        assert (answer.status_code, answer.json()[name]) == (200, kept)


def test_a_case_may_expect_null(owner: Client, flow: Any) -> None:
    expected = {"outcome": "succeeds", "output": {"compare": "equals", "value": None}}
    body = {"name": "Nothing", "expectation": expected}
    answer = owner.post(f"/api/flows/{flow.pk}/cases/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["expectation"]["output"]) == (201, expected["output"])


@pytest.mark.parametrize(
    ("expectation", "expected"),
    [
        ({"output": {"compare": "equals", "value": 7}}, (200, {"outcome": "succeeds"})),
        ({"outcome": "fails", "errorContains": "no"}, (200, {"outcome": "fails"})),
        ({"output": {}}, (400, {"compare": ["This field is required."], "value": ["This field is required."]})),
        ({"errorContains": "no"}, (400, ['Only with the outcome "fails".'])),
    ],
)
def test_a_change_of_what_a_case_expects_replaces_it_whole(
    owner: Client, flow: Any, expectation: Any, expected: Any
) -> None:
    case = flow.cases.create(name="Case")
    path = f"/api/flows/{flow.pk}/cases/{case.pk}/"
    answer = owner.patch(path, {"expectation": expectation}, content_type="application/json")
    said = answer.json()["expectation"]
    said = {"outcome": said["outcome"]} if answer.status_code == 200 else next(iter(said.values()))
    assert (answer.status_code, said) == expected


def test_a_draft_is_told_which_tool_name_is_taken(owner: Client, flow: Any) -> None:
    other = make_flow(flow.server)
    answer = owner.post(f"/api/flows/{flow.pk}/check/", {"toolName": other.tool_name}, content_type="application/json")
    taken = {"path": "toolName", "key": "", "message": "Another flow of this server has that tool name."}
    assert (answer.status_code, answer.json()["faults"][0]) == (200, taken)


def test_a_version_in_a_query_is_a_number_or_draft(owner: Client, flow: Any) -> None:
    found = {}
    for version in ("draft", "1", "01", "0", "1000000000", "x"):
        found[version] = owner.get(f"/api/executions/?version={version}").status_code
    assert found == {"draft": 200, "1": 200, "01": 400, "0": 400, "1000000000": 400, "x": 400}


def test_a_comparison_names_versions_that_are_there_also_before_the_first(owner: Client, flow: Any) -> None:
    answer = owner.get(f"/api/flows/{flow.pk}/tool/?after=1")
    said = "This flow has no version '1'; write the number of one, or draft."
    assert (answer.status_code, answer.json()) == (400, {"detail": said})


def test_the_document_has_the_bounds_of_bodies_and_queries(client: Client) -> None:
    client.force_login(make_user())
    document = client.get("/api/schema/?format=json").json()
    schemas = document["components"]["schemas"]
    flow, key = schemas["FlowRequest"], schemas["Key"]["properties"]
    assert (flow["additionalProperties"], "id" in flow["properties"]) == (False, False)
    assert flow["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"\S"}
    assert schemas["ReplayRequest"]["maxProperties"] == 1
    assert schemas["AnswersRequest"]["properties"]["answers"]["minProperties"] == 1
    assert [key[name].get("nullable") for name in ("lastUsedAt", "revokedAt", "overlapUntil")] == [True] * 3
    asked = {each["name"]: each for each in document["paths"]["/api/executions/"]["get"]["parameters"]}
    assert (asked["flow"]["schema"], asked["flow"]["allowEmptyValue"]) == (
        {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        True,
    )
    assert asked["search"]["schema"] == {"type": "string", "maxLength": 200}
