"""The canvas of the Build tab in a browser: by mouse and keyboard, with faults, in both themes, without scripts."""

import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browsing import log_in, window
from tests.built import opening_files
from tests.factories import PASSWORD
from tests.live import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.canvas]

SHIFTS = """() => new Promise((done) => {
  new PerformanceObserver((list) => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)))
    .observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => done(0)));
})"""


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; what its console complains about fails the test, except for what axe measures with."""
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)


def address(server: LiveServer, tool: str = "lookup_order") -> str:
    return f"{server.url}/flows/{server.flow_ids()[tool]}/build/?as=json"


@pytest.fixture
def build(page: Page, uvicorn_server: LiveServer) -> str:
    """The Build tab of `lookup_order`, drawn."""
    page.goto(address(uvicorn_server))
    expect(box(page, "answer")).to_be_visible()
    return page.url


def box(page: Page, key: str) -> Locator:
    return page.locator(f'flow-canvas [data-node="{key}"]')


def focused(page: Page) -> str | None:
    return page.evaluate("document.activeElement.dataset.node ?? document.activeElement.className")


def test_nodes_have_name_type_and_ways_out_and_stand_where_the_definition_puts_them(page: Page, build: str) -> None:
    names = page.locator("flow-canvas .box b").all_text_contents()
    assert names == ["Order id", "Fetch order", "Found?", "Answer", "Unknown order"]
    assert box(page, "found").locator("small").text_content() == "condition"
    assert page.locator("flow-canvas .way").all_text_contents() == ["true", "false"]
    expect(page.locator("flow-canvas .react-flow__edge")).to_have_count(4)
    first, second = box(page, "trigger").bounding_box(), box(page, "fetch").bounding_box()
    assert first
    assert second
    assert (round(second["x"] - first["x"]), second["y"] - first["y"]) == (220, 0)
    expect(page.locator("flow-canvas > .graph")).to_be_hidden()
    assert page.evaluate(SHIFTS) < 0.01


def test_a_click_opens_what_a_node_is_made_of_with_its_line_in_the_definition(page: Page, build: str) -> None:
    box(page, "fetch").click()
    details = page.get_by_role("complementary", name="Fetch order")
    expect(details).to_contain_text("{{ flowhub.url }}/demo/orders/{{ trigger.order_id }}")
    expect(details.get_by_role("link", name="What HTTP request does")).to_have_attribute(
        "href", "/node-types/http_request/"
    )
    details.get_by_role("button", name=re.compile("of the definition")).click()
    field = page.get_by_label("Definition")
    expect(field).to_be_focused()
    chosen = field.evaluate("field => field.value.slice(field.selectionStart).split('\\n').slice(0, 2)")
    assert [line.strip() for line in chosen] == ["{", '"id": "fetch",']
    details.get_by_role("button", name="Close").click()
    expect(details).to_be_hidden()


def test_the_keyboard_has_one_stop_and_moves_along_the_connections(page: Page, build: str) -> None:
    assert page.locator("flow-canvas .stage :is(button, [tabindex='0'])[tabindex='0']").count() == 1
    box(page, "trigger").focus()
    walk = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "Home", "ArrowLeft"):
        page.keyboard.press(key)
        walk.append(focused(page))
    assert walk == ["fetch", "found", "answer", "unknown", "found", "trigger", "trigger"]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    details = page.get_by_role("complementary", name="Fetch order")
    expect(details).to_be_focused()
    page.keyboard.press("Escape")
    expect(box(page, "fetch")).to_be_focused()
    expect(details).to_be_hidden()
    assert page.locator("flow-canvas .stage :is(button, [tabindex='0'])[tabindex='0']").count() == 1
    name = "Fetch order, HTTP request"
    expect(page.get_by_role("button", name=name, expanded=False)).to_be_focused()


def test_wheel_keys_and_drag_move_the_picture(page: Page, build: str) -> None:
    zoom = page.locator("flow-canvas .zoom")
    expect(zoom).to_have_text("100%")
    stage = page.locator("flow-canvas .stage").bounding_box()
    assert stage
    page.mouse.move(stage["x"] + 60, stage["y"] + 60)
    page.mouse.wheel(0, 300)
    expect(zoom).not_to_have_text("100%")
    box(page, "trigger").focus()
    page.keyboard.press("0")
    expect(zoom).to_have_text("100%")
    page.keyboard.press("-")
    expect(zoom).to_have_text("83%")
    page.get_by_role("button", name="Fit").click()
    before = box(page, "trigger").bounding_box()
    page.mouse.move(stage["x"] + 60, stage["y"] + 60)
    page.mouse.down()
    page.mouse.move(stage["x"] + 160, stage["y"] + 90, steps=8)
    page.mouse.up()
    after = box(page, "trigger").bounding_box()
    assert before
    assert after
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (100, 30)


def test_a_saved_draft_is_drawn_anew_and_a_fault_stands_at_its_node(page: Page, uvicorn_server: LiveServer) -> None:
    page.goto(address(uvicorn_server, "greet"))
    field = page.get_by_label("Definition")
    definition = json.loads(field.input_value())
    definition["nodes"][1] |= {"name": "Say hello & <b>goodbye</b>"}
    field.fill(json.dumps(definition))
    page.get_by_role("button", name="Save draft").first.click()
    expect(box(page, "greeting")).to_contain_text("Say hello & <b>goodbye</b>")
    definition["nodes"][1] |= {"name": "Make the greeting", "parameters": {"felds": {}}}
    field.fill(json.dumps(definition))
    page.get_by_role("button", name="Save draft").first.click()
    expect(box(page, "greeting")).to_have_class(re.compile("is-faulty"))
    expect(page.get_by_role("button", name=re.compile(r"Make the greeting, Set fields, \d faults?"))).to_be_visible()
    box(page, "greeting").click()
    expect(page.locator("flow-canvas .wrong")).to_contain_text("felds")


def test_the_canvas_follows_the_theme_of_the_page(page: Page, build: str) -> None:
    colour = "element => getComputedStyle(element).backgroundColor"
    seen = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        seen.append((box(page, "fetch").evaluate(colour), page.locator("flow-canvas .react-flow").evaluate(colour)))
    assert seen == [("rgb(255, 255, 255)", "rgb(246, 247, 249)"), ("rgb(22, 26, 32)", "rgb(15, 18, 22)")]


def test_what_is_built_is_sent_compressed_and_kept_for_good(page: Page, uvicorn_server: LiveServer) -> None:
    answers = [page.request.get(f"{uvicorn_server.url}/static/builder/{name}") for name in sorted(opening_files())]
    said = {(each.headers["content-encoding"], each.headers["cache-control"]) for each in answers}
    assert said == {("gzip", "max-age=315360000, public, immutable")}


def test_what_a_node_is_made_of_breaks_no_rule_of_axe_in_either_theme(page: Page, build: str) -> None:
    box(page, "fetch").click()
    expect(page.get_by_role("complementary", name="Fetch order")).to_be_visible()
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], rule["nodes"]) for rule in found] == []


def test_without_scripts_the_server_s_drawing_is_there(browser: Browser, page: Page, build: str) -> None:
    with window(browser, java_script_enabled=False) as context:
        context.add_cookies(page.context.cookies())
        plain = context.new_page()
        plain.goto(build)
        expect(plain.locator("flow-canvas > .graph")).to_be_visible()
        expect(plain.locator(".graph .box")).to_have_count(5)


def test_at_390_pixels_the_graph_opens_readable_and_the_page_is_not_wider(
    page: Page, uvicorn_server: LiveServer
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address(uvicorn_server))
    found = box(page, "trigger").bounding_box()
    assert found
    assert found["width"] >= 172 * 0.5 - 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box(page, "trigger").click()
    expect(page.get_by_role("complementary", name="Order id")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_viewer_reads_what_nodes_notes_and_the_tool_are_and_no_key_changes_anything(
    browser: Browser, page: Page, uvicorn_server: LiveServer
) -> None:
    flow = next(each for each in uvicorn_server.get_json("/api/flows/")["items"] if each["toolName"] == "lookup_order")
    path = f"/api/flows/{flow['id']}/draft/"
    add = f"""
