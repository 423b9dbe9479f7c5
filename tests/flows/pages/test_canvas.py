"""A definition as the canvas gets it, and the pages that show it with and without what `make run` builds."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django_vite.core.asset_loader import DjangoViteAssetLoader

from flows.engine.errors import Fault
from flows.models import Flow, Membership
from flows.pages.canvas import GAPS, HEIGHT, WIDTH, canvas_of
from tests.built import MAX_ALL_BYTES, MAX_OPENING_BYTES, all_files, opening_files, sent_bytes
from tests.executions.pages.test_views import browser_of
from tests.factories import make_flow, make_user
from tests.flows.pages.test_views import ECHO, SCHEMA

pytestmark = pytest.mark.django_db


def node(key: str, node_type: str = "set_fields", **more: Any) -> dict[str, Any]:
    return {"id": key, "name": key.upper(), "type": node_type, "slug": key, "parameters": {}} | more


def line(source: str, target: str, handle: str = "main") -> dict[str, str]:
    return {"id": source + target, "sourceNodeId": source, "sourceHandle": handle, "targetNodeId": target}


def test_a_disabled_node_is_shown_as_one() -> None:
    drawn = canvas_of({"nodes": [node("t", "trigger", disabled=True), node("a", disabled=True)], "connections": []})
    assert [each.get("isDisabled") for each in drawn["nodes"]] == [None, True]


def test_a_node_has_its_place_its_type_in_words_and_its_ways_out() -> None:
    definition = {
        "nodes": [node("t", "trigger"), node("c", "condition", position={"x": 1, "y": 2})],
        "connections": [line("t", "c")],
    }
    drawn = canvas_of(definition)
    assert drawn["icons"].endswith("node-icons.svg")
    assert drawn["nodes"][1] == {
        "id": "c",
        "name": "C",
        "type": "condition",
        "x": drawn["nodes"][0]["x"] + WIDTH + GAPS[0],
        "y": drawn["nodes"][0]["y"],
        "height": HEIGHT,
        "ways": ["true", "false"],
        "isStart": False,
        "title": "Condition",
        "icon": "branch",
        "group": "Logic",
        "help": "/node-types/condition/",
    }
    assert [each["isStart"] for each in drawn["nodes"]] == [True, False]
    assert drawn["connections"] == [{"id": "line-0", "source": "t", "way": "main", "target": "c", "isFaulty": False}]


def test_positions_are_those_of_the_definition_when_every_node_has_one() -> None:
    nodes = [node("a", position={"x": -300, "y": 50}), node("b", position={"x": 0, "y": 250})]
    a, b = canvas_of({"nodes": nodes, "connections": []})["nodes"]
    assert (b["x"] - a["x"], b["y"] - a["y"]) == (300, 200)


def test_ways_out_are_chosen_by_parameters_and_settings_and_a_wrong_one_is_drawn_too() -> None:
    cases = [{"name": name, "operator": "equals", "right": name} for name in ("paid", "open", "sent", "lost")]
    nodes = [
        node("s", "switch", parameters={"value": "{{ trigger.x }}", "cases": cases}),
        node("broken", "switch", parameters={"cases": "nonsense"}),
        node(
            "h",
            "http_request",
            parameters={"method": "GET", "url": "https://a.example"},
            settings={"onError": "handle"},
        ),
        node("gone", "of_a_plugin"),
        node("odd", parameters=7),
    ]
    drawn = canvas_of({"nodes": nodes, "connections": [line("gone", "h", "strange")]})["nodes"]
    ways = {each["id"]: each["ways"] for each in drawn}
    assert ways["s"] == ["paid", "open", "sent", "lost", "default"]
    assert ways["h"] == ["main", "error"]
    assert ways["gone"] == ["main", "strange"]
    assert next(each for each in drawn if each["id"] == "s")["height"] == 120
    assert (drawn[3]["title"], drawn[3]["icon"], drawn[3]["help"]) == ("of_a_plugin", "", "")


def test_a_draft_says_what_its_nodes_are_made_of_and_what_is_wrong_with_them() -> None:
    definition = {
        "nodes": ["nonsense", node("a", parameters={"x": 1, "fields": 2}, settings={"timeoutSeconds": 2}), node("b")],
        "connections": [{"id": 3}, line("a", "b")],
    }
    faults = [
        Fault("definition.nodes[1].parameters.x", "not this"),
        Fault("nodes[1]", "nor that"),
        Fault("definition.connections[1].sourceHandle", "no such way"),
        Fault("inputSchema.nodes[2]", "of a node of another name"),
        Fault("toolName", "of the tool"),
    ]
    drawn = canvas_of(definition, faults)
    assert drawn["nodes"][0]["draft"] == {
        "index": 1,
        "slug": "a",
        "parameters": {"x": 1, "fields": 2},
        "titles": {"fields": "Fields"},
        "settings": {"timeoutSeconds": 2},
        "faults": ["not this", "nor that"],
    }
    assert drawn["nodes"][1]["draft"]["faults"] == []
    assert [each["isFaulty"] for each in drawn["connections"]] == [True]


def test_notes_and_groups_of_a_draft_are_drawn_whatever_they_hold() -> None:
    notes = [{"id": "n", "text": "Why", "position": {"x": 3, "y": "4"}}, "nonsense", {"id": "m", "text": "No place"}]
    groups = [{"id": "g", "name": "Both", "nodeIds": ["a"], "more": 1}, {"id": "h", "nodeIds": 7}, None]
    definition = {"nodes": [node("a")], "connections": [], "notes": notes, "groups": groups}
    drawn = canvas_of(definition, [])
    papers = [each for each in drawn["nodes"] if each["type"] == "note"]
    assert [(each["id"], each["name"], each["x"], each["y"]) for each in papers] == [
        ("n", "Why", 3, 0),
        ("m", "No place", 0, 0),
    ]
    assert drawn["groups"] == [{"id": "g", "name": "Both", "nodeIds": ["a"]}]
    assert [each["type"] for each in canvas_of(definition)["nodes"]] == ["set_fields"]


def test_who_may_not_change_a_draft_reads_what_it_is_made_of_and_who_may() -> None:
    flow = make_flow(tool_name="greet", when_to_use="To greet", definition=ECHO)
    for name, role in (("ada", "editor"), ("bob", "viewer"), ("cy", "publisher")):
        Membership.objects.create(server=flow.server, user=make_user(name), role=role)
    page = browser_of(User.objects.get(username="bob")).get(f"/flows/{flow.pk}/build/").content.decode()
    assert f"Those who may: {flow.server.owner.username}, ada, cy." in page
    tool = data_of(page)["tool"]
    assert (tool["Tool name"], tool["When to use"]) == ("greet", "To greet")
    assert ("<flow-editor" in page, "Save draft" in page, 'name="definition"' in page) == (False, False, False)
    editor = browser_of(User.objects.get(username="ada")).get(f"/flows/{flow.pk}/build/?as=json").content.decode()
    assert ("tool" in data_of(editor), "Those who may" in editor) == (False, False)


@pytest.mark.parametrize("broken", [None, [], 7, {"nodes": 1}, {"nodes": [None], "connections": {}}])
def test_what_is_no_definition_is_drawn_as_nothing(broken: Any) -> None:
    drawn = canvas_of(broken, [])
    assert (drawn["nodes"], drawn["connections"]) == ([], [])


# --- What is loaded --------------------------------------------------------------------------------------------------


@pytest.mark.canvas
def test_what_opens_a_graph_and_all_that_is_ever_loaded_are_small() -> None:
    opening, everything = opening_files(), all_files()
    assert opening <= everything
    assert sent_bytes(opening) <= MAX_OPENING_BYTES
    assert sent_bytes(everything) <= MAX_ALL_BYTES


# --- On the page ------------------------------------------------------------------------------------------------------


MAIN = {"src/main.ts": {"file": "assets/main-3w8T0tkC.js", "src": "src/main.ts", "isEntry": True}}


@contextmanager
def built(manifest: dict[str, Any], folder: Path) -> Iterator[None]:
    """Pages find these files, whatever this machine has built; the manifest is read once in a process."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    with override_settings(DJANGO_VITE={"default": {"manifest_path": path, "static_url_prefix": "builder"}}):
        DjangoViteAssetLoader._instance = None
        yield
    DjangoViteAssetLoader._instance = None


