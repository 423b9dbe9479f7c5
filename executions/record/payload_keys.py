r"""What stands at a key of a payload, and what may be asked of it: the same rows on SQLite and PostgreSQL.

Django's own look-ups are made for `jsonb`. PostgreSQL's `json` has no equality and no order, and reading any key of a
row fails when the row holds an escape that is no text there, a NUL or half a surrogate pair. So each look-up is made of
three things that both databases know of a value (its type, its text, its number), and a row that holds an escape which
`payload` never writes has no keys at all.

Numbers are those of SQLite: whole ones of 64 bits are exact, all others doubles, too large ones infinite. Letters are
alike in `icontains` when they differ as `A` and `a` do, and as no others. A step of digits is an index, `-1` the last;
what is asked for is cleaned as it would be when it is stored.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from django.db import NotSupportedError
from django.db.models import JSONField, Lookup, Transform
from django.db.models.lookups import IsNull

from executions.record.payload import clean_text

_INDEX = re.compile(r"-?[0-9]{1,9}\Z")
_AWKWARD = re.compile(r'["\\\x00-\x1f]')
_READABLE = r'\A(?:[^\\]|\\["\\/bfnrt]|\\u00(?:0[1-9a-f]|1[0-9a-f]))*\Z'
"""JSON text whose escapes are those that `payload` writes; read alike by Python, SQLite's REGEXP and PostgreSQL."""

_BEYOND = "$[999999999]"
"""A second path, which leads nowhere: SQLite answers two paths with a list, in which numbers are written as stored."""

_WHOLE = 2**63
_DJANGOS = JSONField()
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


def _refuse(sentence: str) -> NoReturn:
    raise NotSupportedError(sentence)


def step_of(name: str) -> str | int:
    """A step of a path: digits are an index, all else is a key."""
    return int(name) if _INDEX.match(name) else key_of(name)


def key_of(name: str) -> str:
    """The key itself; raises NotSupportedError for one that not every SQLite finds."""
    if not name or _AWKWARD.search(name) or clean_text(name) != name:
        _refuse(f"The key {name!r} cannot be looked up: it is empty or holds a quote, a backslash or what is no text.")
    return name


class Key(Transform):
    """What stands at a key or an index of a payload, or of what stands at another.

    Selected, it is its JSON value, None where there is none; sorted by, it is null or nothing, then booleans as 0 and 1
    among numbers, then texts by code point, then lists and objects.
    """

    def __init__(self, step: str | int, *expressions: Any, **extra: Any) -> None:
        super().__init__(*expressions, **extra)
        self.step = step

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        """The look-ups of keys; Django's others are refused, not taken for a key."""
        known: type[Lookup] | None = _DJANGOS.get_lookup(lookup_name)
        return OF_KEYS.get(lookup_name) or (known and refusal(lookup_name))

    def _place(self, compiler: Any) -> tuple[str, tuple[Any, ...], list[str | int]]:
        """The column, and the steps to take from it."""
        steps, origin = [self.step], self.lhs
        while isinstance(origin, Key):
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
                _refuse(
                    f"{name} cannot be selected and sorted by at once: leave it out of order_by() and sort what comes."
                )
        if compiler.connection.vendor == "postgresql":
            return self._postgresql(compiler, "{at}::text")
        return self._sqlite(compiler, "CASE WHEN {type} IS NOT NULL THEN {both} END")

    def read(self, text: str, connection: Any) -> Any:
        """What was selected -> JSON value."""
        return json.loads(text) if connection.vendor == "postgresql" else json.loads(text)[0]


class _Asked(Lookup):
    """A look-up whose right side is a value of Python's; false, not unknown, for rows without what is asked for."""

    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if any(hasattr(value, "resolve_expression") or hasattr(value, "as_sql") for value in _values(rhs)):
            _refuse(f"{self.lookup_name} compares with a value, not with a column or a query.")
        super().__init__(lhs, rhs)

    def condition(self, compiler: Any, connection: Any) -> Sql:
        """The SQL that may be NULL."""
        raise NotImplementedError

    def as_sql(self, compiler: Any, connection: Any) -> Sql:
        """The condition, FALSE where it is unknown, so that exclude() gives all the other rows."""
        sql, params = self.condition(compiler, connection)
        return f"COALESCE({sql}, {'FALSE' if connection.vendor == 'postgresql' else '0'})", params


def _values(rhs: Any) -> Sequence[Any]:
    return rhs if isinstance(rhs, list | tuple) else [rhs]


class _Exact(_Asked):
    """Equal to a text, a number, a boolean or null."""

    lookup_name = "exact"
    can_use_none_as_rhs = True

    def condition(self, compiler: Any, connection: Any) -> Sql:
        return _equal(self.lhs, self.rhs, compiler, connection)


class _In(_Asked):
    """Equal to one of these."""

    lookup_name = "in"

    def __init__(self, lhs: Any, rhs: Any) -> None:
        super().__init__(lhs, rhs if hasattr(rhs, "resolve_expression") else list(rhs))

    def condition(self, compiler: Any, connection: Any) -> Sql:
        return _joined(" OR ", [_equal(self.lhs, value, compiler, connection) for value in self.rhs])


def _joined(word: str, conditions: Sequence[Sql]) -> Sql:
    """Several conditions as one; none at all are true together, and none of them is."""
    sql = word.join(sql for sql, _ in conditions) or ("1 = 1" if word == " AND " else "1 = 0")
    return f"({sql})", tuple(param for _, params in conditions for param in params)


