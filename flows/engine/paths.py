"""The paths that stand in expressions: `fetch.body.items[0].id`, `fetch.body["odd key"]`, `trigger.limit ?? 10`.

Dict keys and list indices, nothing else: no calls, no attributes. What may be missing or null has a fallback after
`??`, a JSON literal or another path. A step written `?.` leads to null when what stands before it is missing or null,
or has no such member: `fetch.body.customer?.phone`, `fetch.body.items?.[0] ?? "none"`.

A path starts with the slug of a node that comes before, or with a root that the host provides: `now` (the moment at
which the execution started, ISO 8601 in UTC, the same for every node), `execution` (id, flowName, toolName), `caller`
(clientName, clientVersion, principal), `flowhub` (url) and `secrets`.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.engine.errors import ExpressionError
from flows.engine.names import UPPER_CASE

RESERVED_ROOTS = frozenset({"execution", "flowhub", "secrets", "caller", "now"})
"""First names of a path that the host gives a value, and that no node's slug may take."""

SECRETS = "secrets"

_ROOT = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)")
_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]""")
_LITERAL = re.compile(r"""["\[{0-9-]|(?:true|false|null)(?![A-Za-z0-9_])""")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'")
_PLAIN_STEP = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
_SHOWN_KEYS = 12


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)

Scope = Mapping[str, Any]
"""What the roots of paths stand for."""