@pytest.fixture
def flow() -> Flow:
    return make_flow(definition=ECHO, input_schema=SCHEMA)


@pytest.fixture
def browser(flow: Flow) -> Client:
    return browser_of(flow.server.owner)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="canvas" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_build_page_brings_the_draft_and_the_script_with_the_nonce_of_its_policy(
    browser: Client, flow: Flow, tmp_path: Path
) -> None:
    with built(MAIN, tmp_path):
        answer = browser.get(f"/flows/{flow.pk}/build/?as=json")
    page = answer.content.decode()
    nonce = re.search(r"'nonce-([^']+)'", answer["Content-Security-Policy"])
    assert nonce
    tag = re.search(r'<script[^>]*src="/static/builder/assets/main-3w8T0tkC.js"[^>]*>', page)
    assert tag
    assert f'nonce="{nonce[1]}"' in tag[0]
    drawn = data_of(page)
    assert [each["id"] for each in drawn["nodes"]] == [each["id"] for each in flow.definition["nodes"]]
    assert drawn["inputs"] == list(flow.input_schema["properties"])
    assert "<svg" in page.partition('<flow-canvas class="is-built">')[2].partition("</flow-canvas>")[0]


def test_without_the_build_the_page_is_there_with_the_server_s_drawing(
    browser: Client, flow: Flow, tmp_path: Path
) -> None:
    with built({}, tmp_path):
        answer = browser.get(f"/flows/{flow.pk}/build/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "/builder/" not in page
    assert '<figure class="graph"' in page


def test_other_pages_load_nothing_of_it(browser: Client, flow: Flow, tmp_path: Path) -> None:
    with built(MAIN, tmp_path):
        pages = [browser.get(path) for path in ("/", f"/flows/{flow.pk}/versions/", f"/flows/{flow.pk}/insights/")]
    assert [(page.status_code, "/builder/" in page.content.decode()) for page in pages] == [(200, False)] * 3


def test_a_draft_with_faults_is_drawn_as_it_was_sent(browser: Client, flow: Flow) -> None:
    definition = json.loads(json.dumps(flow.definition))
    definition["nodes"][-1]["type"] = "nothing_like_it"
    form = {"name": flow.name, "tool_name": flow.tool_name, "definition": json.dumps(definition), "timeout_seconds": 5}
    page = browser.post(f"/flows/{flow.pk}/build/", form | {"input_schema": "{}"}).content.decode()
    assert len(data_of(page)["nodes"][-1]["draft"]["faults"]) == 1
