"""Texts of people, clients and other servers in the HTML of every page: none becomes an element or an attribute.

Each place that can be written holds an attack that names it, so that it is known which page shows which. Every door of
the URLconf is asked as a superuser, who sees everything. What scripts make of texts is in `test_hostile_texts.py`.
"""

import json
import re
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from django.test import Client
from oauth2_provider.models import Application
from rest_framework.test import APIClient

from executions.acting import actions
from flows.members.invitations import invite
from flows.models import FlowVersion, Membership, Prompt, Resource, SavedCase
from flows.publishing import versions
from flows.transfer import choosing
from mcp_bridge.models import ApiKey, ConnectedClient
from tests.definitions import chain, node
from tests.doors import address_of, doors
from tests.factories import make_execution, make_flow, make_server, make_user
from tests.looks import CONSENT

pytestmark = pytest.mark.django_db(transaction=True)


def attack(place: str) -> str:
    """Ends an attribute, becomes one where nothing is quoted, and an element where nothing is escaped."""
    return f"""'" attack-{place}=1 ><attack-{place}>"""


def bare(place: str) -> str:
    """The same without blanks."""
    return f"""'"><attack-{place}>"""


class Reader(HTMLParser):
    """What a page shows of the attacks as text, and what it made of them: `broken` is to stay empty."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.broken: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        self.shown = set(re.findall(r"<attack-([a-z-]+)>", " ".join(self.texts)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element: not one of ours, nor with such an attribute, nor leading into a script."""
        names = [name for name, _ in attrs if "attack-" in name]
        leads = [value for name, value in attrs if name in LEADS and SCRIPT.match(value or "")]
        self.broken += [f"<{tag}>"] * tag.startswith("attack-") + names + leads
        self.texts += [value for _, value in attrs if value]

    def handle_data(self, data: str) -> None:
        """Text; inside of a script or a style it is none of the reader's, and is not escaped either."""
        self.broken += re.findall(r"<attack-[a-z-]+>", data) if self.cdata_elem else []
        self.texts.append(data)


LEADS = {"href", "src", "action", "formaction", "xlink:href", "data", "hx-get", "hx-post"}
SCRIPT = re.compile(r"\s*(javascript|vbscript|data:text/html)", re.IGNORECASE)


class Hostile(NamedTuple):
    """What was made: a superuser at a browser, the ids of things by the names that routes give them."""

    browser: Client
    ids: dict[str, Any]


class Row(NamedTuple):
    """An entry of `node_executions` as an execution has it."""

    slug: str
    kind: str

    @property
    def stored(self) -> dict[str, Any]:
        """The stored form."""
        error = {"message": attack("node-error"), "kind": "node_failed", "causes": [attack("cause")]}
        return {
            "nodeId": self.slug,
            "nodeName": attack("node-name"),
            "nodeType": self.kind,
            "status": "error",
            "executedAt": "2026-01-02T03:04:05+00:00",
            "startOffsetMs": 0.0,
            "durationMs": 1.0,
            "attempts": 1,
            "handle": "main",
            "error": error,
            "inputData": {attack("input-name"): attack("input")},
            "outputData": [attack("output")],
            "progress": {"fraction": 0.5, "message": attack("progress")},
        }


