"""The API for people: browsable pages, node types, the OpenAPI document and its page."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from flows.nodes import registry
from tests.factories import make_flow, make_user

pytestmark = pytest.mark.django_db


def test_every_node_type_is_listed_with_its_parameter_schema() -> None:
    client = APIClient()
    client.force_authenticate(make_user())
    answer = client.get("/api/node-types/")
    types = {entry["type"]: entry for entry in answer.json()}
    assert sorted(types) == sorted(registry())
    trigger = registry()["trigger"].node_type
    assert types["trigger"] == {
        "type": "trigger",
        "title": trigger.title,
        "description": trigger.description,
        "group": "Start",
        "help": types["trigger"]["help"],
        "icon": trigger.icon,
        "handles": ["main"],
        "choosesHandles": False,
        "hasEffects": False,
        "parametersSchema": dict(trigger.parameters_schema),
        "outputSchema": None,
        "example": {},
    }
    assert types["template"]["outputSchema"] == {"type": "string"}


@pytest.mark.parametrize(
    "address",
    [
        "flows/",
        "flows/{id}/",
        "flows/{id}/executions/",
        "flows/{id}/insights/",
        "flows/{id}/cases/",
        "flows/{id}/tool/",
        "flows/{id}/draft/",
        "executions/",
        "node-types/",
        "prompts/",
        "resources/",
        "servers/",
    ],
)
def test_a_person_who_is_logged_in_can_browse(address: str, client: Client) -> None:
    flow = make_flow()
    client.force_login(flow.server.owner)
    answer = client.get("/api/" + address.replace("{id}", str(flow.pk)), headers={"accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = answer["Content-Security-Policy"]
    assert "style-src-attr 'unsafe-inline'" in policy
    assert "script-src 'self'" in policy
    assert policy.count("unsafe-inline") == 1


def test_a_session_writes_only_with_a_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    answer = client.post("/api/flows/", {}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (403, {"detail": "CSRF Failed: CSRF cookie not set."})


def test_the_openapi_document_is_valid_and_generated_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", file=str(tmp_path / "schema.yaml"))


def test_the_openapi_document_names_the_whole_contract(client: Client) -> None:
    client.force_login(make_user())
    document = client.get("/api/schema/?format=json").json()
    operations = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert operations == {
        ("get", "/api/executions/"),
        ("get", "/api/executions/{executionId}/"),
        ("patch", "/api/executions/{executionId}/"),
        ("delete", "/api/executions/{executionId}/"),
        ("post", "/api/executions/{executionId}/answer/"),
        ("post", "/api/executions/{executionId}/cancel/"),
        ("post", "/api/executions/{executionId}/pin/"),
        ("post", "/api/executions/{executionId}/replay/"),
        ("get", "/api/flows/"),
        ("post", "/api/flows/"),
        ("get", "/api/flows/{flowId}/"),
        ("patch", "/api/flows/{flowId}/"),
        ("delete", "/api/flows/{flowId}/"),
        ("get", "/api/flows/{flowId}/callers/"),
        ("get", "/api/flows/{flowId}/cases/"),
        ("post", "/api/flows/{flowId}/cases/"),
        ("post", "/api/flows/{flowId}/cases/run/"),
        ("get", "/api/flows/{flowId}/cases/{caseId}/"),
        ("patch", "/api/flows/{flowId}/cases/{caseId}/"),
        ("delete", "/api/flows/{flowId}/cases/{caseId}/"),
        ("get", "/api/flows/{flowId}/executions/"),
        ("get", "/api/flows/{flowId}/executions/{executionId}/"),
        ("get", "/api/flows/{flowId}/insights/"),
        ("get", "/api/flows/{flowId}/nodes/{slug}/inputs/"),
        ("get", "/api/flows/{flowId}/draft/"),
        ("put", "/api/flows/{flowId}/draft/"),
        ("post", "/api/flows/{flowId}/check/"),
        ("post", "/api/flows/{flowId}/publish/"),
        ("get", "/api/flows/{flowId}/versions/"),
        ("post", "/api/flows/{flowId}/versions/{number}/restore/"),
        ("post", "/api/flows/{flowId}/versions/{number}/publish/"),
        ("post", "/api/flows/{flowId}/test/"),
        ("get", "/api/flows/{flowId}/tool/"),
        ("get", "/api/node-types/"),
        ("post", "/api/node-types/{type}/handles/"),
        ("post", "/api/servers/{serverId}/publish/"),
        ("post", "/api/servers/{serverId}/import/preview/"),
        ("get", "/api/prompts/"),
        ("post", "/api/prompts/"),
        ("get", "/api/prompts/{promptId}/"),
        ("patch", "/api/prompts/{promptId}/"),
        ("delete", "/api/prompts/{promptId}/"),
        ("get", "/api/resources/"),
        ("post", "/api/resources/"),
        ("get", "/api/resources/{resourceId}/"),
        ("patch", "/api/resources/{resourceId}/"),
        ("delete", "/api/resources/{resourceId}/"),
        ("post", "/api/upstream-tools/"),
        ("get", "/api/keys/"),
        ("post", "/api/keys/"),
        ("get", "/api/keys/{keyId}/"),
        ("patch", "/api/keys/{keyId}/"),
        ("delete", "/api/keys/{keyId}/"),
        ("post", "/api/keys/{keyId}/rotate/"),
        ("get", "/api/flows/{flowId}/export/"),
        ("get", "/api/servers/"),
        ("get", "/api/servers/{serverId}/"),
        ("patch", "/api/servers/{serverId}/"),
        ("get", "/api/servers/{serverId}/export/"),
        ("post", "/api/servers/{serverId}/import/"),
        ("get", "/api/servers/{serverId}/secrets/"),
        ("post", "/api/servers/{serverId}/secrets/"),
        ("put", "/api/servers/{serverId}/secrets/{name}/"),
        ("patch", "/api/servers/{serverId}/secrets/{name}/"),
        ("delete", "/api/servers/{serverId}/secrets/{name}/"),
        ("get", "/api/audit/"),
        ("get", "/api/servers/{serverId}/members/"),
        ("patch", "/api/servers/{serverId}/members/{userId}/"),
        ("delete", "/api/servers/{serverId}/members/{userId}/"),
        ("get", "/api/servers/{serverId}/invitations/"),
        ("post", "/api/servers/{serverId}/invitations/"),
        ("delete", "/api/servers/{serverId}/invitations/{invitationId}/"),
    }
    assert sorted(document["components"]["securitySchemes"]) == ["apiKey", "cookieAuth"]
    named = document["components"]["schemas"]
    definition = {"$ref": "#/components/schemas/Definition"}
    assert named["FlowRequest"]["properties"]["definition"] == definition
    faulty = {"type": "object", "additionalProperties": {}}
    assert named["Flow"]["properties"]["definition"] == {"anyOf": [definition, faulty]}
    assert named["Definition"]["properties"]["nodes"]["items"] == {"$ref": "#/components/schemas/FlowNode"}
    assert {"FlowNode", "NodeSettings", "Connection", "CanvasNote", "NodeGroup"} <= named.keys()


def test_the_docs_page_has_no_inline_script_and_leads_strangers_to_the_login(client: Client) -> None:
    stranger = client.get("/api/docs/")
    client.force_login(make_user())
    page = client.get("/api/docs/")
    script = client.get("/api/docs/?script=")
    assert (stranger.status_code, stranger["Location"].endswith("?next=/api/docs/")) == (302, True)
    assert (page.status_code, b"<script>" in page.content) == (200, False)
    assert (script.status_code, script["Content-Type"]) == (200, "application/javascript")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_docs_and_browsable_pages_work_in_a_browser_without_an_error(
    live_server: Any, page: Any, client: Client
) -> None:
    flow = make_flow()
    client.force_login(flow.server.owner)
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    errors: list[str] = []
    page.on("console", lambda message: message.type == "error" and errors.append(message.text))
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{live_server.url}/api/docs/")
    publish = page.locator("#operations-flows-flows_publish")
    publish.locator(".opblock-summary").click()
    publish.locator(".try-out__btn").click()
    publish.get_by_placeholder("flowId").fill(str(flow.pk))
    publish.locator("textarea").fill("{}")
    publish.locator(".execute").click()
    publish.locator(".live-responses-table").get_by_text("201").wait_for()
    assert flow.versions.count() == 1

    page.goto(f"{live_server.url}/api/flows/")
    page.get_by_role("button", name="Filters").click()
    page.locator("#filtersModal input[name=server]").wait_for()

    page.goto(f"{live_server.url}/api/flows/{flow.pk}/")
    page.locator("textarea[name=_content]").fill('{"name": "Changed in a browser"}')
    page.get_by_role("button", name="PATCH").click()
    page.get_by_text('"Changed in a browser"').first.wait_for()
    assert errors == []


def test_the_document_has_the_refusals_that_every_operation_of_a_kind_may_answer_with() -> None:
    client = APIClient()
    client.force_authenticate(make_user())
    paths = client.get("/api/schema/?format=json").json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            expected = {"401", "403", "406", "429"} | ({"404"} if "{" in path else set())
            expected |= {"400"} if method in {"post", "put", "patch"} else set()
            expected |= {"413", "415"} if "requestBody" in operation else set()
            assert expected - operation["responses"].keys() == set(), (method, path)
