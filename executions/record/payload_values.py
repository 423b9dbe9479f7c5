r"""What stands at a key of a payload, as SQL: the same on SQLite and PostgreSQL.

PostgreSQL's `json` has no equality and no order, and reading any key of a row fails when the row holds an escape that
is no text there, a NUL or half a surrogate pair. So of each value three things are read that both databases know (its
type, its text, its number), and a row that holds an escape which `payload` never writes has no keys at all.

Numbers are those of SQLite: whole ones of 64 bits are exact, all others doubles, too large ones infinite. A step of
digits is an index, `-1` the last.
"""

import json
import re
from typing import Any, NoReturn

from django.db import NotSupportedError
from django.db.models import Transform

from executions.record.payload import clean_text

_INDEX = re.compile(r"-?[0-9]{1,9}\Z")
_AWKWARD = re.compile(r'["\\\x00-\x1f]')
_READABLE = r'\A(?:[^\\]|\\["\\/bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*\Z'
"""JSON text whose escapes are those that `payload` writes; read alike by Python, SQLite's REGEXP and PostgreSQL."""

_BEYOND = "$[999999999]"
"""A second path, which leads nowhere: SQLite answers two paths with a list, in which numbers are written as stored."""

_POSTGRESQL_TEXT = (
    "(SELECT CASE WHEN json_typeof(at) = 'string' THEN at #>> '{}' END COLLATE \"C\" FROM (SELECT {at} AS at) AS found)"
)
_POSTGRESQL_NUMBER = r"""
(SELECT CASE
    WHEN digits ~ '^-?[0-9]{1,19}$' AND digits::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
    THEN digits::numeric
    WHEN abs(double) < 9.2e18 AND double = trunc(double) THEN double::int8::numeric
    ELSE double::text::numeric
END FROM (SELECT digits, CASE
    WHEN length(digits) > 400 OR digits ~ '[eE][+-]?0*[1-9][0-9]{3}' THEN CASE
        WHEN digits ~ '^-?[0-9]{1,200}\.[0-9]+$' THEN left(digits, 300)::numeric::float8
        WHEN digits ~ '[eE]-' OR digits ~ '^-?[0.]+([eE].*)?$' THEN 0
        WHEN digits ~ '^-' THEN '-Infinity'
        ELSE 'Infinity' END
    WHEN abs(digits::numeric) >= 1.797693134862315808e308 THEN sign(digits::numeric)::float8 * 'Infinity'::float8
    WHEN abs(digits::numeric) < 2.5e-324 THEN 0
    ELSE digits::numeric::float8
END AS double FROM (SELECT CASE WHEN json_typeof(at) = 'number' THEN at #>> '{}' END AS digits
    FROM (SELECT {at} AS at) AS found) AS written) AS read)
"""
"""A number as SQLite knows it. The casts of PostgreSQL fail beyond their range: what lies there never reaches them."""

Sql = tuple[str, tuple[Any, ...]]


def refuse(sentence: str) -> NoReturn:
    """Raise NotSupportedError with a sentence that says what to ask instead."""
    raise NotSupportedError(sentence)


def step_of(name: str) -> str | int:
    """A step of a path: digits are an index, all else is a key."""
    return int(name) if _INDEX.match(name) else key_of(name)


def key_of(name: str) -> str:
    """The key itself; raises NotSupportedError for one that not every SQLite finds."""
    if not name or _AWKWARD.search(name) or clean_text(name) != name:
        refuse(f"The key {name!r} cannot be looked up: it is empty or holds a quote, a backslash or what is no text.")
    return name


