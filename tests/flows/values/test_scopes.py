"""What a key of each single scope opens: the whole REST API, address by address, and the MCP door."""

import uuid
from typing import Any

import pytest
from django.test import Client

from flows.models import Server
from flows.values.scopes import EVERYTHING, Scope
from tests.factories import make_flow, make_key, make_server, make_user

pytestmark = pytest.mark.django_db

OPENS = {
    "executions:read": """
        GET /api/executions/
        GET /api/executions/{executionId}/
        GET /api/flows/{flowId}/cases/
        GET /api/flows/{flowId}/cases/{caseId}/
        GET /api/flows/{flowId}/executions/
        GET /api/flows/{flowId}/executions/{executionId}/
        GET /api/flows/{flowId}/insights/
        GET /api/flows/{flowId}/nodes/{slug}/inputs/
    """,
    "executions:write": """
        PATCH /api/executions/{executionId}/
        DELETE /api/executions/{executionId}/
        POST /api/executions/{executionId}/answer/
        POST /api/executions/{executionId}/cancel/
        POST /api/executions/{executionId}/pin/
        POST /api/executions/{executionId}/replay/
        POST /api/flows/{flowId}/cases/
        POST /api/flows/{flowId}/cases/run/
        PATCH /api/flows/{flowId}/cases/{caseId}/
        DELETE /api/flows/{flowId}/cases/{caseId}/
        POST /api/flows/{flowId}/test/
    """,
    "flows:read": """
        GET /api/flows/
        GET /api/flows/{flowId}/
        GET /api/flows/{flowId}/callers/
        POST /api/flows/{flowId}/check/
        GET /api/flows/{flowId}/draft/
        GET /api/flows/{flowId}/export/
        GET /api/flows/{flowId}/tool/
        GET /api/flows/{flowId}/versions/
        GET /api/node-types/
        POST /api/node-types/{type}/handles/
        GET /api/prompts/
        GET /api/prompts/{promptId}/
        GET /api/resources/
        GET /api/resources/{resourceId}/
        GET /api/servers/
        GET /api/servers/{serverId}/
        GET /api/servers/{serverId}/export/
        GET /api/servers/{serverId}/members/
        POST /api/servers/{serverId}/import/preview/
    """,
    "flows:write": """
        POST /api/flows/
        PATCH /api/flows/{flowId}/
        PUT /api/flows/{flowId}/draft/
        POST /api/flows/{flowId}/versions/{number}/restore/
        POST /api/servers/{serverId}/import/
    """,
    "flows:publish": """
        DELETE /api/flows/{flowId}/
        POST /api/flows/{flowId}/publish/
        POST /api/flows/{flowId}/versions/{number}/publish/
        POST /api/prompts/
        PATCH /api/prompts/{promptId}/
        DELETE /api/prompts/{promptId}/
        POST /api/resources/
        PATCH /api/resources/{resourceId}/
        DELETE /api/resources/{resourceId}/
        PATCH /api/servers/{serverId}/
        POST /api/servers/{serverId}/publish/
        POST /api/upstream-tools/
    """,
    "secrets:write": """
        GET /api/servers/{serverId}/secrets/
        POST /api/servers/{serverId}/secrets/
        PUT /api/servers/{serverId}/secrets/{name}/
        PATCH /api/servers/{serverId}/secrets/{name}/
        DELETE /api/servers/{serverId}/secrets/{name}/
    """,
    "people:write": """
        PATCH /api/servers/{serverId}/members/{userId}/
        DELETE /api/servers/{serverId}/members/{userId}/
        GET /api/servers/{serverId}/invitations/
        POST /api/servers/{serverId}/invitations/
        DELETE /api/servers/{serverId}/invitations/{invitationId}/
    """,
    "audit:read": """
        GET /api/audit/
    """,
}
"""By scope, the operations that need it."""

HOLDERS = {
    "executions:read": {"executions:read", "executions:write"},
    "flows:read": {"flows:read", "flows:write", "flows:publish"},
}
"""Whose keys read: a write is answered with what was written."""

BODY = '{"name": "NAME", "value": "value"}'
"""A body that is not enough for anything but a secret."""


