"""From nothing to a tool that a client calls, in a browser: by mouse, by keyboard, mended, taken back, by two."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browsing import log_in, tab_to, window
from tests.definitions import answer, chain, node
from tests.live import LiveServer, rest, wait_until
from tests.mcp_client import MODERN, connect
from tests.published import published

pytestmark = [pytest.mark.browser, pytest.mark.canvas, pytest.mark.timeout(120)]

ADDRESS = "{{ flowhub.url }}/demo/orders/{{ trigger.order_id }}"
NEWS = "{{ trigger.greeting }}: {{ http_request.body.customer }}'s order is {{ http_request.body.status }}."
NO_ORDER = "{{ trigger.greeting }}, there is no order {{ trigger.order_id }}."
FOUND = "Good news: Ada Lovelace's order is shipped."
UNKNOWN = "Sorry, there is no order A-00017."

LATE = ("status of 412", "status of 409")
"""What a console says when a change has come too late."""


@pytest.fixture
def page(browser: Browser, uvicorn_server: LiveServer) -> Iterator[Page]:
    """A logged-in page; the flows that are built in it are taken away afterwards."""
    before = flow_ids(uvicorn_server)
    with window(browser, *LATE, reduced_motion="reduce") as context:
        yield log_in(context, uvicorn_server)
    for flow in flow_ids(uvicorn_server) - before:
        rest(uvicorn_server, "DELETE", f"/api/flows/{flow}/?confirm=true")


def flow_ids(server: LiveServer) -> set[int]:
    return {flow["id"] for flow in server.get_json("/api/flows/?limit=100")["items"]}


def call_tool(server: LiveServer, tool: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """What the SDK's client is answered with: whether it is an error, and the text."""

    async def ask() -> tuple[bool, str]:
        async with connect(server, MODERN) as client:
            result = await client.call_tool(tool, arguments)
            return bool(result.is_error), result.content[0].text  # type: ignore[union-attr]

    # In a thread of its own: Playwright has a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(anyio.run, ask).result(30)


def box(page: Page, name: str) -> Locator:
    return page.locator(f'flow-editor .box[title="{name}"]')


def form_of(page: Page, name: str) -> Locator:
    form = page.get_by_role("complementary", name=name, exact=True)
    expect(form).to_be_visible()
    return form


def saved(page: Page) -> None:
    expect(page.locator(".save-state")).to_have_class("save-state is-saved")


def flow_id(page: Page) -> int:
    return int(page.url.split("/flows/")[1].split("/")[0])


def assert_looks_orders_up(server: LiveServer, flow: int, tool: str) -> None:
    """The published tool answers for an order, says in words that there is none, and both calls are on record."""
    assert call_tool(server, tool, {"order_id": "A-10481", "greeting": "Good news"}) == (False, FOUND)
    is_error, text = call_tool(server, tool, {"order_id": "A-00017", "greeting": "Sorry"})
    assert (is_error, text.splitlines()[0]) == (True, UNKNOWN)
    executions = [each for each in executions_of(server, flow) if each["source"] == "mcp"]
    common = dict.fromkeys(("trigger", "http_request", "condition"), "completed")
    assert [(each["status"], each["version"], nodes_of(each)) for each in executions] == [
        ("error", 1, common | {"return": "skipped", "fail": "error"}),
        ("fulfilled", 1, common | {"return": "completed", "fail": "skipped"}),
    ]


def executions_of(server: LiveServer, flow: int) -> list[dict[str, Any]]:
    """Newest first, each whole."""
    listed = server.get_json(f"/api/flows/{flow}/executions/")["items"]
    return [server.get_json(f"/api/executions/{each['id']}/") for each in listed]


def nodes_of(execution: dict[str, Any]) -> dict[str, str]:
    return {each["nodeType"]: each["status"] for each in execution["nodeExecutions"]}


