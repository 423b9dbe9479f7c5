"""Rules about a tool among the others of its server."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from flows.review.lint.subject import Note, Subject

MAX_TOOLS = 40
"""Tools of one server before the lint says that there are many."""
NEAR = 0.86


def twin(subject: Subject) -> Iterator[Note]:
    """Two tools with the same description cannot be told apart.

    https://www.anthropic.com/engineering/writing-tools-for-agents (overlapping tools)
    """
    own = _plain(subject.description)
    for other in subject.neighbours:
        if own and own == _plain(other.description):
            yield "description", f"{other.name} has the same description; say in each how it differs from the other"


def near(subject: Subject) -> Iterator[Note]:
    """Names that differ by a letter or two are taken for each other.

    https://www.anthropic.com/engineering/writing-tools-for-agents (overlapping tools, namespacing)
    """
    own = subject.name.replace("_", "").lower()
    for other in subject.neighbours:
        name = other.name.replace("_", "").lower()
        if own and (own == name or SequenceMatcher(None, own, name).ratio() >= NEAR):
            yield "name", f"it is nearly that of {other.name}; models take one for the other"


def many(subject: Subject) -> Iterator[Note]:
    """Every tool is read with every request; Cursor took 40 in all, VS Code takes 128.

    https://code.visualstudio.com/docs/copilot/agents/agent-tools (128 tools a request)
    """
    count = len(subject.neighbours) + 1
    if count > MAX_TOOLS:
        yield "", f"the server has {count} tools, and a model reads all of them: put some on another server"


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
