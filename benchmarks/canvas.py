"""What the canvas costs a browser: bytes, the time until 200 nodes can be edited, frames while something is dragged.

    python benchmarks/canvas.py --nodes 200

A server of its own, headless Chromium, an empty cache. Ends with status 1 when something is above what is allowed.
"""

import argparse
import json
import sys
import tempfile
import urllib.request
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import _flowhub  # noqa: F401

# isort: split
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browsing import launch_arguments, log_in
from tests.built import MAX_ALL_BYTES, MAX_OPENING_BYTES, all_files, opening_files, sent_bytes
from tests.live import LiveServer, live_server

ALLOWED_OPENING_MS = 1000
ALLOWED_FRAME_MS = 25
"""At the 95th percentile."""
ROUNDS = 5
ROWS = 8

DRAWN = """(count) => new Promise((done) => {
  const look = () => document.querySelectorAll("flow-editor .box").length < count
    ? requestAnimationFrame(look) : requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
  look();
})"""
WATCH_FRAMES = """() => {
  window.frames_seen = [];
  const note = (now) => { window.frames_seen.push(now); window.watching = requestAnimationFrame(note); };
  window.watching = requestAnimationFrame(note);
}"""
FRAMES = "() => { cancelAnimationFrame(window.watching); return window.frames_seen; }"


def make_flow(server: LiveServer, number: int) -> str:
    """A draft with so many nodes in rows, a third more connections; returns the address of its Build tab."""
    nodes: list[dict[str, Any]] = [{"id": "n0", "type": "trigger", "name": "Call", "slug": "trigger"}]
    pairs = []
    for index in range(1, number):
        fields = {"fields": {"text": "{{ trigger.text }}", "number": index}}
        name = f"Prepare number {index}"
        nodes.append({"id": f"n{index}", "type": "set_fields", "name": name, "slug": f"n{index}", "parameters": fields})
        pairs.append((max(index - ROWS, 0), index))
        if index % 3 == 0 and index > ROWS + 1:
            pairs.append((index - ROWS - 1, index))
    lines = [{"id": f"{a}-{b}", "sourceNodeId": f"n{a}", "targetNodeId": f"n{b}"} for a, b in pairs]
    flow = {
        "server": "demo",
        "name": "Large",
        "toolName": "large",
        "toolDescription": "A flow of many nodes.",
        "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        "definition": {"nodes": nodes, "connections": lines},
    }
    headers = {"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{server.url}/api/flows/", json.dumps(flow).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return f"{server.url}/flows/{json.load(answer)['id']}/build/"


def opening_ms(browser: Browser, server: LiveServer, address: str, nodes: int) -> float:
    """From the request of the page to the frame after which all nodes are there, with nothing in the cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = log_in(context, server)
    context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.goto(address, wait_until="commit")
    took = float(page.evaluate(DRAWN, nodes))
    context.close()
    return took


def empty_place(page: Page) -> tuple[float, float]:
    """Where the picture itself can be taken hold of."""
    stage = page.locator("flow-editor .stage").bounding_box()
    assert stage
    return stage["x"] + stage["width"] / 2, stage["y"] + 30


def node_place(page: Page) -> tuple[float, float]:
    """Where a node in the middle can be taken hold of."""
    found = page.locator("flow-editor .box").nth(10).bounding_box()
    assert found
    return found["x"] + 20, found["y"] + found["height"] / 2


def frames(page: Page, x: float, y: float) -> list[float]:
    """Milliseconds between frames while what is at that place is dragged to and fro with the mouse."""
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH_FRAMES)
    for step in range(70):
        page.mouse.move(x + 4 * (step % 35), y + 2 * (step % 20))
    seen = page.evaluate(FRAMES)
    page.mouse.up()
    return [later - earlier for earlier, later in pairwise(seen)]


def report(what: str, value: float, allowed: float, unit: str) -> bool:
    print(f"{what}: {value:,.0f} {unit}, allowed {allowed:,.0f}")
    return value <= allowed


def main() -> None:
    """Measure, say what is allowed, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=200)
    nodes = parser.parse_args().nodes
    well = [
        report("what opens a graph, compressed", sent_bytes(opening_files()), MAX_OPENING_BYTES, "bytes"),
        report("all that is ever loaded, compressed", sent_bytes(all_files()), MAX_ALL_BYTES, "bytes"),
    ]
    with tempfile.TemporaryDirectory() as folder, live_server(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_arguments())
        address = make_flow(server, nodes)
        times = sorted(opening_ms(browser, server, address, nodes) for _ in range(ROUNDS))
        print(f"{nodes} nodes drawn after " + ", ".join(f"{each:.0f}" for each in times) + " ms")
        well.append(report("  median", median(times), ALLOWED_OPENING_MS, "ms"))
        page = log_in(browser.new_context(viewport={"width": 1440, "height": 900}), server)
        page.goto(address)
        page.locator("flow-editor .box").nth(nodes - 1).wait_for(state="attached")
        for view in ("as it opens", "all of it in sight"):
            for what, place in (("the picture", empty_place), ("a node", node_place)):
                gaps = frames(page, *place(page))
                print(f"frames while {what} is dragged, {view}: median {median(gaps):.1f} ms, longest {max(gaps):.1f}")
                well.append(report("  95th percentile", quantiles(gaps, n=20)[-1], ALLOWED_FRAME_MS, "ms"))
            page.get_by_role("button", name="Fit").click()
        browser.close()
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