def test_by_mouse_a_newcomer_builds_tries_and_publishes_a_tool_without_json(
    page: Page, uvicorn_server: LiveServer
) -> None:
    page.goto(uvicorn_server.url + "/flows/")
    page.get_by_role("link", name="New flow").first.click()
    page.get_by_label("Name").first.fill("Order news")
    page.get_by_role("button", name="Create and build").click()
    flow = flow_id(page)

    box(page, "Call").click()
    form = form_of(page, "Call")
    form.get_by_label("Description", exact=True).fill("Says what became of an order.")
    for name, says in (("order_id", "As A-10481."), ("greeting", "What the answer begins with.")):
        form.get_by_role("button", name="Add a parameter").click()
        page.keyboard.type(name)
        form.get_by_label("Description of new parameter").click()
        page.keyboard.type(says)
        form.get_by_label(f"{name} is required").check()
    form.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Add after Call").click()
    page.get_by_role("combobox", name="Find a node to put here").fill("http")
    page.locator(".popup [data-option=http_request]").click()
    form = form_of(page, "HTTP request")
    form.get_by_label("URL").fill("{{ flowhub.url }}/demo/orders/")
    known = form.locator("details", has_text="What is known here")
    known.locator("summary").click()
    known.get_by_text("trigger.order_id").drag_to(form.get_by_label("URL"), target_position={"x": 290, "y": 15})
    expect(form.get_by_label("URL")).to_have_value(ADDRESS)
    form.get_by_role("switch", name="Fail on another status").click()
    form.get_by_role("button", name="Close").click()

    page.get_by_role("button", name="Add after HTTP request").click()
    page.locator(".popup [data-option=condition]").click()
    form = form_of(page, "Condition")
    form.get_by_role("textbox", name="Left").fill("{{ http_request.status }}")
    form.get_by_label("Operator", exact=True).select_option("equals")
    form.get_by_label("Type of Right").select_option("Number")
    form.get_by_role("combobox", name="Right", exact=True).fill("200")

    page.get_by_role("button", name="Add after Condition, at true").click()
    page.locator(".popup [data-option=return]").click()
    form = form_of(page, "Return")
    form.get_by_role("button", name="Remove JSON").click()
    form.get_by_role("textbox", name="Text", exact=True).fill(NEWS)
    page.get_by_role("button", name="Add after Condition, at false").click()
    page.locator(".popup [data-option=fail]").click()
    form = form_of(page, "Fail")
    form.get_by_role("textbox", name="Message", exact=True).fill(NO_ORDER)
    form.get_by_role("button", name="Close").click()
    saved(page)

    page.get_by_role("button", name="Test call").click()
    trial = page.get_by_role("form", name="Test call")
    trial.get_by_role("textbox", name="order_id").fill("A-10481")
    trial.get_by_role("textbox", name="greeting").fill("Good news")
    trial.get_by_role("button", name="Call the draft").click()
    expect(page.locator(".trial-bar.is-fulfilled")).to_contain_text(FOUND)
    expect(page.locator(".box.is-completed")).to_have_count(4)
    page.locator(".trial-bar").get_by_role("button", name="Hide").click()

    page.get_by_label("More actions").click()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_role("link", name="Publish…").click()
    dialog = page.get_by_role("dialog", name="Publish Order news as v1")
    dialog.get_by_label("Note").fill("The first one.")
    dialog.get_by_label("Activate the flow").check()
    dialog.get_by_role("button", name="Publish v1").click()
    expect(page.get_by_role("heading", name="Live Published as v1")).to_be_visible()
    assert_looks_orders_up(uvicorn_server, flow, "order_news")


