"""Who gets through which door: every kind of person at every address of the URLconf, by every method that it takes.

The doors are made from the URLconf, so a new one fails here until `matrix.txt` says who gets through it; read the
difference, then write it with `FLOWHUB_WRITE_MATRIX=1`. Beside the table, each door that names a scope is held to the
rule itself: who lacks the scope is refused, and who does not belong to the server is told that nothing is there.
"""

import json
import os
import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from flows.access.roles import SCOPES_OF
from flows.members.invitations import invite
from flows.models import Membership, Prompt, Resource, SavedCase
from flows.publishing import versions
from flows.transfer import choosing
from mcp_bridge.models import ApiKey
from tests.definitions import chain, node
from tests.doors import METHODS, Door, address_of, doors
from tests.factories import make_execution, make_flow, make_server, make_user
from tests.live import ROOT

PEOPLE = ("anonymous", "deactivated", "stranger", "viewer", "editor", "publisher", "owner", "superuser")
TABLE = ROOT / "tests" / "abuse" / "matrix.txt"

STARTS = {
    *("executions:test", "executions:cases", "executions:publish-cases", "executions:first-call"),
    *("executions:replay", "executions:replay-from", "executions:answer", "api-flow-test", "api-cases-run"),
    *("api-execution-replay", "api-execution-answer", "api-upstream-tools", "demo-chat", "demo-order"),
}
"""What begins an execution, or asks somebody outside: nobody who gets through is sent there here."""

WITHOUT = frozenset({"admin:jsi18n", "admin:view_on_site", "admin:autocomplete"})
"""Doors of Django's own that show nothing of anybody."""


@dataclass
class World:
    people: dict[str, Any]
    ids: dict[str, Any]


def shared() -> World:
    """A server of the owner with something of each kind, and what everybody else is to it."""
    owner = make_user("owner")
    server = make_server(owner, slug="shared")
    needs = {"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"]}
    definition = chain(node("answer", "return", text="Done"))
    flow = make_flow(server, tool_name="shared_tool", definition=definition, input_schema=needs)
    versions.publish(flow, owner)
    versions.set_secret(server, "KEY", "value")
    people = {"anonymous": None, "owner": owner, "stranger": make_user("stranger")}
    people["superuser"] = make_user("superuser", is_superuser=True)
    people["deactivated"] = make_user("deactivated", is_active=False)
    for role in ("viewer", "editor", "publisher"):
        people[role] = Membership.objects.create(server=server, user=make_user(role), role=role).user
    Membership.objects.create(server=server, user=people["deactivated"], role="publisher")
    prompt = Prompt.objects.create(server=server, name="ask", description="Asks.", messages=[])
    resource = Resource.objects.create(server=server, uri="a:b", name="b", text="text")
    case = SavedCase.objects.create(flow=flow, name="case", arguments={"who": "Ada"})
    key = ApiKey.issue(owner, "key")[0]
    api = {"openapi": "3.0.3", "info": {"title": "A", "version": "1"}, "paths": {"/a": {"get": {"responses": {}}}}}
    document_id = choosing.begin(owner, server, json.dumps(api).encode())
    invitation, _ = invite(server, "viewer")
    execution = make_execution(flow, initial_params={"who": "Ada"})
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
        "user_id": people["viewer"].pk,
        "document_id": document_id,
        "invitation_id": invitation.pk,
        "token": "guess",
        "tool": "shared_tool",
        "slug": "answer",
        "form": "curl",
        "part": "result",
        "era": "modern",
        "key": "ask",
        "order_id": "A-1",
        "type": "return",
        "object_id": flow.pk,
        "app_label": "flows",
        "content_type_id": 1,
        "url": "nowhere",
    }
    camel = {re.sub(r"_(.)", lambda found: found[1].upper(), name): value for name, value in ids.items()}
    camel |= {"promptId": prompt.pk, "resourceId": resource.pk}
    return World(people, camel | ids)


@pytest.fixture
def world(db: Any) -> World:
    return shared()


def browsers(world: World) -> dict[str, Client]:
    found = {}
    for name, person in world.people.items():
        found[name] = Client(raise_request_exception=False)
        if person is not None:
            found[name].force_login(person)
    return found


def answer_of(client: Client, door: Door, address: str) -> str:
    """How a door answers, in a letter; nothing of what it changed stays."""
    cookies = dict(client.cookies)  # a log-out is one of the doors
    with transaction.atomic():
        if door.method == "GET":
            answer = client.get(address)
        elif hasattr(door.view, "cls"):
            answer = client.generic(door.method, address, json.dumps({"nonsense": 1}), "application/json")
        else:
            answer = client.post(address, {"nonsense": "1"})
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.update(cookies)
    status, location = answer.status_code, answer.headers.get("Location", "")
    if status in (401, 302) and (status == 401 or "/login/" in location):
        return "l"
    assert status < 500 or status == 503, (door, address, status, answer.content[:300])
    return {403: "f", 404: "-", 405: "m"}.get(status, "o")


def is_let_in(door: Door, person: str) -> bool:
    """What the rule says of a door of the shared server."""
    role = {"superuser": "owner"}.get(person, person)
    return role in SCOPES_OF and (door.scope is None or door.scope in SCOPES_OF[role])


@pytest.mark.timeout(300)
def test_every_person_at_every_door(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    clients, lines, wrong = browsers(world), [], []
    asked = 0
    for door in doors():
        if door.name in WITHOUT:
            continue
        letters = ""
        address = address_of(door, world.ids)
        for person in PEOPLE:
            is_started = door.name in STARTS and door.method != "GET" and is_let_in(door, person)
            letter = "." if is_started else answer_of(clients[person], door, address)
            asked += letter != "."
            letters += letter
            of_server = re.search(r":(server|flow|execution|prompt|resource)_?[iI]d>", door.route)
            is_left = (door.name, door.method, person) == ("api-member", "DELETE", "viewer")
            if is_left or not (door.names_object and of_server and door.scope is not None):
                continue
            if person == "stranger" and letter != "-" and letter != "m":
                wrong.append(f"{door.method} {door.route}: a stranger gets {letter}")
            if person in SCOPES_OF and not is_let_in(door, person) and letter not in "f-m":
                wrong.append(f"{door.method} {door.route}: the {person} gets {letter} without {door.scope}")
            if is_let_in(door, person) and letter in "fl":
                wrong.append(f"{door.method} {door.route}: the {person} gets {letter} with {door.scope}")
        if set(letters) != {"m"}:
            lines.append(f"{letters} {door.method:6} /{door.route}")
    head = (
        f"# {' '.join(PEOPLE)}\n# o: let in, l: has to log in, f: refused (403), -: not there (404), "
        "m: no such method, .: let in and not sent\n"
    )
    said = head + "\n".join(lines) + "\n"
    if os.environ.get("FLOWHUB_WRITE_MATRIX"):
        TABLE.write_text(said)
    with capsys.disabled():
        print(f"\nmatrix: {len(lines)} doors x {len(PEOPLE)} people, {asked} requests")  # noqa: T201 (its size is part of the answer)
    assert "\n".join(wrong) == ""
    assert said.splitlines() == TABLE.read_text().splitlines()


def test_every_operation_of_the_document_is_a_door() -> None:
    document = SchemaGenerator().get_schema(request=None, public=True)
    operations = {
        (method.upper(), re.sub(r"\{(\w+)\}", r"<str:\1>", path).removeprefix("/"))
        for path, item in document["paths"].items()
        for method in item
        if method.upper() in METHODS
    }
    known = {(door.method, door.route) for door in doors()}
    assert (len(operations) > 50, operations - known) == (True, set())
