"""URI templates (RFC 6570) as resources may have them: which variables they hold, and why one cannot be used.

A part of the standard that can also be read backwards, from an address to the variables: `{name}` (up to the next
slash), `{+name}` (also across slashes, once), `{/name}`, `{.name}`, and at the end `{?a,b}` and `{&c}`, which a client
may leave out. What clients send is matched by the MCP SDK, whose rules these are; it takes everything that this takes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

MAX_LENGTH = 2_000
"""Characters of a URI template."""
MAX_VARIABLES = 20
"""Variables of a URI template."""

_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_START = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_OPERATORS = "+/.?&"


class TemplateError(ValueError):
    """A template that cannot be used; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a template; a client may leave an optional one out."""

    name: str
    is_optional: bool


@dataclass(frozen=True, slots=True)
class _Expression:
    start: int
    end: int
    operator: str
    names: tuple[str, ...]

    @property
    def is_query(self) -> bool:
        return self.operator in ("?", "&")


def is_template(uri: str) -> bool:
    """Whether a URI is written with variables."""
    return "{" in uri or "}" in uri


def variables_of(template: str) -> tuple[Variable, ...]:
    """The variables in their order; raises TemplateError."""
    if len(template) > MAX_LENGTH:
        raise TemplateError(f"has {len(template):,} characters; {MAX_LENGTH:,} are allowed")
    if not _START.match(template):
        raise TemplateError("begin with a scheme that stands fixed, as in order:{id} or https://example.com/{id}")
    if re.search(r"[\s\x00-\x1f]", template):
        raise TemplateError("has a blank; write it as %20")
    if re.search(r"[{}]", _EXPRESSION.sub("", template)):
        raise TemplateError("has a brace without its other half; write a variable as {name}")
    expressions = list(_expressions(template))
    _check_order(template, expressions)
    found = [Variable(name, each.is_query) for each in expressions for name in each.names]
    names = [variable.name for variable in found]
    for name in names:
        if names.count(name) > 1:
            raise TemplateError(f"names {name!r} twice; every variable stands once")
    if len(names) > MAX_VARIABLES:
        raise TemplateError(f"has {len(names)} variables; {MAX_VARIABLES} are allowed")
    return tuple(found)


def fixed_length(template: str) -> int:
    """How many characters of a template stand fixed: the more, the more special it is."""
    return len(_EXPRESSION.sub("", template))


def _expressions(template: str) -> Iterator[_Expression]:
    for match in _EXPRESSION.finditer(template):
        inside = match[1]
        operator = inside[0] if inside and inside[0] in _OPERATORS else ""
        names = tuple(inside.removeprefix(operator).split(","))
        for name in names:
            if not _NAME.fullmatch(name):
                raise TemplateError(
                    f"{match[0]!r} is no variable that can be read back: write {{name}} with letters, digits and "
                    "underscores; {+name}, {/name}, {.name} and, at the end, {?name} are possible too"
                )
        yield _Expression(match.start(), match.end(), operator, names)


def _check_order(template: str, expressions: list[_Expression]) -> None:
    if sum(len(each.names) for each in expressions if each.operator == "+") > 1:
        raise TemplateError("has more than one {+name}; where one ends and the other begins could not be told")
    for before, after in pairwise(expressions):
        if before.end == after.start and after.operator in ("", "+"):
            raise TemplateError(f"has nothing between two variables at {template[before.start : after.end]!r}")
    queries = [each for each in expressions if each.is_query]
    if not queries:
        return
    first = queries[0]
    follows = expressions[expressions.index(first) :]
    is_tail = follows[-1].end == len(template) and all(a.end == b.start for a, b in pairwise(follows))
    if first.operator != "?" or any(each.operator != "&" for each in follows[1:]) or not is_tail:
        raise TemplateError("write the variables of a query once, at the end: order:{id}{?a,b}")
    if set("?#") & set(template[: first.start]):
        raise TemplateError("has a ? or # before {?...}; write all of the query as variables")