@pytest.fixture
def hostile() -> Hostile:
    admin = make_user("admin", is_superuser=True)
    server = make_server(admin, slug="hostile", name=attack("server"), description=attack("instructions"))
    member = make_user(attack("member"), first_name=attack("first"), email=f"{bare('mail')}@example.org")
    Membership.objects.create(server=server, user=member, role="editor")
    invitation, _ = invite(server, "viewer", attack("invitation"))
    key, text = ApiKey.issue(admin, attack("key"), servers=[server], scopes=["flows:write"])
    schema = {"type": "object", "properties": {"text": {"type": "string", "description": attack("parameter")}}}
    flow = make_flow(
        server,
        tool_name="hostile_tool",
        name=attack("flow"),
        tool_description=attack("description"),
        input_schema=schema,
        definition=chain(node("answer", "return", text="Done") | {"name": attack("step")}),
    )
    versions.publish(flow, admin, note=attack("version"))
    # By the key: its name stands in the audit log.
    edited = APIClient().patch(
        f"/api/flows/{flow.pk}/",
        {"name": attack("flow"), "whenToUse": attack("when")},
        format="json",
        HTTP_AUTHORIZATION=f"Bearer {text}",
    )
    assert edited.status_code == 200, edited.content
    key.change(tools=[attack("tool")])
    secret = versions.set_secret(server, "KEY", "value", [bare("origin")])
    case = SavedCase.objects.create(
        flow=flow,
        name=attack("case"),
        arguments={attack("argument-name"): attack("argument")},
        omitted=[attack("omitted")],
        expectation={"outcome": "fails", "errorContains": attack("expectation")},
        last_at=server.created_at,
        last_passed=False,
        last_reason=attack("reason"),
        last_differences=[{"path": attack("path"), "expected": attack("expected"), "got": attack("got")}],
    )
    execution = make_execution(
        flow,
        flow_version=FlowVersion.objects.get(flow=flow),
        status="error",
        initial_params={attack("parameter-name"): attack("value")},
        params_preview=attack("preview"),
        node_executions=[Row("answer", "return").stored, Row("gone", attack("type")).stored],
        error_info={"message": attack("error"), "kind": "node_failed", "nodeId": "answer", "causes": []},
        error_kind="node_failed",
        error_preview=attack("error-preview"),
        failed_node_name=attack("failed"),
        caller={"name": attack("caller"), "client": {"name": attack("client"), "version": attack("client-version")}},
        caller_name=attack("caller"),
        result={"content": [{"type": "text", "text": attack("result")}], "isError": True},
    )
    actions.note(execution, attack("note"))
    prompt = Prompt.objects.create(server=server, name="ask", title=attack("prompt"), description="d", messages=[])
    resource = Resource.objects.create(server=server, uri="a:b", name=attack("resource"), text="text")
    program = registered()
    ConnectedClient.connect(admin, Application.objects.get(client_id=program), server)
    document = choosing.begin(admin, server, described())
    ids = {
        "flow_id": flow.pk,
        "server_id": server.pk,
        "execution_id": execution.pk,
        "name": "KEY",
        "number": 1,
        "offer_id": prompt.pk,
        "resource": resource.pk,
        "case_id": case.pk,
        "key_id": key.pk,
        "user_id": member.pk,
        "document_id": document,
        "invitation_id": invitation.pk,
        "tool": flow.tool_name,
        "slug": "answer",
        "form": "curl",
        "part": "result",
        "era": "modern",
        "client_id": program,
        "secret": secret.pk,
    }
    camel = {re.sub(r"_(.)", lambda found: found[1].upper(), name): value for name, value in ids.items()}
    browser = Client()
    browser.force_login(admin)
    return Hostile(browser, camel | ids)


def registered() -> str:
    """The id of a client that registered itself under a hostile name."""
    said = {"client_name": attack("oauth-client"), "redirect_uris": [REDIRECT], "client_uri": attack("client-uri")}
    said |= {"token_endpoint_auth_method": "none", "logo_uri": "javascript:attack()", "policy_uri": attack("policy")}
    answer = Client().post("/oauth/register/", json.dumps(said), "application/json")
    assert answer.status_code == 201, answer.content
    return str(answer.json()["client_id"])


REDIRECT = "https://client.example/callback"


