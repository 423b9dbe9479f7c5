"""What clients with MCP Apps draw a flow's answer with: one HTML document that holds everything it needs.

The specification is SEP-1865 (MCP Apps, 2026-01-26): the host shows the document in a sandboxed iframe without network
and tells it the result by `postMessage`. Data from a call never stands in the document, so it is the same for every
call, and a host may fetch and review it before the first one.
"""

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from flows.engine.graph import Graph
from flows.engine.node import DrawnByClients

KINDS = ("table", "post_list", "stat_card", "html")
"""What the `ui` of a structured answer may say for FlowHub's own document to draw it."""

_HERE = Path(__file__).parent
_HEAD = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">'
_WHOLE = re.compile(r"\s*(?:<!--.*?-->\s*)*<(?:!doctype|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_SPEAKS = "ui/initialize"


@dataclass(frozen=True, slots=True)
class View:
    """How the answers of a flow are drawn: by HTML of its own, or, when `html` is None, by FlowHub's document."""

    slug: str
    """The node that it belongs to: the first in the order in which nodes run."""
    title: str
    html: str | None = None

    @property
    def document(self) -> str:
        """The whole HTML document."""
        return document() if self.html is None else own_document(self.html, self.title)


def view_of(graph: Graph) -> View | None:
    """How the answers of a graph are drawn, None when none of its nodes has a picture for clients.

    A client reads one document for a tool, so several such nodes share the one that draws every kind.
    """
    drawn = [(node, node.registered.node_type) for node in graph.order]
    pages = [(node, of.own_page(node.parameters)) for node, of in drawn if isinstance(of, DrawnByClients)]
    if not pages:
        return None
    node, html = pages[0]
    return View(node.slug, node.name, html if len(pages) == 1 else None)


def view_uri(server_slug: str, tool_name: str, view: View) -> str:
    """The `ui://` resource that draws a tool's answers: the same as long as its node keeps the slug."""
    return f"ui://{server_slug}/{tool_name}/{view.slug}"


def with_view(contract: dict[str, Any], server_slug: str, view: View | None) -> dict[str, Any]:
    """The tool as clients get it: it names what draws its answers (SEP-1865, Resource Discovery)."""
    if view is None:
        return contract
    return contract | {"_meta": {"ui": {"resourceUri": view_uri(server_slug, contract["name"], view)}}}


@cache
def document() -> str:
    """FlowHub's document: it draws every kind, and as text what is of none."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n{_HEAD}\n<title>Answer</title>\n'
        f'<style>\n{_file("base.css")}{_file("kinds.css")}</style>\n</head>\n<body>\n<main id="view">'
        f'<p class="quiet" role="status">Waiting for the answer…</p></main>\n{_script("bridge.js", "kinds.js")}\n'
        "</body>\n</html>\n"
    )


def own_document(html: str, title: str) -> str:
    """Somebody's HTML as a document that shakes hands with the host, follows its theme and tells its size.

    HTML that does so itself is left as it is. A part of a document gets a head, and the host's colours and font.
    """
    script = "" if _SPEAKS in html else _script("bridge.js")
    if not _WHOLE.match(html):
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n{_HEAD}\n<title>{escape(title)}</title>\n'
            f"<style>\n{_file('base.css')}</style>\n</head>\n<body>\n{html}\n{script}\n</body>\n</html>\n"
        )
    doctype = (
        "" if re.match(r"\s*(?:<!--.*?-->\s*)*<!doctype", html, re.IGNORECASE | re.DOTALL) else "<!doctype html>\n"
    )
    # What stands behind the last element still belongs to the body for every browser.
    return f"{doctype}{html}\n{script}" if script else f"{doctype}{html}"


def _script(*names: str) -> str:
    # In a block, so that its names are not those of a script beside it.
    return "<script>\n{\n" + "".join(map(_file, names)) + "}\n</script>"


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
