"""An API that is imported again: what it changed against the flows that were made of it, and what is taken over."""

import copy
import json
from typing import Any

import pytest

from flows.models import Flow, Server
from flows.publishing import versions
from flows.revisions.writes import write
from tests.factories import announcements, make_server
from tests.flows.transfer.test_operations import brought, sent, text_of

pytestmark = pytest.mark.django_db


def parameter(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}, **more}


PETS: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Pets", "version": "1"},
    "servers": [{"url": "https://pets.test/v1"}],
    "paths": {
        "/pets": {
            "get": {"operationId": "listPets", "parameters": [parameter("kind")], "responses": {}},
            "post": {"operationId": "addPet", "parameters": [parameter("name", required=True)], "responses": {}},
            "delete": {"operationId": "deletePets", "responses": {}},
        },
        "/owners": {"get": {"operationId": "listOwners", "responses": {}}},
        "/toys": {"get": {"operationId": "listToys", "responses": {}}},
    },
}


def next_pets(**more: Any) -> dict[str, Any]:
    """The same API later: another parameter, one that is required by now, one operation less and one more."""
    document = copy.deepcopy(PETS) | more
    document["info"]["version"] = "2"
    document["paths"]["/pets"]["get"]["parameters"].append(parameter("limit"))
    document["paths"]["/pets"]["post"]["parameters"].append(parameter("owner", required=True))
    document["paths"]["/cages"] = {"get": {"operationId": "listCages", "responses": {}}}
    del document["paths"]["/owners"]
    return document


def imported(document: dict[str, Any], server: Server) -> None:
    """Import what is chosen at first."""
    browser, place = brought(server, json.dumps(document))
    browser.post(sent(browser, place, "preview"))


def edited(flow: Flow) -> None:
    flow.when_to_use = "When somebody asks for pets."
    write(flow, ["when_to_use"])


def drafts(server: Server) -> dict[str, tuple[int, str, list[str]]]:
    """Each flow by its tool name: its revision, the version of the API that it was made of, its parameters."""
    return {
        flow.tool_name: (flow.revision, flow.origin["version"], list(flow.input_schema["properties"]))
        for flow in server.flows.all()
    }


@pytest.fixture
def server() -> Server:
    """A server with the flows of PETS that are made by default, `list_pets` and `list_owners` published."""
    made = make_server()
    imported(PETS, made)
    for name in ("list_pets", "list_owners"):
        versions.publish(made.flows.get(tool_name=name), activate=True)
    return made


def test_a_flow_knows_the_operation_that_it_was_made_of(server: Server) -> None:
    flow = server.flows.get(tool_name="add_pet")
    said = {key: value for key, value in flow.origin.items() if key not in ("document", "made")}
    assert said == {"api": "Pets", "version": "1", "address": "https://pets.test/v1", "operation": "post /pets"}
    assert sorted(server.flows.values_list("tool_name", flat=True)) == [
        *("add_pet", "list_owners", "list_pets", "list_toys"),
    ]
    assert versions.duplicate(flow).origin is None


def test_the_preview_says_what_the_api_changed_and_the_drafts_are_written(server: Server) -> None:
    browser, place = brought(server, json.dumps(next_pets()))
    preview = sent(browser, place, "preview")
    text = text_of(browser, preview)
    assert "1 new, 2 changed (1 breaking), 1 the same, 1 no longer there." in text
    assert "Breaking 1 node changed; parameter owner changed" in text
    assert "Compatible 1 node changed; parameter limit added" in text
    assert "No longer in the API: 1 flow" in text
    assert "get /owners Clients call it" in text
    assert "The same as when it was imported: 1" in text
    published = server.flows.get(tool_name="list_pets").published_version
    page = browser.get(preview)
    shown = {
        f"choice-{number}": f"{step.choice}-{step.revision}"
        for steps in page.context["by_change"].values()
        for number, step in steps
    }
    browser.post(preview, shown)
    assert drafts(server) == {
        "add_pet": (2, "2", ["name", "owner"]),
        "list_cages": (1, "2", []),
        "list_owners": (1, "1", []),
        "list_pets": (2, "2", ["kind", "limit"]),
        "list_toys": (1, "1", []),
    }
    assert server.flows.get(tool_name="list_pets").published_version == published
    assert server.flows.get(tool_name="list_pets").is_active

    _, place = brought(server, json.dumps(next_pets()))
    assert "0 new, 0 changed, 4 the same, 1 no longer there." in text_of(browser, sent(browser, place, "preview"))


def test_a_draft_that_a_person_changed_is_said_to_be_so_and_replaced_when_it_is_ticked(server: Server) -> None:
    flow = server.flows.get(tool_name="list_pets")
    edited(flow)
    browser, place = brought(server, json.dumps(next_pets()))
    preview = sent(browser, place, "preview")
    assert "Replace the edited draft of List pets" in text_of(browser, preview)
    browser.post(preview)
    assert drafts(server)["list_pets"] == (2, "1", ["kind"])
    browser.post(preview, {"choice-0": "replace-2"})
    assert drafts(server)["list_pets"] == (3, "2", ["kind", "limit"])
    flow.refresh_from_db()
    assert flow.when_to_use != "When somebody asks for pets."


def test_a_draft_that_changes_while_somebody_looks_at_the_preview_is_not_replaced(server: Server) -> None:
    browser, place = brought(server, json.dumps(next_pets()))
    preview = sent(browser, place, "preview")
    edited(server.flows.get(tool_name="list_pets"))
    with announcements() as heard:
        page = browser.post(preview, {"choice-0": "replace-1", "choice-1": "replace-1"})
    assert "its draft was changed since you looked at this page" in page.content.decode()
    assert (heard, drafts(server)["add_pet"][0], drafts(server)["list_pets"][1]) == ([], 1, "1")


@pytest.mark.parametrize(
    ("more", "is_known"),
    [
        ({}, True),
        ({"servers": [{"url": "https://pets.test/v2"}]}, True),
        ({"servers": [{"url": "https://elsewhere.test"}]}, True),
        ({"info": {"title": "Animals", "version": "1"}}, True),
        ({"info": {"title": "Animals", "version": "1"}, "servers": [{"url": "https://animals.test"}]}, False),
    ],
)
def test_an_api_is_known_by_its_title_or_its_address(server: Server, more: Any, is_known: bool) -> None:
    browser, place = brought(server, json.dumps(next_pets(**more)))
    page = browser.get(sent(browser, place, "preview"))
    assert bool(page.context["altered"]) == is_known
    assert bool(page.context["gone"]) == is_known


def test_a_tool_that_was_renamed_keeps_its_name_and_counts_as_not_edited(server: Server) -> None:
    flow = server.flows.get(tool_name="add_pet")
    flow.tool_name = "new_pet"
    write(flow, ["tool_name"])
    imported(next_pets(), server)
    browser, place = brought(server, json.dumps(next_pets()))
    page = browser.get(sent(browser, place, "preview"))
    [(number, step)] = page.context["by_change"]["breaking"]
    assert (step.operation.key, step.existing, step.is_edited, step.choice) == ("post /pets", flow, False, "replace")
    browser.post(page.request["PATH_INFO"], {f"choice-{number}": "replace-2"})
    assert drafts(server)["new_pet"] == (3, "2", ["name", "owner"])