def test_the_same_tool_is_built_in_the_outline_by_keyboard_alone(page: Page, uvicorn_server: LiveServer) -> None:
    keys = page.keyboard

    def write(field: Locator, text: str) -> None:
        """Go to a field by Tab, and put a text in the place of what it holds."""
        tab_to(page, field)
        keys.press("Control+a")
        keys.type(text)

    def press(button: Locator, key: str = "Enter") -> None:
        tab_to(page, button)
        keys.press(key)

    def add(words: str, title: str) -> Locator:
        """Choose a node type in the search that has the keyboard, and go into its form."""
        keys.type(words)
        keys.press("Enter")
        expect(box(page, title)).to_be_focused()
        keys.press("Enter")
        form = form_of(page, title)
        expect(form).to_be_focused()
        return form

    page.goto(uvicorn_server.url + "/flows/new/")
    write(page.get_by_label("Name").first, "Order words")
    keys.press("Enter")
    press(page.get_by_role("button", name="Outline"))
    tab_to(page, box(page, "Call"))
    flow = flow_id(page)

    keys.press("Enter")
    form = form_of(page, "Call")
    write(form.get_by_label("Description", exact=True), "Says what became of an order.")
    for name, says in (("order_id", "As A-10481."), ("greeting", "What the answer begins with.")):
        press(form.get_by_role("button", name="Add a parameter"))
        expect(form.get_by_label("Name of new parameter")).to_be_focused()
        keys.type(name)
        keys.press("Tab")
        press(form.get_by_label(f"{name} is required"), "Space")
        write(form.get_by_label(f"Description of {name}"), says)
    keys.press("Escape")
    expect(box(page, "Call")).to_be_focused()

    keys.press("/")
    form = add("http", "HTTP request")
    write(form.get_by_label("URL"), ADDRESS)
    press(form.get_by_role("switch", name="Fail on another status"), "Space")
    keys.press("Escape")
    expect(box(page, "HTTP request")).to_be_focused()
    keys.press("/")
    form = add("two values", "Condition")
    write(form.get_by_role("textbox", name="Left"), "{{ http_request.status }}")
    tab_to(page, form.get_by_label("Operator", exact=True))
    keys.type("equals")
    tab_to(page, form.get_by_label("Type of Right"))
    keys.type("Number")
    tab_to(page, form.get_by_role("combobox", name="Right", exact=True), "Shift+Tab")
    keys.type("200")
    keys.press("Escape")

    expect(box(page, "Condition")).to_be_focused()
    keys.press("c")
    keys.press("Enter")
    form = add("return", "Return")
    press(form.get_by_role("button", name="Remove JSON"))
    expect(form.get_by_role("textbox", name="JSON", exact=True)).to_be_focused()
    tab_to(page, form.get_by_role("textbox", name="Text", exact=True), "Shift+Tab")
    keys.type(NEWS)
    keys.press("Escape")
    expect(box(page, "Return")).to_be_focused()
    keys.press("ArrowUp")
    press(page.get_by_role("button", name="Add after Condition, at false"))
    form = add("fail", "Fail")
    write(form.get_by_role("textbox", name="Message", exact=True), NO_ORDER)
    keys.press("Escape")
    expect(box(page, "Fail")).to_be_focused()
    saved(page)

    tab_to(page, page.get_by_role("link", name="Publish…"), "Shift+Tab")
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="Publish Order words as v1")
    write(dialog.get_by_label("Note"), "By key.")
    press(dialog.get_by_role("button", name="Publish v1"))
    expect(page.get_by_role("heading", name="Live Published as v1")).to_be_visible()
    assert_looks_orders_up(uvicorn_server, flow, "order_words")


def test_a_failing_call_is_mended_from_its_execution_without_a_broken_version_between(
    page: Page, uvicorn_server: LiveServer
) -> None:
    server, asked = uvicorn_server, {"order_id": "A-00017"}
    definition = chain(node("fetch", "http_request", url=ADDRESS), answer("{{ fetch.status }}"))
    takes = {"type": "object", "properties": {"order_id": {"type": "string"}}}
    with published(server, {"order_status": {"definition": definition, "inputSchema": takes}}) as ids:
        flow = ids["order_status"]
        assert call_tool(server, "order_status", asked)[0] is True
        page.goto(f"{server.url}/flows/{flow}/usage/")
        page.locator("#rows .row").first.click()
        page.locator(".from-here").get_by_role("link", name="Try on draft").click()

        expect(page.locator(".box.is-error b")).to_have_text("Fetch")
        trial = page.get_by_role("form", name="Test call")
        expect(trial.get_by_role("textbox", name="order_id")).to_have_value("A-00017")
        form_of(page, "Fetch").get_by_role("switch", name="Fail on another status").click()
        trial.get_by_role("button", name="Call the draft").click()
        expect(page.locator(".trial-bar.is-fulfilled")).to_contain_text("404")

        page.get_by_role("link", name="Publish…").click()
        dialog = page.get_by_role("dialog", name="Publish Order status as v2")
        inside = dialog.get_by_role("region", name="Inside")
        inside.get_by_text("Before and after").click()
        expect(inside.locator("dt")).to_have_text(["parameters.failOnStatus"])
        dialog.get_by_role("button", name="Publish v2").click()
        expect(page.get_by_role("heading", name="Live Published as v2")).to_be_visible()
        assert call_tool(server, "order_status", asked) == (False, "404")
        assert [each["version"] for each in server.get_json(f"/api/flows/{flow}/versions/")["items"]] == [2, 1]


