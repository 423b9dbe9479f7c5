"""A FlowHub that looks used: flows in every state, calls that were fulfilled, failed, were refused, run on or wait.

`world_of(server)` is what tests and screenshots use; `build()` is the part of it that runs beside the server.
"""

import contextlib
import http.cookiejar
import json
import re
import sys
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils import timezone
from mcp import MCPError
from mcp_types import Implementation
from oauth2_provider.models import Application

from flowhub.demo import GREET, LOOKUP_ORDER, line, node
from flows.models import Flow, FlowVersion, Membership, Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from flows.transfer import apis, choosing
from mcp_bridge.models import ApiKey, ConnectedClient
from tests.factories import make_execution, make_flow, make_user
from tests.live import ROOT, LiveServer, wait_until
from tests.mcp_client import MODERN, connect

ADA = "ada"
HAL = "hal"
IVY = "ivy"
"""A person of her own, with no rights in the admin; everybody's password is factories.PASSWORD."""

GRACE = "grace"
"""Somebody who may log in to the admin, and see nothing in it."""

SEEDED = 10_000
"""How many earlier executions `lookup_order` has, spread over 90 days."""

CURRENCY = {"type": "string", "enum": ["EUR", "USD", "GBP"], "description": "What it is converted into."}
CONVERT = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "currency": CURRENCY},
    "required": ["currency"],
}

CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lookup_order", {"order_id": "A-10482"}),
    ("lookup_order", {"order_id": 7}),
    ("slow_report", {"seconds": 0.2, "fail": True}),
    ("lookup_order", {"order_id": "A-10483"}),
    ("slow_report", {"seconds": 0.3}),
    ("greet", {"name": "Ada Lovelace", "n": 12345678901234567890123}),
    ("lookup_order", {"order_id": "A-99999"}),
    ("lookup_order", {"order_id": "A-10481"}),
)
NEWEST = {
    "fulfilled": "status=fulfilled&tool=lookup_order",
    "error": "errorKind=node_failed&tool=lookup_order",
    "rejected": "errorKind=rejected&tool=lookup_order",
    "parallel": "status=fulfilled&tool=slow_report",
    "unknown": "tool=order_history",
    "deleted": "tool=old_report",
    "pending": "tool=nightly_import&status=pending",
    "waiting": "tool=plan_trip&status=pending",
}


DRAWN = {
    "content": [{"type": "text", "text": "**Revenue**\n\n| Month | Revenue |\n| --- | --- |\n| October | 18240.5 |"}],
    "structuredContent": {
        "ui": "table",
        "title": "Revenue",
        "columns": [{"key": "month", "title": "Month"}, {"key": "revenue", "title": "Revenue"}],
        "rows": [{"month": "October", "revenue": 18240.5}, {"month": "September", "revenue": 17011}],
    },
    "isError": False,
}
"""What an execution answered that is drawn in its page."""


@dataclass(frozen=True)
class World:
    """A live server, and the ids of what is in it by name: flows by tool name, executions by what happened to them."""

    server: LiveServer
    ids: dict[str, Any]

    def address(self, path: str) -> str:
        """The address of a page; `{lookup_order}`, `{error}`, `{key}` and so on stand for ids."""
        return self.server.url + path.format(**self.ids)


def world_of(server: LiveServer) -> World:
    """Fill a live server that has the demo. One call is pending afterwards, for most of an hour."""
    made = server.manage("shell", "--no-imports", "-c", "from tests import world; world.build()").stdout
    ids = json.loads(made.splitlines()[-1])
    with ThreadPoolExecutor(1) as thread:  # Playwright may have a loop of its own in this one
        thread.submit(anyio.run, _call_all, server).result()
    _replay(server, ids["nightly"])
    _replay(server, ids["planned"])
    wait_until(lambda: _newest(server, "pending"), 10, "the pending call did not start")
    wait_until(lambda: _newest(server, "waiting"), 10, "the call that asks did not start")
    ids |= {name: _newest(server, name)[0]["id"] for name in NEWEST}
    flows = server.flow_ids()
    _call_cases(server, flows["lookup_order"])
    return World(server, ids | flows)


