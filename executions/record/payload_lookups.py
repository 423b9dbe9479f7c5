"""What may be asked of a payload and of what stands at its keys: the same rows on SQLite and PostgreSQL.

Django's own look-ups are made for `jsonb`. These compare what `payload_values` reads of a value. Letters are alike in
`icontains` when they differ as `A` and `a` do, and as no others; what is asked for is cleaned as it would be when it is
stored.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from django.db.models import JSONField, Lookup
from django.db.models.lookups import IsNull

from executions.record.payload import clean_text
from executions.record.payload_values import Sql, Value, key_of, refuse

_WHOLE = 2**63
_DJANGOS = JSONField()


class Key(Value):
    """What stands at a key or an index, and what may be asked of it."""

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        """The look-ups of keys; Django's others are refused, not taken for a key."""
        known: type[Lookup] | None = _DJANGOS.get_lookup(lookup_name)
        return OF_KEYS.get(lookup_name) or (known and refusal(lookup_name))


class _Asked(Lookup):
    """A look-up whose right side is a value of Python's; false, not unknown, for rows without what is asked for."""

    prepare_rhs = False

    def __init__(self, lhs: Any, rhs: Any) -> None:
        if any(hasattr(value, "resolve_expression") or hasattr(value, "as_sql") for value in _values(rhs)):
            refuse(f"{self.lookup_name} compares with a value, not with a column or a query.")
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


def _equal(key: Value, value: Any, compiler: Any, connection: Any) -> Sql:
    if value is not None and not isinstance(value, bool):
        return _compared(key, "=", value, compiler, connection)
    # SQLite has types of these names; PostgreSQL has the JSON itself, where a text would stand in quotes.
    on_postgresql = connection.vendor == "postgresql"
    sql, params = key.select_format(compiler, "", ()) if on_postgresql else key.type_sql(compiler, connection)
    return f"{sql} = %s", (*params, json.dumps(value))


def _compared(key: Value, operator: str, value: Any, compiler: Any, connection: Any) -> Sql:
    """A text among texts by code point, a number among numbers; raises NotSupportedError for what has no order."""
    if isinstance(value, str):
        sql, params = key.text_sql(compiler, connection)
        return f"{sql} {operator} %s", (*params, clean_text(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(f"A {type(value).__name__} is not compared with what stands at a key: ask for the keys in it.")
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
        key: Value = self.lhs
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
        keys = [Value(key_of(str(name)), self.lhs) for name in _values(self.rhs)]
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
                refuse(
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
