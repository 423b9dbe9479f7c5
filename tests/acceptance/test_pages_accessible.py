"""Every page in both themes under axe-core: no rule broken. A page that is not in the list fails the test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import URLPattern, get_resolver, resolve
from playwright.sync_api import Browser, Page

from tests.browsing import log_in, window
from tests.factories import PASSWORD
from tests.looks import ADMIN, LOOKS, NO_PAGE, NOT_OURS, ONCE, Look
from tests.world import World

pytestmark = pytest.mark.timeout(180)

THEMES = ("light", "dark")
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
EXPECTED = ("status of 404", "status of 403", "status of 400", "Applying inline style")
"""What the console says of error pages, and of axe-core and Select2: they measure with styles that are refused."""
NARROW = (
    "dashboard",
    "flows",
    "flow-new",
    "build",
    "usage",
    "usage-error",
    "test-that-asks",
    "executions",
    "keys",
    "import-operations",
    "import-operations-preview",
    "prompt",
    "resource",
    "admin",
    "admin-executions",
)
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Rules that a page breaks all the same: (name of the look, rule) and the reason."""

SHOWN = [(look, 1440) for look in LOOKS] + [(look, 390) for look in LOOKS if look.name in NARROW]


@pytest.fixture(scope="module")
def page_of(browser: Browser, world: World) -> Iterator[Callable[[str], Page]]:
    """One page for each person, logged in once."""
    pages: dict[str, Page] = {}
    with ExitStack() as stack:

        def find(person: str) -> Page:
            if person not in pages:
                options = {"reduced_motion": "reduce", "color_scheme": "light"}
                context = stack.enter_context(window(browser, *EXPECTED, **options))
                name, password = ("", "") if person == ADMIN else (person, PASSWORD)
                pages[person] = log_in(context, world.server, name, password) if person else context.new_page()
            return pages[person]

        yield find


def broken_rules(page: Page, look: Look, theme: str) -> list[str]:
    """What axe-core finds: theme, rule, impact and element. Only the rules about colours depend on the theme."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if theme != THEMES[0]:
        options["runOnly"] = {"type": "rule", "values": COLOUR_RULES}
    found: list[dict[str, Any]] = Axe().run(page, options=options).response["violations"]
    return [
        f"{theme}: {rule['id']} ({rule['impact']}) at {' '.join(map(str, node['target']))}\n{node['failureSummary']}"
        for rule in found
        if (look.name, rule["id"]) not in EXCEPTIONS
        for node in rule["nodes"]
    ]


@pytest.mark.browser
@pytest.mark.parametrize(("look", "width"), SHOWN, ids=[f"{look.name}-{width}" for look, width in SHOWN])
def test_no_page_breaks_a_rule_of_axe(page_of: Callable[[str], Page], world: World, look: Look, width: int) -> None:
    page = page_of(look.person)
    page.set_viewport_size({"width": width, "height": 900})
    answer = page.goto(world.address(look.path))
    assert answer is not None
    assert answer.status == look.status
    found = [line for theme in THEMES for line in broken_rules(page, look, theme)]
    assert not found, "\n".join(found)


def routes(resolver: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Every address that the URLconf knows, with its name."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLPattern):
            yield route, pattern.name or ""
        else:
            yield from routes(pattern, route)


def test_every_address_of_the_urlconf_is_looked_at_or_shows_no_page() -> None:
    sample = "01a20676-9b50-763a-b704-55b808f94883"
    numbers = {"fulfilled", "error", "rejected", "pending", "waiting", "parallel", "deleted", "unknown"}
    ids: dict[str, Any] = dict.fromkeys(numbers, sample)
    paths = [look.path.partition("?")[0] for look in LOOKS]
    seen = set()
    for path in paths:
        match = resolve(path.format_map(Ids(ids)))
        seen.add(match.route.replace("^", ""))
    needed = {
        route
        for route, name in routes(get_resolver())
        if route not in NO_PAGE
        and not route.startswith(tuple(NOT_OURS))
        and not (route.startswith("admin/") and (name.endswith(ONCE) or not name))
    }
    assert needed - seen == set()
    assert {kind for kind in ONCE for route in seen if route.endswith(f"{kind[1:]}/")} == set(ONCE)


class Ids(dict[str, Any]):
    """Stands in for the ids of a world: what is no execution is a number."""

    def __missing__(self, name: str) -> int:
        return 1
