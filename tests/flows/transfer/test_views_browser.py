"""Secrets and imports in a real browser: files are chosen, previews confirmed, and nothing is wider than its window."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Locator, Page, expect

from flows.models import Secret
from flows.publishing import versions
from flows.transfer import files
from tests.factories import make_flow, make_server
from tests.flows.secrets.test_secrets import VALUE, using_secrets
from tests.flows.transfer.test_openapi import ORDERS
from tests.flows.transfer.test_operations import large

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(live_server: Any, page: Page, client: Client) -> Any:
    """A server whose owner is logged in at `page`; what the console complains about fails the test."""
    found = make_server()
    client.force_login(found.owner)
    cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
    page.context.add_cookies([cookie])
    complaints: list[str] = []
    # This server has no sockets.
    matters = lambda message: message.type == "error" and not message.text.startswith("WebSocket connection to")  # noqa: E731
    page.on("console", lambda message: matters(message) and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/servers/{found.pk}/import/")
    yield found
    assert complaints == []


def test_a_file_is_chosen_previewed_and_imported(server: Any, page: Page, tmp_path: Path) -> None:
    make_flow(server, name="Mine", tool_name="orders")
    other = make_server()
    make_flow(other, name="Orders", tool_name="orders", definition=using_secrets("API_KEY"))
    make_flow(other, name='More "of" <it>', tool_name="more")
    file = tmp_path / "flows.json"
    file.write_text(files.exported(other.flows.all()))
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("What happens with Orders").select_option("Replace the draft of Mine")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Imported: 2 flows")
    assert [flow.name for flow in server.flows.all()] == ['More "of" <it>', "Orders"]

    page.get_by_role("link", name="API_KEY").click()
    expect(page.get_by_label("Name")).to_have_value("API_KEY")
    page.get_by_label("Value").fill(VALUE)
    page.get_by_role("button", name="Add secret").click()
    expect(page.get_by_role("row", name="API_KEY")).to_contain_text("Orders")
    assert VALUE not in page.content()
    assert Secret.objects.get().server == server


def width_behind(page: Page, way: Locator) -> int:
    """How wide the page is that a link or button leads to; between two pages there is no document to measure."""
    with page.expect_navigation():
        way.click()
    return page.evaluate("document.documentElement.scrollWidth")


def test_operations_of_a_document_become_flows_in_a_narrow_window(server: Any, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    pages = ["Settings", "Secrets", "Import"]
    for name in pages:
        assert width_behind(page, page.get_by_role("navigation", name="Server").get_by_role("link", name=name)) <= 390
    page.get_by_label("Or paste it").fill(ORDERS)
    assert width_behind(page, page.get_by_role("button", name="Preview")) <= 390
    page.get_by_label("Create order").uncheck()
    page.get_by_label("Cancel").check()
    assert width_behind(page, page.get_by_role("button", name="Preview")) <= 390
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Imported: 2 flows")
    assert set(server.flows.values_list("tool_name", flat=True)) == {"get_order_by_id", "delete_orders_id"}
    page.get_by_role("link", name="Look up an order").click()
    page.locator(".checks > summary").click()
    page.locator(".checks").get_by_role("button", name="API_KEY").click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Add the secret API_KEY").click()
    expect(opened.value.get_by_label("Name")).to_have_value("API_KEY")


def test_operations_are_found_and_chosen_by_keyboard(server: Any, page: Page) -> None:
    page.get_by_label("Or paste it").fill(large(150))
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("150 chosen", exact=True)).to_be_visible()
    page.get_by_label("Look up thing 0").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Page 2").press("Enter")
    expect(page.get_by_text("101–151 of 151")).to_be_visible()
    expect(page.get_by_text("149 chosen", exact=True)).to_be_visible()
    page.get_by_label("Search title").fill("thing 12 odd")
    page.get_by_label("Search title").press("Enter")
    expect(page.get_by_role("row")).to_have_count(1 + 5)
    page.get_by_role("button", name="Choose none of them").press("Enter")
    expect(page.get_by_text("144 chosen", exact=True)).to_be_visible()
    page.get_by_label("Which operations").select_option("Chosen")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Preview 144 chosen").press("Enter")
    page.get_by_role("button", name="Import", exact=True).press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Imported: 144 flows")
    page.get_by_role("button", name="Publish chosen").press("Enter")
    expect(page.get_by_role("heading", name="144 of 144 flows can be published")).to_be_visible()
    page.get_by_role("button", name="Publish 144").press("Enter")
    expect(page.get_by_role("heading", name="Published: 144 of 144 flows")).to_be_visible()


def test_an_export_is_a_download(server: Any, page: Page) -> None:
    flow = make_flow(server, tool_name="orders")
    versions.publish(flow)
    page.get_by_label("More actions").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Export", exact=True).click()
    download = started.value
    assert download.suggested_filename == f"{server.slug}.flowhub.json"
    assert Path(download.path()).read_text() == files.exported([flow])
