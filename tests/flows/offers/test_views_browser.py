"""Prompts and resources made in a browser that runs no script, by keyboard, and met by an MCP client."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import log_in, window
from tests.live import LiveServer
from tests.mcp_client import MODERN, connect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_a_prompt_and_a_resource_are_made_without_a_script_and_reach_clients(
    browser: Browser, uvicorn_server: LiveServer
) -> None:
    with window(browser, java_script_enabled=False) as context:
        page = log_in(context, uvicorn_server)
        page.goto(f"{uvicorn_server.url}/servers/")
        page.get_by_role("link", name="Demo", exact=True).click()
        tabs = page.get_by_role("navigation", name="Server")
        tabs.get_by_role("link", name="Prompts").click()
        page.get_by_role("link", name="New prompt").click()
        make_prompt(page)
        expect(page.locator(".messagelist")).to_contain_text("The prompt farewell is saved.")
        preview = page.get_by_role("region", name="What clients get")
        preview.get_by_label("name").fill("Grace")
        preview.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("list", name="Messages")).to_contain_text("Say goodbye to Grace.")

        tabs.get_by_role("link", name="Resources").click()
        page.get_by_role("link", name="New resource").click()
        make_resource(page)
        expect(page.get_by_role("region", name="What clients get")).to_contain_text('{"a": 1}')
    with ThreadPoolExecutor(1) as thread:  # Playwright has a loop of its own in this one
        got = thread.submit(anyio.run, what_a_client_gets, uvicorn_server).result()
    assert got == ("Say goodbye to Ada.", "In\nEnglish.", "application/json", '{"a": 1}\n')

    with window(browser, java_script_enabled=False) as context:
        page = log_in(context, uvicorn_server)
        for tab, name in (("prompts", "farewell"), ("resources", "Options")):
            page.goto(f"{uvicorn_server.url}/servers/1/{tab}/")
            page.get_by_role("link", name=name).click()
            page.get_by_role("link", name="Delete").click()
            page.get_by_role("button", name="Delete the").click()
            expect(page.locator(".messagelist")).to_contain_text("is deleted.")


def make_prompt(page: Page) -> None:
    page.get_by_label("Name").first.fill("farewell")
    page.get_by_label("Description").first.fill("Says goodbye.")
    page.get_by_role("button", name="Add a message").click()
    expect(page.get_by_role("group", name="Message 2")).to_be_visible()
    expect(page.get_by_label("Description").first).to_have_value("Says goodbye.")
    argument = page.get_by_role("group", name="Argument 1")
    argument.get_by_label("Name").fill("name")
    argument.get_by_label("It must be given").check()
    texts = [page.get_by_role("group", name=f"Message {number}").get_by_label("Text or block") for number in (1, 2)]
    texts[0].fill("Say goodbye to {{ arguments.nam }}.")
    texts[1].fill("In\nEnglish.")
    page.get_by_label("Name").first.press("Enter")
    expect(page.get_by_role("group", name="Message 1").get_by_role("alert")).to_contain_text("Did you mean 'name'?")
    texts[0].fill("Say goodbye to {{ arguments.name }}.")
    page.get_by_role("button", name="Save").last.click()


def make_resource(page: Page) -> None:
    page.get_by_label("URI", exact=False).first.fill("settings:1")
    page.get_by_label("Name").fill("Options")
    expect(page.get_by_label("File", exact=True)).to_be_hidden()
    page.get_by_label("a file").focus()
    page.keyboard.press("Space")
    expect(page.get_by_label("Text", exact=True)).to_be_hidden()
    content: Any = {"name": "settings.json", "mimeType": "application/json", "buffer": b'{"a": 1}\n'}
    page.get_by_label("File", exact=True).set_input_files(content)
    page.get_by_label("URI", exact=False).first.press("Enter")


async def what_a_client_gets(server: LiveServer) -> tuple[str, str, str | None, str]:
    async with connect(server, MODERN) as client:
        messages = (await client.get_prompt("farewell", {"name": "Ada"})).messages
        (contents,) = (await client.read_resource("settings:1")).contents
        first, second = (message.content.text for message in messages)  # type: ignore[union-attr]
        return first, second, contents.mime_type, contents.text  # type: ignore[union-attr]
