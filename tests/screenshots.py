"""`make screenshots`: every page of tests/looks.py in both themes at three widths, as `page-width-theme.png`.

    python -m tests.screenshots                        all of them, into ./screenshots/
    python -m tests.screenshots --only usage,keys      pages whose name begins so
    python -m tests.screenshots --readme               the two pictures of README.md, into docs/

It starts a server of its own on a scratch folder; nothing of an installation's data is read or shown.
"""

import argparse
import base64
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Before Django reads it: this process writes no data of its own, and the server's lies beside it.
scratch = tempfile.TemporaryDirectory(prefix="flowhub-screenshots-")
os.environ |= {"DJANGO_SETTINGS_MODULE": "flowhub.settings", "FLOWHUB_DATA": scratch.name}

import django  # noqa: E402

django.setup()

# isort: split
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.browsing import launch_arguments, log_in  # noqa: E402
from tests.factories import PASSWORD  # noqa: E402
from tests.live import ROOT, live_server  # noqa: E402
from tests.looks import ADMIN, LOOKS, Look  # noqa: E402
from tests.world import World, world_of  # noqa: E402

HEIGHTS = {1440: 900, 1024: 768, 390: 844}
THEMES = ("light", "dark")
README_PICTURES = (("build-node", "light"), ("usage-error", "dark"))


def main() -> None:
    """Read the options, start a server, and write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of pages, or how they begin, with commas between")
    parser.add_argument("--widths", default="1440,1024,390", help="of the window, with commas between")
    parser.add_argument("--readme", action="store_true", help="the pictures of README.md instead, into docs/")
    options = parser.parse_args()
    with live_server(Path(scratch.name)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments())
        world = world_of(server)
        if options.readme:
            write_readme_pictures(browser, world)
        else:
            looks = [look for look in LOOKS if look.name.startswith(tuple(options.only.split(",")))]
            write_all(browser, world, looks, [int(width) for width in options.widths.split(",")])
        browser.close()


@contextmanager
def page_of(browser: Browser, world: World, person: str) -> Iterator[Page]:
    """A window without motion; nobody is logged in when there is no person."""
    context = browser.new_context(reduced_motion="reduce", color_scheme="light")
    name, password = ("", "") if person == ADMIN else (person, PASSWORD)
    yield log_in(context, world.server, name, password) if person else context.new_page()
    context.close()


def write_all(browser: Browser, world: World, looks: list[Look], widths: list[int]) -> None:
    """One file for each look, width and theme, into ./screenshots/."""
    folder = ROOT / "screenshots"
    folder.mkdir(exist_ok=True)
    for person in dict.fromkeys(look.person for look in looks):
        with page_of(browser, world, person) as page:
            for look in looks:
                if look.person == person:
                    write_look(page, world, look, widths, folder)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


def write_look(page: Page, world: World, look: Look, widths: list[int], folder: Path) -> None:
    """One page at each width in each theme."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        page.goto(world.address(look.path))
        for theme in THEMES:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            page.screenshot(path=folder / f"{look.name}-{width}-{theme}.png", full_page=True)


def write_readme_pictures(browser: Browser, world: World) -> None:
    """WebP, which keeps them small: they are part of the repository."""
    looks = {look.name: look for look in LOOKS}
    with page_of(browser, world, ADMIN) as page:
        page.set_viewport_size({"width": 1440, "height": 900})
        for name, theme in README_PICTURES:
            # With what a form asks the server for.
            page.goto(world.address(looks[name].path), wait_until="networkidle")
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            session = page.context.new_cdp_session(page)
            shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
            path = ROOT / "docs" / f"{name}-{theme}.webp"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(base64.b64decode(shot["data"]))
            print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