async def _call_all(server: LiveServer) -> None:
    async with connect(server, MODERN, who=Implementation(name="Support assistant", version="2.1")) as client:
        with contextlib.suppress(MCPError):
            await client.call_tool("order_history", {"customer": "Ada Lovelace", "limit": 5})
        for tool, arguments in CALLS:
            await client.call_tool(tool, arguments)


def _call_cases(server: LiveServer, flow_id: int) -> None:
    """Run the saved cases: one passes, one does not."""
    request = urllib.request.Request(
        f"{server.url}/api/flows/{flow_id}/cases/run/",
        data=b'{"version": "published"}',
        headers={"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert [case["passed"] for case in json.load(answer)["items"]] == [True, False]


def _newest(server: LiveServer, name: str) -> list[Any]:
    return list(server.get_json(f"/api/executions/?limit=1&{NEWEST[name]}")["items"])


def _replay(server: LiveServer, execution: str) -> None:
    """Press `Run again`: a replay does not end with the one who asked for it."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def post(form_page: str, path: str, **values: str) -> None:
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', opener.open(server.url + form_page).read().decode())
        assert token
        body = urllib.parse.urlencode(values | {"csrfmiddlewaretoken": token[1]}).encode()
        opener.open(server.url + path, body).close()

    credentials = server.credentials
    post("/login/", "/login/", username=credentials["username"], password=credentials["password"])
    post("/keys/", f"/executions/{execution}/replay/")


# --- Inside the server's environment -------------------------------------------------------------------------------


def build() -> None:
    """Flows, keys, people and a long history; prints their ids as JSON."""

    admin = get_user_model().objects.get(is_superuser=True)
    ada, group = make_user(ADA), Group.objects.create(name="Support")
    make_user(GRACE, is_staff=True)
    demo = Server.objects.get(slug="demo")
    hal = make_user(HAL)
    Membership.objects.create(server=demo, user=hal, role="editor")
    Membership.objects.create(server=demo, user=make_user(IVY), role="viewer")
    internal = Server.objects.create(owner=admin, slug="internal", name="Internal tools", is_published=False)
    _seed(Flow.objects.get(tool_name="lookup_order"))
    ids = {
        "server": demo.pk,
        "internal": internal.pk,
        "user": ada.pk,
        "member": hal.pk,
        "group": group.pk,
        "nightly": _nightly(demo, admin),
        "planned": _planned(demo, admin),
    }
    _cases(Flow.objects.get(tool_name="lookup_order"))
    _drafts(demo, internal)
    _old_report(demo, admin)
    ids |= _apis(admin)
    print(json.dumps(ids | _keys(admin, demo) | _secret(demo) | _offers(demo)))


def _apis(admin: Any) -> dict[str, int]:
    """An API of which flows were made before, and its next document, which is kept between the pages of an import."""
    shop = Server.objects.create(owner=admin, slug="shop", name="Shop")

    def orders(version: str, paths: dict[str, Any]) -> bytes:
        info, servers = {"title": "Orders", "version": version}, [{"url": "https://api.orders.example/v1"}]
        return json.dumps({"openapi": "3.1.0", "info": info, "servers": servers, "paths": paths}).encode()

    def operation(summary: str, *required: str, **more: Any) -> dict[str, Any]:
        parameters = [{"name": n, "in": "query", "required": True, "schema": {"type": "string"}} for n in required]
        return {"summary": summary, "parameters": parameters, "responses": {}, "tags": ["orders"]} | more

    listed, old = operation("List orders", "customer"), operation("List orders of the old system", deprecated=True)
    before = {
        "/orders": {"get": listed, "post": operation("Place an order")},
        "/returns": {"get": operation("Returns")},
    }
    first = choosing.choosing_of(admin, shop, choosing.begin(admin, shop, orders("1.4", before)))
    apis.take_over(first.planned({})[0])
    edited = shop.flows.get(name="Place an order")
    edited.when_to_use = "When the customer has agreed to the price."
    edited.save()
    many = {f"/parts/{n}": {"get": operation(f"Look up part {n}", tags=["parts"])} for n in range(120)}
    upload = operation("Send a file", requestBody={"$ref": "parts.yaml#/file"})
    after = {
        "/orders": {
            "get": operation("List orders", "customer", "region"),
            "post": operation("Place an order", "customer"),
            "delete": operation("Remove all orders"),
        },
        "/orders/old": {"get": old},
        "/orders/{id}/file": {"put": upload},
    }
    return {"shop": shop.pk, "document": choosing.begin(admin, shop, orders("2.0", after | many))}


def _seed(flow: Any) -> None:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import seed_executions

    seed_executions.seed(flow, SEEDED)


def _nightly(server: Any, admin: Any) -> str:
    """A flow that takes its time, and an execution of it to run again."""
    definition = {
        "nodes": [
            node("trigger", "trigger", "Every night", 0),
            node("read", "delay", "Read the export", 1, seconds=0.4),
            node("wait", "delay", "Wait for the bank", 2, seconds=3000),
            node("answer", "return", "Done", 3, text="Imported."),
        ],
        "connections": [line("trigger", "read"), line("read", "wait"), line("wait", "answer")],
    }
    values = {"tool_description": "Reads last night's payments.", "definition": definition}
    flow = make_flow(server, tool_name="nightly_import", name="Nightly import", timeout_seconds=3600, **values)
    versions.publish(flow, admin)
    began = timezone.now() - timedelta(hours=26)
    made = make_execution(flow, started_at=began, duration_ms=270_412.0, ended_at=began + timedelta(seconds=270.412))
    return str(made.pk)


def _planned(server: Any, admin: Any) -> str:
    """A flow that asks the caller and the caller's model, and an execution of it to run again."""
    meals = [{"const": "veg", "title": "Vegetarian"}, {"const": "fish", "title": "With fish"}]
    fields = {
        "city": {"type": "string", "title": "Where to?", "description": "A city, as on a ticket.", "minLength": 2},
        "leave": {"type": "string", "title": "Day of departure", "format": "date"},
        "class": {"type": "string", "title": "Class", "enum": ["2", "1"], "enumNames": ["Second", "First"]},
        "meals": {"type": "array", "title": "Meals", "items": {"anyOf": meals}, "default": ["veg"]},
        "refundable": {"type": "boolean", "title": "Only what can be given back", "default": True},
    }
    form = {"type": "object", "properties": fields, "required": ["city"]}
    day = {"answerWithin": 86_400}
    message = "Two seats are left on the early train.\nWhere do you want to go, and how?"
    definition = {
        "nodes": [
            node("trigger", "trigger", "Trip", 0),
            node("ask", "ask_user", "Ask the traveller", 1, message=message, schema=form, **day),
            node("sum", "ask_model", "Sum up", 1, prompt="Sum up the trip.", systemPrompt="Write plainly.", **day),
            node("answer", "return", "Done", 2, text="Booked."),
        ],
        "connections": [line("trigger", "ask"), line("trigger", "sum"), line("ask", "answer", "accept")],
    }
    flow = make_flow(server, tool_name="plan_trip", name="Plan a trip", definition=definition)
    version = versions.publish(flow, admin)
    made = make_execution(flow, flow_version=version, started_at=timezone.now() - timedelta(hours=27))
    return str(made.pk)


def _cases(flow: Any) -> None:
    known = {"outcome": "succeeds", "output": {"compare": "contains", "value": {"customer": "Ada Lovelace"}}}
    flow.cases.create(name="A known order", arguments={"order_id": "A-10481"}, expectation={"outcome": "succeeds"})
    flow.cases.create(name="An order that went", arguments={"order_id": "A-00017"}, expectation=known)


def _drafts(demo: Any, internal: Any) -> None:
    """One that was never published, one that was never called and whose draft breaks its clients, one switched off."""
    summarise = {"name": "Summarise a ticket", "definition": GREET["definition"]}
    make_flow(demo, tool_name="summarise_ticket", input_schema=GREET["input_schema"], **summarise)
    convert = make_flow(demo, tool_name="convert_currency", name="Convert currency", input_schema=CONVERT)
    versions.publish(convert)
    value = {"type": "number", "maximum": 1_000_000}
    convert.input_schema = CONVERT | {"properties": {"value": value, "currency": CURRENCY | {"enum": ["EUR", "USD"]}}}
    convert.output_schema = {"type": "number"}
    convert.save()
    refund = {key: LOOKUP_ORDER[key] for key in ("definition", "input_schema")}
    versions.publish(make_flow(internal, tool_name="refund_order", name="Refund an order", is_active=False, **refund))


def _old_report(server: Any, admin: Any) -> None:
    """A flow that was deleted; its executions stay (FR-011)."""
    greet = {key: GREET[key] for key in ("definition", "input_schema")}
    flow = make_flow(server, tool_name="old_report", name="Old report", **greet)
    version = versions.publish(flow, admin)
    for minutes in (50, 45, 40):
        make_execution(
            flow,
            flow_version=version,
            started_at=timezone.now() - timedelta(minutes=minutes),
            initial_params={"month": "2026-10"},
            params_preview='month: "2026-10"',
            result=DRAWN,
        )
    versions.delete(flow)


def _keys(admin: Any, server: Any) -> dict[str, int]:
    now = timezone.now()
    tools = {"tools": ["greet", "lookup_order"], "scopes": ["mcp:call", "executions:read"]}
    narrow, _ = ApiKey.issue(admin, "Support's Claude", servers=[server], expires_at=now + timedelta(days=60), **tools)
    narrow.rotate(timedelta(days=1))
    ApiKey.issue(admin, "Old laptop", expires_at=now - timedelta(days=3))
    ApiKey.issue(admin, "n8n")
    ApiKey.objects.filter(name="n8n").update(revoked_at=now)
    key = ApiKey.objects.get(name="demo")
    program = Application.objects.create(
        client_id="desk-assistant",
        name="Desk assistant",
        redirect_uris="http://127.0.0.1/callback",
        client_type=Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        registration_source=Application.RegistrationSource.DCR,
    )
    ConnectedClient.connect(admin, program, server)
    return {"key": key.pk, "key_for_tools": narrow.pk}


def _secret(server: Any) -> dict[str, Any]:
    version = FlowVersion.objects.filter(flow__tool_name="lookup_order").get()
    secret = versions.set_secret(server, "ORDERS_TOKEN", "not-shown-anywhere")
    return {"secret": secret.pk, "secret_name": secret.name, "version": version.pk}


def _offers(server: Any) -> dict[str, int]:
    """Beside what the demo has: a prompt of every kind of message, one that a flow answers, a picture."""
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    picture = {"type": "image", "data": png, "mimeType": "image/png"}
    document = {"type": "resource", "resource": {"uri": "faq:{{ arguments.topic }}", "text": "Returns take a week."}}
    messages = [{"role": "user", "content": picture}, {"role": "assistant", "content": document}]
    words = {"description": "Explains a picture with an answer of ours.", "arguments": [{"name": "topic"}]}
    mixed = Prompt(server=server, name="explain_picture", messages=messages, **words)
    save_offer(mixed)
    greet = Flow.objects.get(tool_name="greet")
    arguments = [{"name": "name", "required": True}, {"name": "n", "required": True}]
    save_offer(Prompt(server=server, name="welcome", description="Greets.", arguments=arguments, flow=greet))
    image = Resource(server=server, uri="img:logo", name="Logo", mime_type="image/png", blob=png, is_active=False)
    save_offer(image)
    return {
        "prompt": Prompt.objects.get(name="order_update").pk,
        "prompt_mixed": mixed.pk,
        "prompt_of_flow": Prompt.objects.get(name="welcome").pk,
        "resource": Resource.objects.get(uri="demo:order-states").pk,
        "template": Resource.objects.get(uri="demo:orders/{order_id}").pk,
        "image": image.pk,
    }