def test_a_version_is_rolled_back_and_clients_get_the_former_answer(page: Page, uvicorn_server: LiveServer) -> None:
    server = uvicorn_server
    with published(server, {"rolled_back": {"definition": chain(answer("Former"))}}) as ids:
        flow = ids["rolled_back"]
        rest(server, "PATCH", f"/api/flows/{flow}/", {"definition": chain(answer("Latter"))})
        rest(server, "POST", f"/api/flows/{flow}/publish/")
        assert call_tool(server, "rolled_back", {}) == (False, '"Latter"')
        page.goto(f"{server.url}/flows/{flow}/versions/")
        page.locator("#rows").get_by_role("link", name="v1").click()
        page.get_by_role("link", name="Publish again…").click()
        expect(page.locator("[data-node=answer]")).to_be_visible()
        page.get_by_role("button", name="Publish again").click()
        expect(page.get_by_role("heading", name="Live Published as v3")).to_be_visible()
        assert call_tool(server, "rolled_back", {}) == (False, '"Former"')
        # What is being built stays as it is.
        assert server.get_json(f"/api/flows/{flow}/")["definition"] == chain(answer("Latter"))


def test_two_people_change_one_flow_and_nothing_of_either_is_lost(
    page: Page, browser: Browser, uvicorn_server: LiveServer
) -> None:
    server = uvicorn_server
    nodes = [node(slug, "template", text=text) for slug, text in (("first", "1"), ("second", "2"))]
    definition = chain(*nodes, answer("{{ second }}"))

    def write(person: Page, name: str, text: str) -> None:
        box(person, name).click()
        form_of(person, name).get_by_role("textbox", name="Text").fill(text)

    def texts(flow: int) -> list[str]:
        nodes = server.get_json(f"/api/flows/{flow}/draft/")["definition"]["nodes"]
        return [each["parameters"]["text"] for each in nodes if each["type"] == "template"]

    @contextmanager
    def held_up(person: Page, name: str, text: str) -> Iterator[None]:
        """What somebody writes is on its way to the server meanwhile, and arrives afterwards."""
        held: list[Route] = []
        person.route(
            "**/draft/", lambda route: held.append(route) if route.request.method == "PUT" else route.continue_()
        )
        write(person, name, text)
        expect(person.locator(".save-state")).to_have_class("save-state is-saving")
        yield
        held.pop().continue_()
        person.unroute("**/draft/")
        expect(person.locator(".save-state")).to_have_text("Not saved: changed by somebody else")

    with (
        published(server, {"two_people": {"definition": definition}}) as ids,
        window(browser, *LATE, reduced_motion="reduce") as other_context,
    ):
        flow, other = ids["two_people"], log_in(other_context, server)
        for person in (page, other):
            person.goto(f"{server.url}/flows/{flow}/build/")
        with held_up(other, "Second", "theirs"):
            write(page, "First", "mine")
            wait_until(lambda: texts(flow) == ["mine", "2"], 10, "What one of them wrote is not stored.")
        other.get_by_role("button", name="Look at both").click()
        expect(other.get_by_role("alert")).to_contain_text("Nothing contradicts")
        expect(other.locator("#settled legend")).to_contain_text(["First", "Second"])
        other.get_by_role("button", name="Save what is chosen").click()
        expect(box(other, "Second")).to_be_visible()
        assert texts(flow) == ["mine", "theirs"]

        with held_up(page, "First", "the one"):
            write(other, "First", "the other one")
            wait_until(lambda: texts(flow) == ["the other one", "theirs"], 10, "What the other wrote is not stored.")
        page.get_by_role("button", name="Look at both").click()
        both = page.locator("fieldset", has_text="Node First")
        expect(both).to_contain_text("the other one")
        both.get_by_role("radio", name="Yours").check()
        page.get_by_role("button", name="Save what is chosen").click()
        expect(box(page, "First")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)  # it is settled: nothing waits to be brought back
        assert texts(flow) == ["the one", "theirs"]
