"""Two tool contracts side by side: which changes may break clients that call the tool, and why."""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.review.contract_diff.change import ContractChange, Difference, Verdict
from flows.review.contract_diff.schemas import Pair
from flows.review.contract_diff.values import same

Contract = Mapping[str, Any]

_WORDS = ("title", "description")
_KNOWN = ("name", *_WORDS, "inputSchema", "outputSchema", "annotations")
_DEFAULTS = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": True}
"""What an annotation means when it is left out (MCP 2026-07-28, ToolAnnotations)."""


def changes(before: Contract, after: Contract) -> list[ContractChange]:
    """Everything that differs between two contracts, breaking changes first; none when clients see the same tool."""
    found = [
        *_name(before, after),
        *(_input(each) for each in _compared(before, after, "inputSchema")),
        *_output(before, after),
        *_annotations(before, after),
        *_words(before, after),
        *_rest(before, after),
    ]
    return sorted(found, key=lambda change: change.verdict != "breaking")


def _name(before: Contract, after: Contract) -> Iterator[ContractChange]:
    old, new = before.get("name"), after.get("name")
    if old != new:
        yield ContractChange(
            "name", "renamed", "breaking", f"clients that call {old} find no tool of that name; it is {new} now"
        )


def _compared(before: Contract, after: Contract, part: str) -> Iterator[Difference]:
    return Pair(before.get(part), after.get(part)).differences()


def _input(found: Difference) -> ContractChange:
    """Calls that were right must stay right: fewer or other values are breaking."""
    verdict: Verdict = "breaking" if found.effect in ("narrower", "other") else "compatible"
    message = found.message
    if found.kind == "removed":
        message += "; calls that send it are refused or mean something else"
    return ContractChange(_in("inputSchema", found.path), found.kind, verdict, message)


def _output(before: Contract, after: Contract) -> Iterator[ContractChange]:
    old, new = before.get("outputSchema"), after.get("outputSchema")
    if old is None and new is None:
        return
    if old is None:
        yield ContractChange("outputSchema", "added", "compatible", "the tool says now what it gives back")
    elif new is None:
        yield ContractChange("outputSchema", "removed", "breaking", "the tool no longer promises what it gives back")
    else:
        for found in _compared(before, after, "outputSchema"):
            yield _promised(found)


def _promised(found: Difference) -> ContractChange:
    """What a caller relies on must stay true: more or other values are breaking; defaults are words here."""
    is_weaker = found.effect in ("wider", "other") and not found.kind.startswith("default")
    return ContractChange(
        _in("outputSchema", found.path), found.kind, "breaking" if is_weaker else "compatible", found.message
    )


def _annotations(before: Contract, after: Contract) -> Iterator[ContractChange]:
    old, new = _flags(before), _flags(after)
    for name in dict.fromkeys((*old, *new)):
        was, now = old.get(name, _DEFAULTS.get(name)), new.get(name, _DEFAULTS.get(name))
        if not same(was, now):
            message = f"{name} is {_flag(now)}, and was {_flag(was)}: clients may ask people at other moments"
            yield ContractChange(f"annotations.{name}", "annotation", "compatible", message)


def _flags(contract: Contract) -> Mapping[str, Any]:
    found = contract.get("annotations")
    return found if isinstance(found, Mapping) else {}


def _words(before: Contract, after: Contract) -> Iterator[ContractChange]:
    for part in _WORDS:
        if not same(before.get(part), after.get(part)):
            yield ContractChange(part, "words", "compatible", f"the model sees another {part}")


def _rest(before: Contract, after: Contract) -> Iterator[ContractChange]:
    """What FlowHub may write into a contract besides."""
    for part in sorted({*before, *after} - {*_KNOWN}):
        if not same(before.get(part), after.get(part)):
            yield ContractChange(part, "other", "compatible", f"{part} changed")


def _in(part: str, path: str) -> str:
    return part + (path if path.startswith("[") else f".{path}" if path else "")


def _flag(value: Any) -> str:
    return "not said" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
