"""Flows begun from an example: pasted, or the call of a tool that nobody has."""

import json
from typing import Any

import pytest

from executions.models import Execution
from executions.record.status import Status
from flows.models import Flow, SavedCase
from flows.publishing import versions
from flows.starting.examples import schema_of
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_execution, make_server, make_user

TEXT, NUMBER = {"type": "string"}, {"type": "number"}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ("a", TEXT),
        (None, {}),
        (True, {"type": "boolean"}),
        (1, {"type": "integer"}),
        (1.5, NUMBER),
        ([], {"type": "array"}),
        ([1, 2.5, None], {"type": "array", "items": NUMBER}),
        ([1, "a"], {"type": "array", "items": {}}),
        ([[], ["a"]], {"type": "array", "items": {"type": "array", "items": TEXT}}),
        (
            [{"a": 1, "b": "x"}, {"a": 2}],
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "a": {"type": "integer", "description": "a, as 1."},
                        "b": {"type": "string", "description": "b, as x."},
                    },
                    "required": ["a"],
                },
            },
        ),
        (
            {"on": True, "token": "s3cret", "long": "x" * 99},
            {
                "type": "object",
                "properties": {
                    "on": {"type": "boolean", "description": "on, as true."},
                    "token": {"type": "string", "description": "token."},
                    "long": {"type": "string", "description": "long."},
                },
                "required": ["on", "token", "long"],
            },
        ),
    ],
)
def test_a_schema_says_what_an_example_is(value: Any, schema: dict[str, Any]) -> None:
    assert schema_of(value) == schema


@pytest.mark.django_db
def test_an_example_becomes_a_draft_that_answers_so_and_its_arguments_a_saved_case() -> None:
    server = make_server()
    form = {"name": "Order history", "server": server.pk, "tool_description": "Lists orders.", "tool_name": ""}
    example = {"arguments": '{"customer": "Ada", "limit": 5}', "answer": '{"orders": [{"id": "A-1"}]}'}
    browser_of(server.owner).post("/flows/new/example/", form | example)
    flow = Flow.objects.get()
    assert (flow.tool_name, versions.publishing_faults(flow)) == ("order_history", [])
    assert flow.input_schema["properties"]["limit"] == {"type": "integer", "description": "limit, as 5."}
    assert flow.input_schema["required"] == ["customer", "limit"]
    assert flow.definition["nodes"][1]["parameters"] == {"json": {"orders": [{"id": "A-1"}]}}
    assert flow.output_schema is not None
    assert SavedCase.objects.get().arguments == {"customer": "Ada", "limit": 5}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"arguments": "[1]"}, "Write a JSON object"),
        ({"arguments": "{"}, "Not JSON, line 1"),
        ({"answer": '"\\u0000"'}, "null character"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_an_example_that_cannot_be_read_is_said_at_its_field(change: dict[str, str], why: str) -> None:
    server = make_server()
    form = {"name": "Any", "server": server.pk} | change
    assert why in words(browser_of(server.owner).post("/flows/new/example/", form).content.decode())
    assert not Flow.objects.exists()


def unknown(owner: Any, slug: str, name: str, arguments: Any) -> Execution:
    """The record of a call of a tool that its server does not have."""
    values = {"owner": owner, "server_slug": slug, "flow_name": name, "flow_tool_name": name}
    made = make_execution(status=Status.ERROR, error_kind="rejected", initial_params=arguments, **values)
    Flow.objects.all().delete()
    return made


@pytest.mark.django_db
def test_a_call_of_an_unknown_tool_leads_to_a_flow_with_its_name_and_arguments() -> None:
    owner = make_user()
    make_server(owner, "another")
    server = make_server(owner, "shop")
    call = unknown(owner, "shop", "order_history", {"customer": "Ada", "password": "***"})
    browser = browser_of(owner)
    assert f'href="/executions/{call.pk}/flow/"' in browser.get(f"/executions/{call.pk}/").content.decode()
    form = browser.get(f"/executions/{call.pk}/flow/").context["form"]
    assert form.initial == {
        "name": "Order history",
        "tool_name": "order_history",
        "server": server,
        "arguments": {"customer": "Ada"},
        "omitted": ["password"],
    }
    sent = {"name": "Order history", "tool_name": "order_history", "server": server.pk}
    example = {"arguments": '{"customer": "Ada"}', "omitted": json.dumps(["password"])}
    browser.post("/flows/new/example/", sent | example)
    flow = Flow.objects.get()
    assert flow.input_schema == {
        "type": "object",
        "properties": {
            "customer": {"type": "string", "description": "customer, as Ada."},
            "password": {"type": "string", "description": "password.", "writeOnly": True},
        },
        "required": ["customer", "password"],
        "additionalProperties": False,
    }
    case = SavedCase.objects.get()
    assert (case.arguments, case.omitted) == ({"customer": "Ada"}, ["password"])


@pytest.mark.django_db
def test_a_name_that_no_flow_may_have_is_proposed_in_snake_case_and_said() -> None:
    owner = make_user()
    make_server(owner, "shop")
    call = unknown(owner, "shop", "getOrderHistory", {})
    page = words(browser_of(owner).get(f"/executions/{call.pk}/flow/").content.decode())
    assert "Flows have names in snake_case, so it is get_order_history" in page


@pytest.mark.django_db
def test_only_a_call_of_an_unknown_tool_that_one_may_see_leads_to_a_new_flow() -> None:
    owner = make_user()
    call = unknown(owner, "shop", "order_history", {})
    known = make_execution(owner=owner)
    assert browser_of(owner).get(f"/executions/{known.pk}/flow/").status_code == 404
    assert f"/executions/{known.pk}/flow/" not in browser_of(owner).get(f"/executions/{known.pk}/").content.decode()
    assert browser_of(make_user()).get(f"/executions/{call.pk}/flow/").status_code == 404
