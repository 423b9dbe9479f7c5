"""Path-only interpolation: `{{ trigger.name }}` in the parameters of nodes, with the paths of `flows.engine.paths`.

One pass, so a value that itself looks like an expression stays text. A parameter that is exactly one expression keeps
the value's JSON type; inside other text the value is turned to text, JSON for objects and lists.

`{{ secrets.API_KEY }}` is the value of a secret of the flow's server. It is looked up when the flow is called and
stands only in what the node is given: whatever is reported of the node's input keeps the expression itself.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from flows.engine.errors import ExpressionError, Fault, NodeFailed
from flows.engine.paths import Path, Scope, parse

Fill = Callable[[Scope], Any]


class SecretValues(dict[str, str]):
    """The values of the secrets that a graph names, by name; a name without a value is an ExpressionError.

    `origins` are where a secret may be sent, by its name; one without may go wherever its flow sends it.
    """

    def __init__(
        self,
        values: Mapping[str, str] = MappingProxyType({}),
        unreadable: Collection[str] = (),
        origins: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        super().__init__(values)
        self.unreadable = frozenset(unreadable)
        self.origins = origins

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


class Filling(dict[str, Any]):
    """A scope, from which the texts of one node may take so many characters: they are counted before they are made."""

    def __init__(self, scope: Scope, room: int) -> None:
        super().__init__(scope)
        self._room = self._left = room

    def anew(self, values: Scope | None = None) -> "Filling":
        """The scope for another node, with these values beside it: itself without any, or a copy."""
        if values:
            return Filling({**self, **values}, self._room)
        self._left = self._room
        return self

    def take(self, text: str) -> None:
        """Count a part of a text; raises NodeFailed when there is no room for it."""
        self._left -= len(text)
        if self._left < 0:
            raise NodeFailed(
                f"With the expressions filled in, the texts of this node have more than {self._room:,} characters, "
                "which is as much as a flow may answer. Fill in less: fewer expressions, or smaller values.",
                is_final=True,
            )


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


def schema_of(schema: Any, key: str | None) -> Any:
    """What a schema says of a property, or (without a key) of the items of a list; None where it says nothing."""
    if not isinstance(schema, Mapping):
        return None
    return (
        schema.get("items")
        if key is None
        else schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    )


def paths_of_text(text: str) -> Iterator[Path]:
    """Every path of the expressions in a text; malformed ones are passed over."""
    for start, end in _marks(text):
        with suppress(ExpressionError):
            yield from parse(text[start + 2 : end - 2]).paths


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
            pending += [(f"{place}.{key}", child, schema_of(rule, key)) for key, child in item.items()][::-1]
        elif isinstance(item, list):
            of_items = schema_of(rule, None)
            pending += [(f"{place}[{index}]", child, of_items) for index, child in enumerate(item)][::-1]


def compile_value(value: Any, schema: Any = None, left: Collection[str] = ()) -> Fill | None:
    """Return a function that fills in the expressions of a JSON value, or None when it has none.

    `schema` is the value's JSON Schema: parts that it calls literal are left as they are, and so are the members of an
    object that `left` names. Raises ExpressionError for a malformed expression, RecursionError for a value nested
    deeper than Python's stack (definitions are capped before they come here).
    """
    if is_literal(schema):
        return None
    if isinstance(value, str):
        return _compile_text(value)
    if isinstance(value, dict):
        fills_of = {key: compile_value(value[key], schema_of(schema, key)) for key in value if key not in left}
        inside = tuple((key, fill) for key, fill in fills_of.items() if fill is not None)
        if not inside:
            return None

        def fill_in(scope: Scope) -> dict[str, Any]:
            copy = value.copy()
            for key, fill_child in inside:
                copy[key] = fill_child(scope)
            return copy

        return fill_in
    if isinstance(value, list):
        fills = [compile_value(child, schema_of(schema, None)) for child in value]
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

    def fill_in(scope: Scope) -> str:
        take = scope.take if isinstance(scope, Filling) else len
        texts = []
        for part in parts:
            texts.append(part if isinstance(part, str) else as_text(part.resolve(scope)))
            take(texts[-1])
        return "".join(texts)

    return fill_in
