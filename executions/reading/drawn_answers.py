"""An execution's answer as a picture: whether it has one, and whether the record holds enough to draw it."""

from dataclasses import dataclass
from typing import Any

from executions.models import Execution
from executions.record.holes import holes, without_cuts
from executions.record.payload import is_cut
from flows.engine.errors import DefinitionError
from flows.mcp_apps import KINDS, View, document, view_of, with_view
from flows.publishing.versions import graph_of

CUT = "It is not drawn here: the record holds only a part of the answer. The client got all of it."
HIDDEN_IN = "It is not drawn here: parts of the answer are hidden in the record."


@dataclass(frozen=True, slots=True)
class DrawnAnswer:
    """A structured answer that clients with MCP Apps draw; `obstacle` says why it cannot be drawn from the record."""

    title: str
    structured: Any
    obstacle: str = ""


def drawn_answer_of(execution: Execution) -> DrawnAnswer | None:
    """The picture that is the answer of an execution; None when there is none. What is stored is not trusted."""
    result = execution.result if isinstance(execution.result, dict) else {}
    structured = result.get("structuredContent")
    if is_cut(structured):
        return DrawnAnswer("", structured, CUT) if _view_of(execution) else None
    if not isinstance(structured, dict) or structured.get("ui") not in KINDS or result.get("isError"):
        return None
    title = structured.get("title")
    obstacle = CUT if without_cuts(structured) != structured else HIDDEN_IN if holes(structured) else ""
    return DrawnAnswer(title if isinstance(title, str) else "", structured, obstacle)


def document_of(execution: Execution, answer: DrawnAnswer) -> str:
    """The HTML document that draws it, as clients get it from the version that ran.

    A draft may have changed since: HTML of its own is taken only when it is what was answered.
    """
    view = _view_of(execution)
    if view is None or view.html != answer.structured.get("html"):
        return document()
    return view.document


def tool_of(execution: Execution) -> dict[str, Any] | None:
    """The tool of the version that ran, as clients got it in 2026-07-28; None for a draft."""
    version = execution.flow_version
    return with_view(version.contract, execution.server_slug, _view_of(execution)) if version else None


def _view_of(execution: Execution) -> View | None:
    source = execution.flow_version or execution.flow
    return view_of_definition(source.definition) if source else None


def view_of_definition(definition: Any) -> View | None:
    """The page that draws the answers of a flow; None for one whose answers are not drawn, and for what is no graph."""
    try:
        return view_of(graph_of(definition))
    except DefinitionError:
        return None
