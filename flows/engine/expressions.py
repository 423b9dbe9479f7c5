"""Path-only interpolation: `{{ trigger.name }}`, `{{ fetch.body.items[0].id }}`, `{{ fetch.body["odd key"] }}`.

Dict keys and list indices, nothing else: no calls, no attributes, and one pass, so a value that itself looks like an
expression stays text. A parameter that is exactly one expression keeps the value's JSON type; inside other text the
value is turned to text, JSON for objects and lists.

What may be missing or null has a fallback after `??`, a JSON literal or another path: `{{ trigger.limit ?? 10 }}`. A
step written `?.` leads to null when what stands before it is missing or null, or has no such member:
`{{ fetch.body.customer?.phone }}`, `{{ fetch.body.items?.[0] ?? "none" }}`.

A path starts with the slug of a node that comes before, or with a root that the host provides: `now` (the moment at
which the execution started, ISO 8601 in UTC, the same for every node), `execution` (id, flowName, toolName), `caller`
(clientName, clientVersion, principal), `flowhub` (url) and `secrets`. `{{ secrets.API_KEY }}` is the value of a secret
of the flow's server. It is looked up when the flow is called and stands only in what the node is given: whatever is
reported of the node's input keeps the expression itself.
"""

import difflib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from flows.engine.errors import ExpressionError, Fault
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
Fill = Callable[[Scope], Any]


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
        if self.fallback is None:
            return self._find(scope)
        try:
            found = self._find(scope)
        except MissingValue:
            found = None
        return self.fallback.resolve(scope) if found is None else found

    def _find(self, scope: Scope) -> Any:
        if self.root not in scope:
            if 0 in self.optional:
                return None
            raise MissingValue(
                f"{{{{ {self.source} }}}}: {self.root!r} has no output here: that node was skipped or did not run. "
                f"Available: {_names(scope)}."
            )
        value = scope[self.root]
        for place, step in enumerate(self.steps):
            try:
                if isinstance(value, dict):
                    value = value[step if isinstance(step, str) else str(step)]
                elif isinstance(step, int) and isinstance(value, list):
                    value = value[step]
                else:
                    raise KeyError(step)
            except (KeyError, IndexError):
                if place in self.optional or place + 1 in self.optional:
                    return None
                raise MissingValue(_missing(self.source, self.until(place), step, value)) from None
        return value

    def until(self, place: int) -> str:
        """The path without the steps from that place on."""
        return self.root + "".join(map(step_text, self.steps[:place]))


class SecretValues(dict[str, str]):
    """The values of the secrets that a graph names, by name; a name without a value is an ExpressionError."""

    def __init__(self, values: Mapping[str, str] = MappingProxyType({}), unreadable: Collection[str] = ()) -> None:
        super().__init__(values)
        self.unreadable = frozenset(unreadable)

    def __missing__(self, name: str) -> str:
        if name in self.unreadable:
            why = "cannot be decrypted: its key is not among the server's keys. Restore the key, or set the value anew."
        else:
            why = "is not there: this server has no secret of that name. Add it on the server's Secrets page."
        raise ExpressionError(
            f"{{{{ secrets.{name} }}}} {why}",
            for_client="This flow is not set up completely: a credential is missing. Only its owner can repair that.",
        )

    def __repr__(self) -> str:
        return f"SecretValues({', '.join(self)})"


class _References(dict[str, str]):
    """Stands where SecretValues would, and gives out the expression instead of the value."""

    def __missing__(self, name: str) -> str:
        return f"{{{{ secrets.{name} }}}}"


SECRET_REFERENCES: Mapping[str, str] = _References()
"""Fill with this in the place of the values, and the result may be shown and stored."""


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


def as_text(value: Any) -> str:
    """A JSON value inside other text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def has_expression(value: Any) -> bool:
    """Whether `value` is text with an expression in it."""
    return isinstance(value, str) and next(_marks(value), None) is not None


def _marks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each `{{ ... }}` starts and ends; a regex would be quadratic on text with many `{{` and no end."""
    start = text.find("{{")
    while start >= 0 and (end := text.find("}}", start + 2)) >= 0:
        yield start, end + 2
        start = text.find("{{", end + 2)


def is_literal(schema: Any) -> bool:
    """Whether the JSON Schema of a parameter says that it is taken as it is written."""
    return isinstance(schema, Mapping) and schema.get("x-literal") is True


def _schema_of(schema: Any, key: str | None) -> Any:
    """What a schema says of a property, or of the items of a list."""
    if not isinstance(schema, Mapping):
        return None
    return schema.get("items") if key is None else schema.get("properties", {}).get(key)


def paths_in(value: Any, at: str, schema: Any = None) -> Iterator[tuple[str, Path | Fault]]:
    """Yield every path of the expressions in a JSON value with the place it stands at; a malformed one as a Fault.

    `schema` is the value's JSON Schema: parts that it calls literal hold no expressions.
    """
    pending: list[tuple[str, Any, Any]] = [(at, value, schema)]
    while pending:
        place, item, rule = pending.pop()
        if is_literal(rule):
            continue
        if isinstance(item, str):
            for start, end in _marks(item):
                try:
                    yield from ((place, path) for path in parse(item[start + 2 : end - 2]).paths)
                except ExpressionError as error:
                    yield place, Fault(place, error.message)
        elif isinstance(item, dict):
            pending += [(f"{place}.{key}", child, _schema_of(rule, key)) for key, child in item.items()][::-1]
        elif isinstance(item, list):
            of_items = _schema_of(rule, None)
            pending += [(f"{place}[{index}]", child, of_items) for index, child in enumerate(item)][::-1]


def compile_value(value: Any, schema: Any = None) -> Fill | None:
    """Return a function that fills in the expressions of a JSON value, or None when it has none.

    `schema` is the value's JSON Schema: parts that it calls literal are left as they are. Raises ExpressionError for a
    malformed expression, RecursionError for a value nested deeper than Python's stack (definitions are capped before
    they come here).
    """
    if is_literal(schema):
        return None
    if isinstance(value, str):
        return _compile_text(value)
    if isinstance(value, dict):
        fills_of = {key: compile_value(child, _schema_of(schema, key)) for key, child in value.items()}
        filled = {key: fill for key, fill in fills_of.items() if fill is not None}
        if not filled:
            return None
        inside = tuple(filled.items())

        def fill_in(scope: Scope) -> dict[str, Any]:
            copy = value.copy()
            for key, fill_child in inside:
                copy[key] = fill_child(scope)
            return copy

        return fill_in
    if isinstance(value, list):
        fills = [compile_value(child, _schema_of(schema, None)) for child in value]
        if not any(fills):
            return None
        pairs = list(zip(value, fills, strict=True))
        return lambda scope: [fill(scope) if fill else child for child, fill in pairs]
    return None


def lone_path(text: str) -> Path | None:
    """The path of a text that is exactly one expression, and so keeps its JSON type; raises ExpressionError."""
    marks = list(_marks(text))
    if len(marks) == 1 and text[slice(*marks[0])] == text.strip():
        return parse(text.strip()[2:-2])
    return None


def _compile_text(text: str) -> Fill | None:
    marks = list(_marks(text))
    if not marks:
        return None
    if path := lone_path(text):
        return path.resolve
    parts: list[str | Path] = []
    last = 0
    for start, end in marks:
        parts += [text[last:start], parse(text[start + 2 : end - 2])]
        last = end
    parts.append(text[last:])
    return lambda scope: "".join(part if isinstance(part, str) else as_text(part.resolve(scope)) for part in parts)