def test_a_key_of_each_scope_opens_its_operations_and_no_other(client: Client) -> None:
    flow = make_flow()
    ids = dict.fromkeys(
        [
            "executionId",
            "caseId",
            "keyId",
            "promptId",
            "resourceId",
            "invitationId",
            "userId",
            "number",
            "type",
            "name",
            "slug",
        ],
        "1",
    )
    ids |= {"executionId": str(uuid.uuid4()), "flowId": str(flow.pk), "serverId": str(flow.server_id)}
    caller = make_user()
    client.force_login(caller)
    document = client.get("/api/schema/?format=json").json()
    operations = {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    keys = {scope: make_key(caller, scopes=[scope]) for scope in EVERYTHING} | {"none": make_key(caller, scopes=[])}
    opened: dict[str, set[str]] = {}
    for operation in operations:
        method, path = operation.split()
        opened[operation] = set()
        for scope, key in keys.items():
            answer = Client().generic(
                method, path.format(**ids), BODY, "application/json", headers={"authorization": f"Bearer {key}"}
            )
            if answer.status_code != 403:
                # Lists are the caller's own, a body that is none is refused, and somebody else's flow is not there.
                assert answer.status_code == (404 if "{" in path else 400 if method == "POST" else 200), operation
                opened[operation].add(scope)
            elif "x-scope" in operations[operation]:
                wanted = operations[operation]["x-scope"]
                assert answer["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{wanted}"'
                assert answer.json() == {
                    "detail": f"This API key lacks the scope {wanted}. Give it that under Keys, or use another key.",
                    "code": "insufficient_scope",
                    "scope": wanted,
                }
            else:
                assert answer.json() == {"detail": "No API key opens this address: log in, and use it as a person."}
    needs = {operation: scope for scope, lines in OPENS.items() for operation in map(str.strip, lines.split("\n"))}
    needs.pop("")
    assert opened == {name: HOLDERS.get(needs[name], {needs[name]}) if name in needs else set() for name in operations}
    assert set(needs) <= set(operations)
    described = {name: (each.get("x-scope"), {"apiKey": []} in each["security"]) for name, each in operations.items()}
    assert described == {name: (needs.get(name), name in needs) for name in operations}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_a_look_at_an_address_needs_the_scope_to_read_it(method: str) -> None:
    for scope, status in (("flows:read", 200), ("mcp:call", 403)):
        key = make_key(scopes=[scope])
        answer = Client().generic(method, "/api/flows/", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == status


def test_the_document_of_the_api_needs_a_key_that_sees_flows(client: Client) -> None:
    for scopes, status in ((["flows:read"], 200), (["mcp:call", "executions:write", "secrets:write"], 403)):
        key = make_key(scopes=scopes)
        assert client.get("/api/schema/", headers={"authorization": f"Bearer {key}"}).status_code == status


def test_a_person_in_the_browser_is_not_limited_by_scopes(client: Client) -> None:
    flow = make_flow()
    client.force_login(flow.server.owner)
    answer = client.patch(f"/api/flows/{flow.pk}/", {"isActive": False}, content_type="application/json")
    assert (answer.status_code, answer.json()["isActive"]) == (200, False)


def test_what_a_node_may_name_needs_the_flow_and_its_executions(client: Client) -> None:
    flow = make_flow()
    path = f"/api/flows/{flow.pk}/nodes/answer/inputs/"
    found = {}
    for scopes in (["executions:read"], ["flows:read"], ["executions:read", "flows:read"]):
        key = make_key(flow.server.owner, scopes=scopes)
        answer = client.get(path, headers={"authorization": f"Bearer {key}"})
        found[" ".join(scopes)] = (answer.status_code, answer.json().get("scope"))
    assert found == {
        "executions:read": (403, "flows:read"),
        "flows:read": (403, "executions:read"),
        "executions:read flows:read": (200, None),
    }


def test_who_writes_drafts_can_neither_switch_a_flow_nor_replace_what_clients_meet(client: Client) -> None:
    server = make_server()
    flow = make_flow(server)

    def asked(scope: Scope, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {make_key(server.owner, scopes=[scope, Scope.FLOWS_WRITE])}"}
        answer = getattr(client, method)(path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json().get("scope")

    switch = ("patch", f"/api/flows/{flow.pk}/", {"isActive": False})
    replace = ("post", f"/api/servers/{server.pk}/import/?replace=prompts/hello", {})
    for way in (switch, replace):
        assert asked(Scope.FLOWS_WRITE, *way) == (403, "flows:publish")
    assert asked(Scope.FLOWS_PUBLISH, *switch)[0] == 200
    assert asked(Scope.FLOWS_PUBLISH, *replace)[0] == 400
    assert asked(Scope.FLOWS_WRITE, "patch", f"/api/flows/{flow.pk}/", {"isActive": False, "name": "New"})[0] == 200
    assert Server.objects.get().flows.get().name == "New"