from django.contrib.auth.models import User
from flows.models import Flow, Membership
flow = Flow.objects.get(pk={flow["id"]})
flow.definition["notes"] = [{{"id": "note", "text": "Ask Ada first", "position": {{"x": 40, "y": 320}}}}]
flow.definition["groups"] = [{{"id": "group", "name": "The answer", "nodeIds": ["found", "answer"]}}]
flow.save()
viewer = User.objects.create_user("viewer", password="{PASSWORD}")
Membership.objects.create(server=flow.server, user=viewer, role="viewer")
"""
    uvicorn_server.manage("shell", "--no-imports", "-v", "0", "-c", add)
    before = uvicorn_server.get_json(path)
    with window(browser, "Applying inline style", reduced_motion="reduce") as context:
        theirs = log_in(context, uvicorn_server, "viewer", PASSWORD)
        requests: list[str] = []
        theirs.on("request", lambda request: requests.append(request.method))
        theirs.goto(f"{uvicorn_server.url}/flows/{flow['id']}/build/")
        expect(theirs.locator("main, #content").first).to_contain_text("You see this draft and cannot change it.")
        box(theirs, "fetch").click()
        details = theirs.get_by_role("complementary", name="Fetch order")
        expect(details.locator("dt").first).to_have_text("Method")
        expect(details.locator("input, textarea, select, [contenteditable]")).to_have_count(0)
        box(theirs, "fetch").focus()
        for key in (
            "Delete",
            "Backspace",
            "Control+x",
            "Control+v",
            "Control+d",
            "Control+s",
            "Control+z",
            "/",
            "d",
            "g",
        ):
            theirs.keyboard.press(key)
        start = box(theirs, "fetch").bounding_box()
        assert start
        theirs.mouse.move(start["x"] + 20, start["y"] + 20)
        theirs.mouse.down()
        theirs.mouse.move(start["x"] + 120, start["y"] + 90, steps=3)
        theirs.mouse.up()
        box(theirs, "trigger").click()
        tool = theirs.get_by_role("complementary", name="Order id")
        expect(tool).to_contain_text("Tool name")
        expect(tool).to_contain_text("lookup_order")
        box(theirs, "note").click()
        expect(theirs.get_by_role("complementary", name="Note")).to_contain_text("Ask Ada first")
        expect(theirs.locator("flow-canvas .frame")).to_have_text("The answer")
        found = Axe().run(theirs, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(rule["id"], rule["nodes"]) for rule in found] == []
        assert set(requests) == {"GET"}
    assert uvicorn_server.get_json(path) == before
