"""An authenticator app and a passkey in a real browser, which has a security key of its own."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.cache import caches
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, make_user
from tests.flowhub.test_second_factor import code_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

KEY = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def fits(page: Page) -> None:
    """No rule of axe is broken, and nothing is wider than a phone."""
    page.set_viewport_size({"width": 390, "height": 800})
    assert [rule["id"] for rule in Axe().run(page).response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/login/?next=/keys/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page, address: str) -> None:
    page.locator("details.user summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{address}/login/")


def test_an_app_and_a_passkey_are_set_up_and_let_in(live_server: Any, page: Page) -> None:
    for cache in caches.all():
        cache.clear()
    make_user("ada")
    address = live_server.url
    complaints: list[str] = []
    # This server has no sockets.
    matters = lambda message: message.type == "error" and not message.text.startswith("WebSocket connection to")  # noqa: E731
    page.on("console", lambda message: matters(message) and complaints.append(message.text))
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    browser.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})

    log_in(page, address)
    page.locator("details.user summary").click()
    page.get_by_role("link", name="Account", exact=True).click()
    page.get_by_role("link", name="Set up an app").click()
    fits(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    secret = page.get_by_label("Authenticator secret").input_value()
    assert page.locator(".qr").evaluate("picture => picture.naturalWidth > 0")
    fits(page)
    page.get_by_label("Authenticator code").fill(code_of(secret))
    page.get_by_role("button", name="Activate").click()
    codes = page.get_by_label("Unused codes").input_value().split()
    fits(page)
    page.goto(f"{address}/account/")
    page.get_by_role("link", name="Add a passkey").click()
    fits(page)
    page.get_by_role("button", name="Add").click()
    page.get_by_role("link", name="Your passkeys").click()
    expect(page.get_by_role("cell", name="Passkey", exact=True)).to_be_visible()
    log_out(page, address)

    log_in(page, address)
    page.wait_for_url(f"{address}/account/2fa/")
    fits(page)
    page.get_by_label("Code").fill(codes[0])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/keys/")
    log_out(page, address)

    log_in(page, address)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{address}/keys/")
    log_out(page, address)

    page.goto(f"{address}/login/?next=/keys/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{address}/keys/")
    assert complaints == []
