"""A person's browser for a test: logged in once for each server, and what its console complains about."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.live import LiveServer
from tests.mcp_client import MODERN, connect

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_OUTSIDE_TRAFFIC = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def chromium() -> str | None:
    """The browser to drive: FLOWHUB_TEST_CHROMIUM, else the first one found on PATH."""
    return os.environ.get("FLOWHUB_TEST_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def launch_arguments() -> dict[str, Any]:
    """The system's Chromium instead of one that Playwright downloads; it sends nothing outside by itself."""
    # Chromium's sandbox refuses to start for root, which is who a container's tests run as.
    sandbox = () if getattr(os, "geteuid", lambda: 1)() else ("--no-sandbox",)
    return {"executable_path": chromium(), "args": [*NO_OUTSIDE_TRAFFIC, *sandbox]}


_logins: dict[tuple[Path, str], list[Any]] = {}
"""The cookies of who has logged in already: hashing a password for every test would take a minute in all."""


def call(server: LiveServer, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Try a demo flow out over REST and return its execution."""
    request = urllib.request.Request(
        f"{server.url}/api/flows/{server.flow_ids()[tool]}/test/",
        data=json.dumps({"arguments": arguments}).encode(),
        headers={"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@contextmanager
def calling(server: LiveServer, tool: str, arguments: dict[str, Any]) -> Iterator[Future[None]]:
    """A call that an MCP client makes meanwhile; it has ended afterwards."""

    async def call_tool() -> None:
        async with connect(server, MODERN) as client:
            await client.call_tool(tool, arguments)

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(anyio.run, call_tool)


def log_in(context: BrowserContext, server: LiveServer, username: str = "", password: str = "") -> Page:
    """A new page on the dashboard of who logs in; without a name, the demo's administrator."""
    name = username or server.credentials["username"]
    page = context.new_page()
    if cookies := _logins.get((server.data, name)):
        context.add_cookies(cookies)
        page.goto(server.url + "/")
        return page
    page.goto(server.url + "/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password or server.credentials["password"])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(server.url + "/")
    _logins[server.data, name] = list(context.cookies(server.url))
    return page


@contextmanager
def window(browser: Browser, *allowed: str, **options: Any) -> Iterator[BrowserContext]:
    """A browser of 1440 by 900 with nobody logged in; what its console complains about fails the test.

    `allowed` are parts of complaints that the test expects.
    """
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
    complaints: list[str] = []
    context.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield context
    context.close()
    unexpected = [text for text in complaints if not any(part in text for part in allowed)]
    assert not unexpected, "\n".join(unexpected)


MAX_TABS = 60

FOCUS_SHOWS = """() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const inWindow = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return element.matches(":focus-visible") && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && inWindow;
}"""


def assert_focus_shows(page: Page) -> None:
    """Whoever has the focus has an outline, inside the window."""
    assert page.evaluate(FOCUS_SHOWS), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def tab_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab, or Shift+Tab, until the element has the focus; each step on the way shows where the focus is."""
    expect(wanted).to_be_visible()
    for _ in range(MAX_TABS):
        page.keyboard.press(key)
        assert_focus_shows(page)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{MAX_TABS} times Tab did not reach {wanted}")