class MissingValue(ExpressionError):
    """A path leads nowhere; what it names is not there."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A JSON value that an expression falls back to."""

    value: Any

    def resolve(self, scope: Scope) -> Any:
        """The value, whatever there is in `scope`."""
        return self.value


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed expression: the slug or reserved root, then keys and indices.

    `optional` are the places of the steps written `?.`, `fallback` is what stands after `??`.
    """

    source: str
    root: str
    steps: tuple[str | int, ...]
    optional: frozenset[int] = frozenset()
    fallback: "Path | Literal | None" = None

    @property
    def paths(self) -> Iterator["Path"]:
        """This path, and those that it falls back to."""
        found: Path | Literal | None = self
        while isinstance(found, Path):
            yield found
            found = found.fallback

    @property
    def secret_name(self) -> str | None:
        """The NAME of `secrets.NAME`, the only form in which that root can be used; None for every other path."""
        name = self.steps[0] if self.root == SECRETS and len(self.steps) == 1 else None
        return name if isinstance(name, str) and re.fullmatch(UPPER_CASE, name) else None

    def resolve(self, scope: Scope) -> Any:
        """Return the value in `scope`, or that of the fallback when it is missing or null.

        Raises MissingValue, which says which part is missing and what is there; ExpressionError for a secret.
        """
        if self.root in scope:
            value = scope[self.root]
        elif self.fallback is not None or 0 in self.optional:
            value = None
        else:
            raise MissingValue(
                f"{{{{ {self.source} }}}}: {self.root!r} has no output here: that node was skipped or did not run. "
                f"Available: {_names(scope)}."
            )
        for place, step in enumerate(self.steps if self.root in scope else ()):
            try:
                if isinstance(value, dict):
                    value = value[step if isinstance(step, str) else str(step)]
                elif isinstance(step, int) and isinstance(value, list):
                    value = value[step]
                else:
                    raise KeyError(step)
            except (KeyError, IndexError):
                if self.fallback is None and place not in self.optional and place + 1 not in self.optional:
                    raise MissingValue(_missing(self.source, self.until(place), step, value)) from None
                value = None
                break
        return self.fallback.resolve(scope) if value is None and self.fallback is not None else value

    def until(self, place: int) -> str:
        """The path without the steps from that place on."""
        return self.root + "".join(map(step_text, self.steps[:place]))


def _missing(source: str, seen: str, step: str | int, value: Any) -> str:
    if isinstance(value, dict):
        return no_member(source, seen, step, [str(key) for key in value])
    return no_member(source, seen, step, None, f"a list of {len(value)}" if isinstance(value, list) else _kind(value))


def no_member(source: str, seen: str, step: str | int, names: Collection[str] | None, what: str = "") -> str:
    """Say that `seen`, a part of the path `source`, lacks `step`; with the names that it has, or what it is instead."""
    start = f"{{{{ {source} }}}}: {seen} has no {step!r}"
    if names is None:
        return f"{start}; it is {what}." if what else f"{start}."
    return f"{start}; it has: {_names(names)}.{did_you_mean(str(step), names)}"


def did_you_mean(name: str, names: Collection[str]) -> str:
    """A question about the most similar of the names, with a space before it; empty when none is similar."""
    close = difflib.get_close_matches(name, sorted(names), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _names(known: Collection[str]) -> str:
    names = sorted(str(key) for key in known)
    shown = ", ".join(names[:_SHOWN_KEYS]) or "nothing"
    return shown + (f" and {len(names) - _SHOWN_KEYS} more" if len(names) > _SHOWN_KEYS else "")


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", int: "a number", float: "a number", str: "text"}.get(type(value), "not an object")


def parse(source: str) -> Path:
    """Read the inside of `{{ }}`; raises ExpressionError when it is neither a path nor one with fallbacks."""
    text = source.strip()
    path, position = _path_at(text, 0)
    read: list[Path | Literal] = [path]
    while isinstance(read[-1], Path) and text.startswith("??", position):
        if read[-1].root == SECRETS:
            raise ExpressionError(f"{{{{ {text} }}}}: a secret takes no fallback; a flow does not run without it.")
        position = _after_spaces(text, position + 2)
        found, position = _literal_at(text, position) if _is_literal_at(text, position) else _path_at(text, position)
        read.append(found)
    if position < len(text):
        raise _not_a_path(text)
    whole: Path | Literal | None = None
    for part in reversed(read):
        whole = replace(part, fallback=whole) if isinstance(part, Path) else part
    assert isinstance(whole, Path)  # noqa: S101 - the first one is
    return whole


def _path_at(text: str, start: int) -> tuple[Path, int]:
    root = _ROOT.match(text, start)
    if root is None:
        raise _not_a_path(text)
    position, steps, optional = root.end(), list[str | int](), set[int]()
    while position < len(text):
        if text.startswith("?.", position):
            optional.add(len(steps))
            position += 2 if text.startswith("[", position + 2) else 1
        step = _STEP.match(text, position)
        if step is None:
            if len(steps) in optional:
                raise _not_a_path(text)
            break
        key, index, double, single = step.groups()
        quoted = double if double is not None else single
        steps.append(int(index) if index is not None else key or re.sub(r"\\(.)", r"\1", quoted or ""))
        position = step.end()
    return Path(text, root.group(1), tuple(steps), frozenset(optional)), _after_spaces(text, position)


def _is_literal_at(text: str, position: int) -> bool:
    return bool(_LITERAL.match(text, position) or _SINGLE.match(text, position))


def _literal_at(text: str, position: int) -> tuple[Literal, int]:
    if single := _SINGLE.match(text, position):
        return Literal(re.sub(r"\\(.)", r"\1", single.group(1))), _after_spaces(text, single.end())
    try:
        value, end = _JSON.raw_decode(text, position)
    except (ValueError, RecursionError):
        raise ExpressionError(
            f"{{{{ {text} }}}}: what stands after ?? is neither a path nor JSON. "
            'Write a path, or a value such as 10, "none", true or [].'
        ) from None
    return Literal(value), _after_spaces(text, end)


def _after_spaces(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _not_a_path(text: str) -> ExpressionError:
    return ExpressionError(
        f"{{{{ {text} }}}} is not a path. Write a node's slug, then keys and indices: "
        '{{ fetch.body.items[0].id }} or {{ fetch.body["odd key"] }}, with ?? and a fallback where it may be missing. '
        "Calls and operators are not allowed."
    )


def step_text(step: str | int) -> str:
    """A key or an index as it stands in a path: `.name`, `["odd key"]`, `[0]`."""
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_STEP.fullmatch(step):
        return f".{step}"
    escaped = step.replace("\\", "\\\\").replace('"', '\\"')
    return f'["{escaped}"]'