def _equal(key: Key, value: Any, compiler: Any, connection: Any) -> Sql:
    if value is not None and not isinstance(value, bool):
        return _compared(key, "=", value, compiler, connection)
    # SQLite has types of these names; PostgreSQL has the JSON itself, where a text would stand in quotes.
    on_postgresql = connection.vendor == "postgresql"
    sql, params = key.select_format(compiler, "", ()) if on_postgresql else key.type_sql(compiler, connection)
    return f"{sql} = %s", (*params, json.dumps(value))


def _compared(key: Key, operator: str, value: Any, compiler: Any, connection: Any) -> Sql:
    """A text among texts by code point, a number among numbers; raises NotSupportedError for what has no order."""
    if isinstance(value, str):
        sql, params = key.text_sql(compiler, connection)
        return f"{sql} {operator} %s", (*params, clean_text(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"A {type(value).__name__} is not compared with what stands at a key: ask for the keys in it.")
    sql, params = key.number_sql(compiler, connection)
    number = _as_stored(value)
    if math.isnan(number):
        return f"({sql} IS NULL AND 1 = 0)", params
    if connection.vendor == "postgresql":
        is_whole = -_WHOLE <= number < _WHOLE and number == int(number)
        return f"{sql} {operator} %s::numeric", (*params, str(int(number) if is_whole else number))
    return f"{sql} {operator} %s", (*params, number)


def _as_stored(value: float) -> float:
    """A whole number of 64 bits as it is, any other as a double."""
    if isinstance(value, int) and not -_WHOLE <= value < _WHOLE:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


class _Ordered(_Asked):
    operator = ""

    def condition(self, compiler: Any, connection: Any) -> Sql:
        return _compared(self.lhs, self.operator, self.rhs, compiler, connection)


class _Gt(_Ordered):
    lookup_name, operator = "gt", ">"


class _Gte(_Ordered):
    lookup_name, operator = "gte", ">="


class _Lt(_Ordered):
    lookup_name, operator = "lt", "<"


class _Lte(_Ordered):
    lookup_name, operator = "lte", "<="


class _IsNull(_Asked):
    """Whether nothing stands there; JSON's null is something."""

    lookup_name = "isnull"

    def condition(self, compiler: Any, connection: Any) -> Sql:
        sql, params = self.lhs.type_sql(compiler, connection)
        return f"{sql} IS {'' if self.rhs else 'NOT '}NULL", params


class _Texts(_Asked):
    """A text that matches a pattern of LIKE, whether in capitals or not."""

    pattern = "{}"

    def text(self, compiler: Any, connection: Any) -> Sql:
        """What is matched."""
        key: Key = self.lhs
        return key.text_sql(compiler, connection)

    def condition(self, compiler: Any, connection: Any) -> Sql:
        sql, params = self.text(compiler, connection)
        wanted = self.pattern.format(re.sub(r"([\\%_])", r"\\\1", clean_text(str(self.rhs))))
        if connection.vendor == "postgresql":
            return rf"""UPPER({sql} COLLATE "C") LIKE UPPER(%s COLLATE "C") ESCAPE '\'""", (*params, wanted)
        return rf"{sql} LIKE %s ESCAPE '\'", (*params, wanted)


class _IExact(_Texts):
    lookup_name = "iexact"


class _IContains(_Texts):
    lookup_name, pattern = "icontains", "%{}%"


class _IStartsWith(_Texts):
    lookup_name, pattern = "istartswith", "{}%"


class _IEndsWith(_Texts):
    lookup_name, pattern = "iendswith", "%{}"


class _AnywhereIn(_IContains):
    """A text anywhere in the JSON of a payload, keys and escapes included."""

    def text(self, compiler: Any, connection: Any) -> Sql:
        sql, params = compiler.compile(self.lhs)
        return (f"{sql}::text" if connection.vendor == "postgresql" else sql), tuple(params)


class _HasKeys(_Asked):
    """Whether an object stands there that has a key, or all or any of several."""

    lookup_name, joined = "has_keys", " AND "

    def condition(self, compiler: Any, connection: Any) -> Sql:
        keys = [Key(key_of(str(name)), self.lhs) for name in _values(self.rhs)]
        there = [key.type_sql(compiler, connection) for key in keys]
        return _joined(self.joined, [(f"{sql} IS NOT NULL", params) for sql, params in there])


class _HasKey(_HasKeys):
    lookup_name = "has_key"


class _HasAnyKeys(_HasKeys):
    lookup_name, joined = "has_any_keys", " OR "


def refusal(name: str) -> type[Lookup]:
    """A look-up that says what to ask instead; `field=None` is left to Django, which asks for NULL."""

    class Refused(Lookup):
        lookup_name = name
        prepare_rhs = False

        def __init__(self, lhs: Any, rhs: Any) -> None:
            if rhs is not None or name != "exact":
                _refuse(
                    f"{name} is not known of payloads, which are not compared. Ask what stands at their keys: "
                    f"field__key=value, also with {', '.join(sorted(OF_KEYS))}; "
                    f"or of the whole: {', '.join(sorted(OF_PAYLOADS))}."
                )
            super().__init__(lhs, rhs)

    return Refused


OF_KEYS: dict[str, type[Lookup]] = {
    str(lookup.lookup_name): lookup
    for lookup in (
        *(_Exact, _In, _Gt, _Gte, _Lt, _Lte, _IsNull, _HasKey, _HasKeys, _HasAnyKeys),
        *(_IExact, _IContains, _IStartsWith, _IEndsWith),
    )
}
OF_PAYLOADS: dict[str, type[Lookup]] = {
    "isnull": IsNull,
    "icontains": _AnywhereIn,
    "has_key": _HasKey,
    "has_keys": _HasKeys,
    "has_any_keys": _HasAnyKeys,
}
