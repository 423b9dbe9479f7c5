"""The Tool tab, what stands before Publish, the server's sum, and the same over REST."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from flows.models import Flow
from flows.publishing import versions
from tests.browsing import log_in
from tests.definitions import answer, chain, node
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_flow, make_server, make_user
from tests.live import LiveServer
from tests.mcp_client import ERAS, LEGACY, connect
from tests.published import published

pytestmark = pytest.mark.django_db

ID = {"type": "string", "description": "The order's id, as A-10481."}
SCHEMA = {"type": "object", "properties": {"order_id": ID}, "required": ["order_id"], "additionalProperties": False}


def a_flow(**changed: Any) -> Flow:
    """A flow that answers with JSON, on a server of its own."""
    values: dict[str, Any] = {
        "tool_name": "find_order",
        "name": "Find an order",
        "tool_description": "Returns the customer, status and total of one order.",
        "when_to_use": "When the person gives an order id.",
        "when_not_to_use": "To search by date.",
        "input_schema": SCHEMA,
        "annotations": {"readOnlyHint": True},
        "definition": chain(answer("{{ trigger.order_id }}")),
    }
    return make_flow(changed.pop("server", None), **(values | changed))


def tool(flow: Flow, query: str = "") -> Any:
    """The document over REST."""
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    return client.get(f"/api/flows/{flow.pk}/tool/{query}").json()


def page(flow: Flow, query: str = "") -> str:
    """The words of the Tool tab."""
    return words(browser_of(flow.server.owner).get(f"/flows/{flow.pk}/tool/{query}").content.decode())


def rules(review: Any) -> list[str]:
    return [finding["rule"] for finding in review["findings"]]


def test_a_draft_is_shown_before_anything_is_published() -> None:
    flow = a_flow()
    found = tool(flow)
    assert (found["live"], found["comparison"], found["faults"]) == (None, None, [])
    assert found["server"] == {"tools": 0, "tokens": 0}
    assert found["draft"]["version"] is None
    assert found["draft"]["modern"] == versions.contract_of(flow) == found["draft"]["legacy"]
    assert found["draft"]["findings"] == [
        {
            "rule": "output-schema",
            "level": "hint",
            "path": "outputSchema",
            "message": "the flow returns JSON: a schema tells clients and models what comes back",
        }
    ]
    assert "Nobody calls it yet" in page(flow)


def test_the_draft_and_what_clients_call_are_told_apart_and_compared() -> None:
    flow = a_flow()
    versions.publish(flow)
    flow.input_schema = SCHEMA | {"properties": {"order_id": ID | {"maxLength": 7}}}
    flow.save()
    found = tool(flow)
    assert (found["live"]["version"], found["live"]["modern"]["inputSchema"]) == (1, SCHEMA)
    assert found["draft"]["modern"]["inputSchema"] == flow.input_schema
    assert found["comparison"] == {
        "before": "1",
        "after": "draft",
        "verdict": "breaking",
        "changes": [
            {
                "path": "inputSchema.properties.order_id.maxLength",
                "kind": "bound",
                "verdict": "breaking",
                "message": "maxLength 7 is new",
            }
        ],
        "inside": [],
    }
    assert page(flow).count("maxLength") == 3  # the change's path and message, and the definition
    assert page(flow, "?show=live").count("maxLength") == 2
    assert "maxLength 7 is new" in page(flow, "?show=live")


def test_any_two_versions_are_compared_and_others_are_refused() -> None:
    flow = a_flow()
    versions.publish(flow)
    flow.when_to_use, flow.timeout_seconds = "Always.", 9
    flow.save()
    versions.publish(flow)
    found = tool(flow, "?before=2&after=1")["comparison"]
    setting = {"kind": "setting", "verdict": "changed", "name": "timeoutSeconds", "message": "9 → 300"}
    assert found["inside"] == [setting]
    assert "Setting timeoutSeconds 300 → 9" in words(page(flow, "?before=1&after=2"))
    assert (found["before"], found["after"], found["verdict"]) == ("2", "1", "compatible")
    assert [change["path"] for change in found["changes"]] == ["description"]
    assert "the model sees another description" in page(flow, "?before=1&after=2")
    assert "Clients see the same tool in both" in page(flow)
    browser = browser_of(flow.server.owner)
    assert 'href="?with=1">What changed since v1' in browser.get(f"/flows/{flow.pk}/versions/2/").content.decode()
    for wrong in ("3", "0", "-1", "x", "9" * 40, "²"):
        assert tool(flow, f"?before={wrong}") == {
            "detail": f"This flow has no version {wrong[:20]!r}; write the number of one, or draft."
        }
        assert browser.get(f"/flows/{flow.pk}/tool/?after={wrong}").status_code == 404


def test_the_raw_definition_is_json_of_the_draft_or_a_version_in_either_era() -> None:
    flow = a_flow(output_schema={"type": "string"})
    versions.publish(flow)
    browser = browser_of(flow.server.owner)
    modern = browser.get(f"/flows/{flow.pk}/tool/1/modern/").json()
    legacy = browser.get(f"/flows/{flow.pk}/tool/draft/legacy/").json()
    assert modern["outputSchema"] == {"type": "string"}
    assert legacy["outputSchema"] == {
        "type": "object",
        "properties": {"result": {"type": "string"}},
        "required": ["result"],
    }
    for wrong in ("2/modern", "draft/ancient", "live/modern"):
        assert browser.get(f"/flows/{flow.pk}/tool/{wrong}/").status_code == 404


def test_nodes_tell_whether_a_tool_only_reads() -> None:
    get = node("fetch", "http_request", url="https://example.com")
    post = node("charge", "http_request", url="https://example.com", method="POST")
    assert "annotation-not-read-only" not in rules(tool(a_flow(definition=chain(get)))["draft"])
    assert "annotation-not-read-only" in rules(tool(a_flow(definition=chain(get, post)))["draft"])
    assert "annotation-read-only" in rules(tool(a_flow(definition=chain(get), annotations={}))["draft"])


def test_the_other_tools_of_the_server_count_and_those_of_others_do_not() -> None:
    server = make_server()
    for other in ("find_orders", "find_order_2"):
        versions.publish(a_flow(server=server, tool_name=other))
    a_flow(server=server, tool_name="find_orderz")  # a draft that nobody calls
    versions.publish(a_flow(tool_name="find_order1"))
    flow = a_flow(server=server)
    near = [finding["message"] for finding in tool(flow)["draft"]["findings"] if finding["rule"] == "name-near"]
    assert near == [
        f"it is nearly that of {name}; models take one for the other" for name in ("find_order_2", "find_orders")
    ]
    assert tool(flow)["server"]["tools"] == 2


def test_annotations_that_cannot_be_sent_keep_a_flow_from_being_published() -> None:
    flow = a_flow(annotations={"readOnlyHint": "sometimes"})
    found = tool(flow)
    assert found["faults"] == [
        {
            "path": "annotations.readOnlyHint",
            "key": "",
            "message": "write true or false: it cannot be sent to clients otherwise",
        }
    ]
    assert (found["draft"]["modern"], found["draft"]["legacy"]) == (None, None)
    assert found["draft"]["unservable"].startswith("annotations.readOnlyHint: ")
    assert "This cannot be sent to clients" in page(flow)
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    refused = client.post(f"/api/flows/{flow.pk}/publish/")
    assert (refused.status_code, list(refused.json())) == (400, ["annotations"])


def test_publishing_shows_what_changes_and_what_to_improve_before_the_button_and_blocks_nothing() -> None:
    flow = a_flow(when_to_use="")
    browser = browser_of(flow.server.owner)
    first = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    assert first.index("1 warning") < first.index(">Publish v1</button>")
    assert "Nobody calls it yet: this is the first version." in words(first)
    versions.publish(flow)
    flow.tool_name = "fetch_order"
    flow.save()
    assert "Publish… 1 change, 1 breaking" in words(browser.get(f"/flows/{flow.pk}/build/").content.decode())
    text = browser.get(f"/flows/{flow.pk}/publish/").content.decode()
    assert text.index("1 breaking change") < text.index(">Publish v2</button>")
    assert "clients that call find_order find no tool of that name; it is fetch_order now" in words(text)
    browser.post(f"/flows/{flow.pk}/publish/")
    flow.refresh_from_db()
    assert flow.published_version.number == 2


def test_the_server_page_adds_up_what_a_model_reads() -> None:
    server = make_server()
    browser = browser_of(server.owner)
    assert "Clients see no tool here yet" in words(browser.get(f"/servers/{server.pk}/").content.decode())
    flow = a_flow(server=server)
    versions.publish(flow)
    versions.publish(a_flow(server=server, tool_name="cancel_everything", is_active=False))
    total = tool(flow)["live"]["tokens"]["total"]
    assert tool(flow)["server"] == {"tools": 1, "tokens": total}
    text = words(browser.get(f"/servers/{server.pk}/").content.decode())
    assert f"about {total} tokens" in text
    assert "cancel_everything" not in text


def test_what_others_own_is_not_found(client: Client) -> None:
    flow = a_flow()
    client.force_login(make_user())
    for address in ("flows/{}/tool/", "flows/{}/tool/draft/modern/", "api/flows/{}/tool/"):
        assert client.get("/" + address.format(flow.pk)).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_definition_is_the_one_that_clients_get(uvicorn_server: LiveServer, era: str) -> None:
    table = node("table", "ui_table", rows="{{ trigger.rows }}")
    with published(uvicorn_server, {f"drawn_{era[:4]}": {"definition": chain(table)}}) as drawn:
        async with connect(uvicorn_server, era) as client:
            listed = (await client.list_tools()).tools
        assert {"greet", "lookup_order", "order_report", "slow_report", *drawn} <= {found.name for found in listed}
        check_shown(uvicorn_server, listed, "legacy" if era == LEGACY else "modern")
    # It was stored without properties: smolagents loses every tool of a server over one that is sent so.
    assert [found.input_schema for found in listed if found.name in drawn] == [{"type": "object", "properties": {}}]


def check_shown(server: LiveServer, listed: list[Any], era: str) -> None:
    flows = server.get_json("/api/flows/?limit=100")["items"]
    for found in listed:
        number = next(flow["id"] for flow in flows if flow["toolName"] == found.name)
        shown = server.get_json(f"/api/flows/{number}/tool/")["live"][era]
        assert found.model_dump(mode="json", by_alias=True, exclude_none=True) == shown


def test_the_definition_names_the_page_that_draws_its_answers() -> None:
    flow = a_flow(definition=chain(node("table", "ui_table", rows=[])))
    named = {"ui": {"resourceUri": f"ui://{flow.server.slug}/find_order/table"}}
    found = tool(flow)["draft"]
    assert (found["modern"]["_meta"], found["legacy"]["_meta"]) == (named, named)
    assert f'"ui://{flow.server.slug}/find_order/table"' in page(flow)


@pytest.mark.parametrize(
    ("end", "is_unmet"),
    [
        (node("end", "return", text="x"), True),
        (node("end", "return_content", content=[{"type": "text", "text": "x"}]), True),
        (node("end", "return", json=1), False),
        (node("end", "ui_table", rows=[]), False),
    ],
)
def test_an_output_schema_that_no_node_can_meet_is_found(end: Any, is_unmet: bool) -> None:
    flow = a_flow(definition=chain(end), output_schema={"type": "object"})
    assert ("output-schema-unmet" in rules(tool(flow)["draft"])) is is_unmet


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "button"),
    [
        ("tool/?show=live", "[aria-label='Copy the definition']"),
        ("versions/1/", "[data-copy='#contract']"),
    ],
)
def test_what_is_copied_is_the_whole_definition(
    uvicorn_server: LiveServer, browser: Any, path: str, button: str
) -> None:
    flows = uvicorn_server.get_json("/api/flows/?search=order_report")["items"]
    contract = uvicorn_server.get_json(f"/api/flows/{flows[0]['id']}/tool/")["live"]["modern"]
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = log_in(context, uvicorn_server, "", "")
    page.goto(f"{uvicorn_server.url}/flows/{flows[0]['id']}/{path}")
    page.locator(button).click()
    page.locator(button).get_by_text("copied", exact=True).wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == contract
    context.close()