class Value(Transform):
    """What stands at a key or an index of a payload, or of what stands at another.

    Selected, it is its JSON value, None where there is none; sorted by, it is null or nothing, then booleans as 0 and 1
    among numbers, then texts by code point, then lists and objects.
    """

    def __init__(self, step: str | int, *expressions: Any, **extra: Any) -> None:
        super().__init__(*expressions, **extra)
        self.step = step

    def _place(self, compiler: Any) -> tuple[str, tuple[Any, ...], list[str | int]]:
        """The column, and the steps to take from it."""
        steps, origin = [self.step], self.lhs
        while isinstance(origin, Value):
            steps.insert(0, origin.step)
            origin = origin.lhs
        sql, params = compiler.compile(origin)
        return sql, tuple(params), steps

    def _sqlite(self, compiler: Any, template: str) -> Sql:
        """`template` with `{type}`, `{value}` and `{both}` of what is found; NULL for a row that cannot be read."""
        column, params, steps = self._place(compiler)
        path = "$" + "".join(
            f'."{step}"' if isinstance(step, str) else f"[{step}]" if step >= 0 else f"[#{step}]" for step in steps
        )
        calls = {
            "{type}": f"JSON_TYPE({column}, %s)",
            "{value}": f"JSON_EXTRACT({column}, %s)",
            "{both}": f"JSON_EXTRACT({column}, %s, '{_BEYOND}')",
        }
        sql, count = re.subn(r"\{[a-z]+\}", lambda match: calls[match[0]], template)
        readable = f"JSON_VALID({column}) AND (INSTR({column}, %s) = 0 OR {column} REGEXP %s)"
        guard = (*params, *params, r"\u", *params, _READABLE)
        return f"(CASE WHEN {readable} THEN {sql} END)", (*guard, *(*params, path) * count)

    def _postgresql(self, compiler: Any, template: str) -> Sql:
        """`template` with the `{at}` of what is found, as `json`; NULL for a row that cannot be read."""
        column, params, steps = self._place(compiler)
        arrows = "".join(" -> %s" if isinstance(step, int) else " -> %s::text" for step in steps)
        readable = f"strpos({column}::text, %s) = 0 OR {column}::text ~ %s"
        at = f"(CASE WHEN {readable} THEN {column}{arrows} END)"
        return template.replace("{at}", at), (*params, r"\u", *params, _READABLE, *params, *steps)

    def type_sql(self, compiler: Any, connection: Any) -> Sql:
        """Its JSON type as the database calls it; NULL where nothing stands."""
        if connection.vendor == "postgresql":
            return self._postgresql(compiler, "json_typeof({at})")
        return self._sqlite(compiler, "{type}")

    def text_sql(self, compiler: Any, connection: Any) -> Sql:
        """Its text; NULL for what is no text."""
        if connection.vendor == "postgresql":
            return self._postgresql(compiler, _POSTGRESQL_TEXT)
        return self._sqlite(compiler, "CASE {type} WHEN 'text' THEN {value} END")

    def number_sql(self, compiler: Any, connection: Any) -> Sql:
        """Its number; NULL for what is none."""
        if connection.vendor == "postgresql":
            return self._postgresql(compiler, _POSTGRESQL_NUMBER)
        return self._sqlite(compiler, "CASE WHEN {type} IN ('integer', 'real') THEN {value} END")

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        """What it is sorted by."""
        return self._sqlite(compiler, "CASE WHEN {type} IN ('object', 'array') THEN x'' ELSE {value} END")

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Sql:
        """What it is sorted by: how its type ranks, its number, its text."""
        text, text_params = self.text_sql(compiler, connection)
        number, number_params = self.number_sql(compiler, connection)
        rank, rank_params = self._postgresql(
            compiler,
            "(SELECT CASE json_typeof(at) WHEN 'boolean' THEN 1 WHEN 'number' THEN 1 WHEN 'string' THEN 2 "
            "WHEN 'object' THEN 3 WHEN 'array' THEN 3 ELSE 0 END FROM (SELECT {at} AS at) AS found)",
        )
        truth, truth_params = self._postgresql(
            compiler,
            "(SELECT CASE json_typeof(at) WHEN 'boolean' THEN at::text::boolean::int::numeric END "
            "FROM (SELECT {at} AS at) AS found)",
        )
        params = (*rank_params, *number_params, *truth_params, *text_params)
        return f"ROW({rank}, COALESCE({number}, {truth}), {text})", params

    def select_format(self, compiler: Any, sql: str, params: Any) -> Sql:
        """What is selected: its JSON, which is not what it is sorted by.

        Raises NotSupportedError when it is both: Django would sort by the selected text.
        """
        query = compiler.query
        for order in query.order_by:
            name = (
                order.lstrip("-") if isinstance(order, str) else getattr(getattr(order, "expression", None), "name", "")
            )
            place = (query.selected or {}).get(name)
            if self == (query.select[place] if isinstance(place, int) else query.annotation_select.get(name)):
                refuse(
                    f"{name} cannot be selected and sorted by at once: leave it out of order_by() and sort what comes."
                )
        if compiler.connection.vendor == "postgresql":
            return self._postgresql(compiler, "{at}::text")
        return self._sqlite(compiler, "CASE WHEN {type} IS NOT NULL THEN {both} END")

    def read(self, text: str, connection: Any) -> Any:
        """What was selected -> JSON value."""
        return json.loads(text) if connection.vendor == "postgresql" else json.loads(text)[0]
