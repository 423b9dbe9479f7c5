"""Building a flow on the canvas in a browser: by mouse from nothing, by keyboard, between two flows, a large one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browsing import log_in, window
from tests.definitions import answer, chain, node
from tests.live import LiveServer
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.canvas]

EMPTY = {"nodes": [{"id": "trigger", "type": "trigger", "name": "Call", "slug": "trigger"}], "connections": []}


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test, except for what axe and an outage make."""
    with window(browser, "Applying inline style", "Failed to load resource", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def build(page: Page, server: LiveServer, flow_id: int) -> None:
    page.goto(f"{server.url}/flows/{flow_id}/build/")
    expect(page.locator("flow-editor .box").first).to_be_visible()


def box(page: Page, name: str) -> Locator:
    return page.locator(f'flow-editor .box[title="{name}"]')


def way(page: Page, name: str, handle: str) -> Locator:
    found = page.locator(".react-flow__node").filter(has=page.locator(f'.box[title="{name}"]'))
    return found.locator(f'.react-flow__handle.source[data-handleid="{handle}"]')


def in_port(page: Page, name: str) -> Locator:
    found = page.locator(".react-flow__node").filter(has=page.locator(f'.box[title="{name}"]'))
    return found.locator(".react-flow__handle.target")


def library(page: Page, node_type: str) -> Locator:
    return page.locator(f".library [data-option={node_type}]")


def stored(server: LiveServer, flow_id: int) -> dict[str, Any]:
    """The nodes of the stored draft by name, and its connections by the names of their ends."""
    definition = server.get_json(f"/api/flows/{flow_id}/draft/")["definition"]
    names = {each["id"]: each["name"] for each in definition["nodes"]}
    lines = [
        (names[each["sourceNodeId"]], each.get("sourceHandle", "main"), names[each["targetNodeId"]])
        for each in definition["connections"]
    ]
    return {"nodes": {each["name"]: each for each in definition["nodes"]}, "lines": sorted(lines)}


def saved(page: Page) -> None:
    """All that was done so far is stored."""
    expect(page.locator(".save-state")).to_have_class("save-state is-saved")


def test_a_flow_is_built_by_mouse_from_nothing_and_saves_itself(page: Page, uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"by_mouse": {"definition": chain(answer("Soon"))}}) as ids:
        flow = ids["by_mouse"]
        build(page, uvicorn_server, flow)
        box(page, "Answer").click(button="right")
        page.get_by_role("menuitem", name="Delete").click()
        expect(box(page, "Answer")).to_have_count(0)
        library(page, "http_request").click()
        library(page, "condition").click()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Fit").click()
        library(page, "return").drag_to(page.locator(".stage"), target_position={"x": 700, "y": 120})
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Fit").click()
        way(page, "Condition", "true").drag_to(in_port(page, "Return"))
        way(page, "Condition", "false").drag_to(in_port(page, "HTTP request"))
        said = "The connections would run in a circle: HTTP request → Condition → HTTP request."
        expect(page.locator(".said")).to_have_text(said)
        page.get_by_role("button", name="Add after Condition, at false").click()
        page.get_by_role("combobox", name="Find a node to put here").fill("answers error")
        page.keyboard.press("Enter")
        expect(box(page, "Fail")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(box(page, "Fail")).to_have_count(0)
        page.get_by_role("button", name="Redo").click()
        expect(box(page, "Fail")).to_be_visible()
        saved(page)
        now = stored(uvicorn_server, flow)
        assert now["lines"] == [
            ("Condition", "false", "Fail"),
            ("Condition", "true", "Return"),
            ("HTTP request", "main", "Condition"),
            ("Trigger", "main", "HTTP request"),
        ]
        assert now["nodes"]["Condition"]["parameters"] == {"left": "{{ http_request }}", "operator": "truthy"}
        expect(page.locator(".checks summary")).to_contain_text("Checks 0")


def test_the_keyboard_alone_builds_connects_moves_and_takes_away(page: Page, uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"by_key": {}}) as ids:
        build(page, uvicorn_server, ids["by_key"])
        box(page, "Answer").focus()
        page.keyboard.press("Delete")
        expect(box(page, "Trigger")).to_be_focused()
        for words, title in (("two values", "Condition"), ("fail", "Fail")):
            page.keyboard.press("/")
            page.keyboard.type(words)
            page.keyboard.press("Enter")
            expect(box(page, title)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("c")
        page.get_by_role("radio", name="false").check()
        page.get_by_role("combobox", name="Connect Condition, at false, to").press("Enter")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("F2")
        page.keyboard.type("No luck")
        page.keyboard.press("Enter")
        page.keyboard.press("d")
        expect(page.get_by_role("button", name="No luck, Fail, disabled")).to_be_focused()
        page.keyboard.press("Alt+ArrowDown")
        saved(page)
        now = stored(uvicorn_server, ids["by_key"])
        assert now["lines"] == [
            ("Condition", "false", "No luck"),
            ("Condition", "true", "No luck"),
            ("Trigger", "main", "Condition"),
        ]
        found, moved = (now["nodes"][name]["position"] for name in ("Condition", "No luck"))
        assert (moved["x"] - found["x"], moved["y"] - found["y"]) == (264, 22)
        assert page.locator("flow-editor .stage [tabindex='0']").count() == 1


def test_nodes_are_copied_to_another_flow(page: Page, uvicorn_server: LiveServer) -> None:
    given = chain(node("fetch", "set_fields", fields={"id": "{{ trigger.id }}"}), answer("{{ fetch.id }}"))
    other = json.loads(json.dumps(EMPTY).replace('"slug": "trigger"', '"slug": "call"'))
    other["nodes"].append(node("fetch", "set_fields", fields={}))
    flows = {"copied_from": {"definition": given}, "copied_to": {}}
    with published(uvicorn_server, flows) as ids:
        page.request.put(
            f"{uvicorn_server.url}/api/flows/{ids['copied_to']}/draft/",
            data={"definition": other},
            headers={"Authorization": f"Bearer {uvicorn_server.credentials['key']}"},
        )
        build(page, uvicorn_server, ids["copied_from"])
        box(page, "Trigger").focus()
        page.keyboard.press("Control+a")
        page.keyboard.press("Control+c")
        build(page, uvicorn_server, ids["copied_to"])
        box(page, "Call").focus()
        page.keyboard.press("Control+v")
        expect(box(page, "Answer")).to_be_visible()
        page.get_by_role("link", name="Versions").click()  # which waits for the draft to be stored
        page.wait_for_url("**/versions/")
        now = stored(uvicorn_server, ids["copied_to"])
        assert now["lines"] == [("Call", "main", "Fetch 2"), ("Fetch 2", "main", "Answer")]
        assert now["nodes"]["Fetch 2"]["parameters"] == {"fields": {"id": "{{ call.id }}"}}
        assert now["nodes"]["Answer"]["parameters"] == {"json": "{{ fetch_2.id }}"}


def test_what_does_not_reach_the_server_is_said_kept_and_sent_later(page: Page, uvicorn_server: LiveServer) -> None:
    def cut(route: Route) -> None:
        route.abort()

    with published(uvicorn_server, {"outage": {}}) as ids:
        build(page, uvicorn_server, ids["outage"])
        draft = f"**/api/flows/{ids['outage']}/draft/"
        page.route(draft, cut)
        library(page, "delay").click()
        expect(page.locator(".save-state")).to_contain_text("Not saved: FlowHub does not answer.")
        page.once("dialog", lambda dialog: dialog.accept())
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("did not reach the server")
        assert box(page, "Delay").count() == 0
        page.unroute(draft)
        page.get_by_role("button", name="Bring them back").click()
        expect(box(page, "Delay")).to_be_visible()
        saved(page)
        assert "Delay" in stored(uvicorn_server, ids["outage"])["nodes"]


def test_somebody_else_s_change_stops_the_saving_until_one_side_is_chosen(
    page: Page, uvicorn_server: LiveServer
) -> None:
    with published(uvicorn_server, {"two_builders": {}}) as ids:
        flow = ids["two_builders"]
        build(page, uvicorn_server, flow)
        theirs = page.request.put(
            f"{uvicorn_server.url}/api/flows/{flow}/draft/",
            data={"name": "Theirs", "definition": chain(answer("Theirs"))},
            headers={"Authorization": f"Bearer {uvicorn_server.credentials['key']}"},
        )
        assert theirs.ok
        library(page, "delay").click()
        expect(page.locator(".save-state")).to_have_text("Not saved: changed by somebody else")
        page.get_by_role("button", name="Look at both").click()
        expect(page.locator("h1")).to_contain_text("was changed meanwhile")
        expect(page.locator("main")).to_contain_text('"type": "delay"')
        page.go_back()
        page.get_by_role("button", name="Throw them away").click()
        saved(page)
        expect(page.locator("h1")).to_contain_text("Theirs")


def test_two_hundred_nodes_open_and_one_is_dragged(page: Page, uvicorn_server: LiveServer) -> None:
    large = chain(*(node(f"n{number}", "set_fields", fields={"n": number}) for number in range(198)), answer("Done"))
    for number, each in enumerate(large["nodes"]):
        each["position"] = {"x": number % 20 * 264, "y": number // 20 * 132}
    with published(uvicorn_server, {"two_hundred": {"definition": large}}) as ids:
        build(page, uvicorn_server, ids["two_hundred"])
        expect(page.locator("flow-editor .box")).to_have_count(200)
        first = box(page, "N1").bounding_box()
        assert first
        page.mouse.move(first["x"] + 40, first["y"] + 10)
        page.mouse.down()
        page.mouse.move(first["x"] + 80, first["y"] + 70, steps=10)
        page.mouse.up()
        saved(page)
        place = stored(uvicorn_server, ids["two_hundred"])["nodes"]["N1"]["position"]
        assert place != {"x": 528, "y": 0}
        assert (place["x"] % 11, place["y"] % 11) == (0, 0)
        page.get_by_role("button", name="Undo").click()
        saved(page)
        assert stored(uvicorn_server, ids["two_hundred"])["nodes"]["N1"]["position"] == {"x": 528, "y": 0}


def test_the_editor_breaks_no_rule_of_axe_in_either_theme(page: Page, uvicorn_server: LiveServer) -> None:
    with published(uvicorn_server, {"rules": {}}) as ids:
        build(page, uvicorn_server, ids["rules"])
        box(page, "Answer").click()
        expect(page.get_by_role("complementary", name="Answer")).to_be_visible()
        box(page, "Answer").press("c")
        for theme in ("light", "dark"):
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
            assert [(rule["id"], [each["html"] for each in rule["nodes"]]) for rule in found] == []