def described() -> bytes:
    """An OpenAPI document in which everything that is said for people is an attack."""
    parameter = {"name": "q", "in": "query", "schema": {"type": "string", "title": attack("api-title")}}
    operation = {
        "summary": attack("summary"),
        "description": attack("operation"),
        "tags": [attack("tag")],
        "parameters": [parameter | {"description": attack("api-parameter")}],
        "responses": {"200": {"description": attack("response")}},
        "security": [{attack("scheme"): []}],
    }
    broken = {"summary": attack("unable"), "requestBody": {"$ref": bare("reference")}, "responses": {}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": attack("api"), "version": attack("api-version")},
        "servers": [{"url": "https://api.example/" + bare("api-address")}],
        "paths": {f"/{bare('api-path')}": {"get": operation, "put": broken}},
        "components": {"securitySchemes": {attack("scheme"): {"type": "http", "scheme": "bearer"}}},
    }
    return json.dumps(document).encode()


def test_no_page_makes_markup_of_what_somebody_wrote(hostile: Hostile) -> None:
    ids, shown, broken = hostile.ids, dict[str, set[str]](), list[str]()
    asked = [(door.name or door.route, address_of(door, ids)) for door in doors() if door.method == "GET"]
    models = ("flows/server", "flows/flow", "flows/flowversion", "flows/auditentry", "flows/secret", "auth/user")
    models += ("executions/execution", "mcp_bridge/connectedclient", "mcp_bridge/apikey", "flows/prompt")
    for model in models:
        for found in re.findall(r'href="([^"]*/change/)[^"]*"', page_of(hostile, f"/admin/{model}/")):
            name = f"admin {model}"
            asked += [(name, found), (name, found.replace("/change/", "/history/"))]
            asked += [(name, found.replace("/change/", "/delete/"))]
    flow, execution = f"/flows/{ids['flow_id']}", ids["execution_id"]
    again = {"client_id": ids["client_id"], "redirect_uri": REDIRECT, "resource": "http://testserver/mcp/hostile"}
    start = re.sub(r"(client_id|redirect_uri|resource)=[^&]*&?", "", CONSENT).rstrip("&")
    asked += [
        ("oauth:consent", f"{start}&{urlencode(again)}"),
        ("executions:usage-detail", f"{flow}/usage/{execution}/?view=exchange"),
        ("executions:usage-detail", f"{flow}/usage/{execution}/?view=graph"),
        ("executions:test", f"{flow}/test/?case={ids['case_id']}"),
        ("executions:test", f"{flow}/test/?execution={execution}"),
        ("flows:build", f"{flow}/build/?node=answer"),
        ("executions:replay-from", f"/executions/{execution}/replay/from/?node=answer"),
        ("executions:compare", f"{flow}/compare/?left={execution}&right={execution}"),
        ("flows:server-import", f"/servers/{ids['server_id']}/import/?made={ids['flow_id']}"),
        ("flows:version", f"{flow}/versions/1/?with=draft"),
    ]
    for name, address in asked:
        read = Reader(page_of(hostile, address))
        broken += [f"{address}: {each}" for each in read.broken]
        for place in read.shown:
            shown.setdefault(place, set()).add(name)
    for name, place in [(name, place) for name, places in SHOWN.items() for place in places.split()]:
        assert name in shown.get(place, set()), (name, place, shown.get(place))
    assert broken == []


def page_of(hostile: Hostile, address: str) -> str:
    """A page as HTML; empty for what is none."""
    answer = hostile.browser.get(address, HTTP_ACCEPT="text/html,*/*;q=0.1")
    is_page = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
    return answer.content.decode() if is_page else ""


SHOWN = {
    "oauth:consent": "oauth-client server",
    "oauth:clients": "oauth-client",
    "flows:server-members": "invitation member",
    "flows:audit": "invitation key flow origin",
    "flows:server-secrets": "origin",
    "flows:server-import-document": "api api-address api-path api-version tag reference",
    "executions:test": "case expectation argument omitted reason path expected got",
    "executions:usage-detail": "note caller client node-error progress",
    "bridge:keys": "key",
    "admin:flows_auditentry_changelist": "invitation key origin",
    "admin:mcp_bridge_connectedclient_changelist": "oauth-client",
    "admin:mcp_bridge_apikey_changelist": "key",
}
