"""Payload columns: what is stored comes back, and is found by its keys, alike on SQLite and PostgreSQL."""

import json
import re
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import NotSupportedError, connection
from django.db.models import Count, F, Q, Value
from django.utils import timezone

from executions.ledger import statements
from executions.models import Execution
from executions.record import payload
from executions.record.payload_column import PayloadField
from executions.upkeep import space
from tests.factories import STARTED

pytestmark = pytest.mark.django_db

DIGITS = "1234567890" * 400
ROWS = {
    "text": '{"key":"Ada","deep":[{"key":"x"},7]}',
    "lower": '{"key":"ada"}',
    "umlaut": '{"key":"Äpfel"}',
    "percent": '{"key":"100% _sure_ \\\\ \\"quoted\\""}',
    "true_text": '{"key":"true"}',
    "null_text": '{"key":"null"}',
    "digit_text": '{"key":"7"}',
    "seven": '{"key":7}',
    "seven_point": '{"key":7.0}',
    "seven_exponent": '{"key":70e-1}',
    "minus": '{"key":-0.5}',
    "big": '{"key":9007199254740993}',
    "big_neighbour": '{"key":9007199254740992}',
    "int64": '{"key":9223372036854775807}',
    "beyond": '{"key":9223372036854775808}',
    "digits": f'{{"key":{DIGITS}}}',
    "minus_digits": f'{{"key":-{DIGITS}}}',
    "infinite": '{"key":1e400}',
    "far": '{"key":-1e99999}',
    "tiny": '{"key":1e-400}',
    "tinier": '{"key":1e-99999}',
    "long_fraction": f'{{"key":0.{DIGITS}}}',
    "true": '{"key":true}',
    "false": '{"key":false}',
    "null": '{"key":null}',
    "list": '{"key":["Ada",7]}',
    "object": '{"key":{"key":"Ada","0":"zero"}}',
    "empty": "{}",
    "top_list": '[{"key":"first"},{"key":"last"}]',
    "top_text": '"key"',
    "top_number": "7",
    "top_null": "null",
    "other_keys": '{"Schlüssel":1,"two words":2,"a.b[0]":3,"0":4}',
    "control": '{"key":"a\\u0001b\\u001fc"}',
    "backslash_u": '{"key":"\\\\u0000 \\\\ud800"}',
    "nul": '{"key":"a\\u0000b","other":1}',
    "nul_key": '{"\\u0000":1,"key":"Ada"}',
    "half_pair": '{"key":"\\ud800","other":1}',
    "half_pair_key": '{"\\udfff":1,"key":"Ada"}',
    "swapped_pair": '{"key":"\\ude00\\ud83d"}',
    "after_backslash": '{"key":"\\\\\\ud800"}',
    "broken_pair": '{"key":"\\\\ud83d\\ude00"}',
    "whole_pair": '{"key":"\\ud83d\\ude00"}',
    "emoji": '{"key":"😀"}',
    "deep": '{"key":' + "[" * 60 + "]" * 60 + "}",
}
UNREADABLE = {
    *("nul", "nul_key", "half_pair", "half_pair_key"),
    *("swapped_pair", "after_backslash", "broken_pair", "whole_pair"),
}
"""Rows with an escape that `payload` never writes: they have no keys, and disturb no query."""

WITHOUT = UNREADABLE | {name for name in ROWS if name.startswith("top_")} | {"empty", "other_keys"}
"""Rows in which nothing stands at `key`."""


def store(texts: Iterable[tuple[str, str]]) -> None:
    """Write rows as the ledger does, with a name as their note."""
    now = {"started_at": STARTED, "updated_at": STARTED, "status": "pending", "source": "mcp", "is_pinned": False}
    short = ("flow_name", "flow_tool_name", "server_slug", "params_preview", "error_kind", "failed_node_name")
    empty = dict.fromkeys((*short, "error_preview", "caller_name"), "") | {"node_executions": "[]", "caller": "{}"}
    statements.insert(
        [{"id": uuid.uuid4(), "note": name, "initial_params": text} | now | empty for name, text in texts]
    )


@pytest.fixture
def rows(db: None) -> None:
    store(ROWS.items())


def found(*conditions: Q, **lookups: Any) -> set[str]:
    return set(Execution.objects.filter(*conditions, **lookups).values_list("note", flat=True))


NUMBERS_BELOW = {"minus", "minus_digits", "far", "tiny", "tinier", "long_fraction"}
NUMBERS_ABOVE = {"big", "big_neighbour", "int64", "beyond", "digits", "infinite"}
SEVENS = {"seven", "seven_point", "seven_exponent"}


@pytest.mark.parametrize(
    ("lookup", "value", "expected"),
    [
        ("key", "Ada", {"text"}),
        ("key", "Äpfel", {"umlaut"}),
        ("key", "true", {"true_text"}),
        ("key", '100% _sure_ \\ "quoted"', {"percent"}),
        ("key", "\\u0000 \\ud800", {"backslash_u"}),
        ("key", "a\x01b\x1fc", {"control"}),
        ("key", "😀", {"emoji"}),
        ("key", "a\0b", set()),
        ("key", True, {"true"}),
        ("key", False, {"false"}),
        ("key", None, {"null"}),
        ("key", 7, SEVENS),
        ("key", 7.0, SEVENS),
        ("key", "7", {"digit_text"}),
        ("key", -0.5, {"minus"}),
        ("key", 1, set()),
        ("key", 9007199254740993, {"big"}),
        ("key", 9007199254740992.0, {"big_neighbour"}),
        ("key", 2**63 - 1, {"int64"}),
        ("key", 2**63, {"beyond"}),
        ("key", 2**63 + 1, {"beyond"}),
        ("key", 10**400, {"digits", "infinite"}),
        ("key", -(10**400), {"minus_digits", "far"}),
        ("key", float("inf"), {"digits", "infinite"}),
        ("key", float("nan"), set()),
        ("key", 0, {"tiny", "tinier"}),
        ("key", 0.1234567890123456789, {"long_fraction"}),
        ("key__in", ["Ada", 7, None, True], {"text", "null", "true"} | SEVENS),
        ("key__in", [], set()),
        ("key__in", ("nothing",), set()),
        ("key__gt", 7, NUMBERS_ABOVE),
        ("key__gte", 7, NUMBERS_ABOVE | SEVENS),
        ("key__lt", 7, NUMBERS_BELOW),
        ("key__lte", 7, NUMBERS_BELOW | SEVENS),
        ("key__lt", -1e308, {"minus_digits", "far"}),
        ("key__gt", 9007199254740992, NUMBERS_ABOVE - {"big_neighbour"}),
        ("key__gt", "null", {"true_text", "umlaut", "emoji"}),
        ("key__lt", "Ada", {"digit_text", "percent"}),
        ("key__lte", "Ada", {"digit_text", "percent", "text"}),
        ("key__icontains", "aDa", {"text", "lower"}),
        ("key__icontains", "ä", set()),
        ("key__icontains", "% _", {"percent"}),
        ("key__icontains", "\\", {"percent", "backslash_u"}),
        ("key__iexact", "ADA", {"text", "lower"}),
        ("key__istartswith", "ad", {"text", "lower"}),
        ("key__iendswith", "DA", {"text", "lower"}),
        ("key__0", "Ada", {"list"}),
        ("key__1", 7, {"list"}),
        ("key__-1", 7, {"list"}),
        ("key__key", "Ada", {"object"}),
        ("deep__0__key", "x", {"text"}),
        ("0__key", "first", {"top_list"}),
        ("-1__key", "last", {"top_list"}),
        ("2__key__isnull", False, set()),
        ("Schlüssel", 1, {"other_keys"}),
        ("two words", 2, {"other_keys"}),
        ("a.b[0]", 3, {"other_keys"}),
        ("0", 4, set()),
        ("other", 1, set()),
        (
            "has_key",
            "key",
            set(ROWS) - UNREADABLE - {n for n in ROWS if n.startswith("top_")} - {"empty", "other_keys"},
        ),
        ("has_key", "0", {"other_keys"}),
        ("has_key", "other", set()),
        ("key__has_key", "0", {"object"}),
        ("has_keys", ["key", "deep"], {"text"}),
        ("has_any_keys", ["deep", "Schlüssel"], {"text", "other_keys"}),
        ("isnull", True, set()),
        ("icontains", "ADA", {n for n, text in ROWS.items() if "ada" in text.lower()}),
        ("icontains", "\\u0000", {n for n, text in ROWS.items() if "\\u0000" in text}),
    ],
    ids=lambda value: None if isinstance(value, set) else str(value)[:20],
)
def test_rows_are_found_by_their_keys_alike_on_both_databases(
    rows: None, lookup: str, value: Any, expected: set[str]
) -> None:
    assert found(**{f"initial_params__{lookup}": value}) == expected
    nobody = set(ROWS) - expected
    assert (
        set(Execution.objects.exclude(**{f"initial_params__{lookup}": value}).values_list("note", flat=True)) == nobody
    )


def test_a_key_that_is_null_is_there(rows: None) -> None:
    assert found(initial_params__key__isnull=True) == WITHOUT
    assert found(initial_params__key__isnull=False) == set(ROWS) - WITHOUT


def test_values_of_a_key_are_what_was_stored(rows: None) -> None:
    values = dict(Execution.objects.values_list("note", "initial_params__key"))
    readable = {name: json.loads(text) for name, text in ROWS.items() if name not in UNREADABLE}
    expected = {name: value.get("key") if isinstance(value, dict) else None for name, value in readable.items()}
    assert {name: repr(value) for name, value in values.items()} == {name: repr(expected.get(name)) for name in ROWS}
    deep = Execution.objects.filter(note="text").values(
        "initial_params__deep__1", other=F("initial_params__deep__0__key")
    )
    assert list(deep) == [{"initial_params__deep__1": 7, "other": "x"}]


def test_rows_are_sorted_by_a_key_alike_on_both_databases(rows: None) -> None:
    ordered = Execution.objects.order_by("initial_params__key", "note").values_list("note", flat=True)
    assert list(ordered) == [
        *sorted(WITHOUT | {"null"}),
        *("far", "minus_digits", "minus", "false", "tinier", "tiny", "long_fraction", "true"),
        *("seven", "seven_exponent", "seven_point", "big_neighbour", "big", "int64", "beyond", "digits", "infinite"),
        *(
            "percent",
            "digit_text",
            "text",
            "backslash_u",
            "control",
            "lower",
            "null_text",
            "true_text",
            "umlaut",
            "emoji",
        ),
        *("deep", "list", "object"),
    ]
    newest = Execution.objects.order_by("-initial_params__key", "-note").values_list("note", flat=True)
    assert list(newest) == list(ordered)[::-1]
    for order in ("initial_params__key", "-initial_params__key", F("initial_params__key").desc()):
        with pytest.raises(NotSupportedError, match="initial_params__key cannot be selected and sorted by at once"):
            list(Execution.objects.values("initial_params__key").order_by(order))


def test_rows_are_counted_by_a_key(rows: None) -> None:
    some = Execution.objects.filter(note__in=["seven", "list", "empty", "nul", "text", "lower"])
    store([("again", ROWS["seven"])])
    counted = (some | Execution.objects.filter(note="again")).values("initial_params__key").annotate(n=Count("pk"))
    assert sorted(map(repr, (tuple(row.values()) for row in counted.order_by()))) == sorted(
        ["(7, 2)", "(['Ada', 7], 1)", "('Ada', 1)", "('ada', 1)", "(None, 2)"]
    )
    assert set(some.values_list("initial_params__key__0", flat=True).distinct()) == {None, "Ada"}


@pytest.mark.parametrize(
    "lookup",
    [
        *({"initial_params": {"key": 1}}, {"initial_params__exact": "x"}, {"initial_params__in": [{}]}),
        *({"initial_params__contains": {}}, {"initial_params__contained_by": {}}, {"initial_params__gt": 1}),
        *({"initial_params__regex": "a"}, {"initial_params__startswith": "a"}, {"initial_params__key__contains": 1}),
        {"initial_params__key__regex": "a"},
    ],
    ids=str,
)
def test_what_would_compare_whole_payloads_is_refused_with_what_to_ask_instead(lookup: dict[str, Any]) -> None:
    with pytest.raises(NotSupportedError, match="Ask what stands at their keys: field__key=value, also with exact, gt"):
        Execution.objects.filter(**lookup)


@pytest.mark.parametrize(
    ("lookup", "sentence"),
    [
        (
            {"initial_params__key": {"key": 1}},
            "A dict is not compared with what stands at a key: ask for the",
        ),
        (
            {"initial_params__key__in": [[1]]},
            "A list is not compared with what stands at a key: ask for the",
        ),
        (
            {"initial_params__key__gt": True},
            "A bool is not compared with what stands at a key: ask for the",
        ),
        ({"initial_params__key": F("note")}, "exact compares with a value, not with a column or a query."),
        ({"initial_params__key__in": Execution.objects.values("note")}, "in compares with a value, not with a column"),
        (
            {'initial_params__a"b': 1},
            "cannot be looked up: it is empty or holds a quote, a backslash or",
        ),
        ({"initial_params__has_key": ""}, "The key '' cannot be looked up"),
        ({"initial_params__a\ud800": 1}, "cannot be looked up"),
    ],
)
def test_what_cannot_be_asked_of_a_key_is_refused(lookup: dict[str, Any], sentence: str) -> None:
    with pytest.raises(NotSupportedError, match=re.escape(sentence)):
        list(Execution.objects.filter(**lookup))


def test_distinct_payloads_are_refused(rows: None) -> None:
    with pytest.raises(
        NotSupportedError, match=r"leave out initial_params with defer\(\) or only\(\), or take values\(\)"
    ):
        list(Execution.objects.values("initial_params").distinct())
    assert Execution.objects.only("note").distinct().count() == len(ROWS)


def test_a_payload_that_is_not_there_is_null() -> None:
    store([("none", "null")])
    assert (found(result=None), found(result__isnull=True), found(initial_params=None)) == ({"none"}, {"none"}, set())
    assert found(~Q(result__key=1)) == found(result__key__isnull=True) == {"none"}
    assert Execution.objects.values_list("result", "initial_params").get() == (None, None)


def text_of(column: str) -> dict[str, str]:
    """What is stored, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT note, CAST({column} AS text) FROM executions_execution")
        return dict(cursor.fetchall())


VALUES: dict[str, Any] = {
    "order": {"z": 1, "a": {"y": 2, "b": 3}, "10": 0, "9": 0},
    "numbers": [1, 1.0, -0.0, 0.1, 1e16, 1e-7, 1.5e300, 2**53 + 1, 2**63, 10**400, True],
    "texts": ["", "\\u0000", "ä😀\u2028", '"%s" {} %(x)s', "line\nbreak\ttab\x01"],
    "nul": {"a\0b": "c\0d", "other": None},
    "half_pair": ["\ud800", {"\udfff": "x\ude00\ud83d"}],
    "no_json": {"nan": float("nan"), "inf": float("inf"), "set": {2}, "bytes": b"x"},
    "huge": 10**5000,
    "large_text": "ä" * 70_000,
    "large": [{"number": number, "text": "x" * 100} for number in range(20_000)],
    "deep": json.loads("[" * 90 + "]" * 90),
    "scalars": [None, False, "text"],
}


def test_what_is_stored_is_what_payload_wrote_byte_for_byte() -> None:
    expected = {name: payload.dump(value) for name, value in VALUES.items()}
    common = {"started_at": timezone.now(), "updated_at": timezone.now()}
    made = [Execution(note=name, initial_params=value, **common) for name, value in VALUES.items()]
    first, *others = made
    first.save()
    Execution.objects.bulk_create(others)
    assert text_of("initial_params") == expected
    assert dict(Execution.objects.values_list("note", "initial_params")) == {
        name: json.loads(text) for name, text in expected.items()
    }
    for execution in Execution.objects.all():
        execution.result, execution.caller = VALUES[execution.note], VALUES[execution.note]
        execution.save()
    assert text_of("result") == text_of("caller") == expected
    Execution.objects.update(result=None, error_info={"z": 1, "a": 2})
    for execution in (rows := list(Execution.objects.all())):
        execution.result = VALUES[execution.note]
    Execution.objects.bulk_update(rows, ["result"])
    Execution.objects.update(caller=F("result"), initial_params=Value({"z": 1.0, "a": 2}, PayloadField()))
    assert text_of("result") == text_of("caller") == expected
    assert set(text_of("error_info").values()) == {'{"z":1,"a":2}'}
    assert set(text_of("initial_params").values()) == {'{"z":1.0,"a":2}'}


def test_the_ledger_stores_every_text_as_it_is(rows: None) -> None:
    assert text_of("initial_params") == ROWS
    for execution in Execution.objects.all():
        assert statements.update_pending(execution.pk, {"result": ROWS[execution.note]})
    assert text_of("result") == ROWS


@pytest.mark.postgres
def test_a_text_of_before_becomes_json_as_it_is() -> None:
    """What the migration does to a column, over rows that PostgreSQL could read nothing from."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE old_rows (name text, stored text)")
        cursor.executemany("INSERT INTO old_rows VALUES (%s, %s)", list(ROWS.items()))
        cursor.execute("ALTER TABLE old_rows ALTER COLUMN stored TYPE json USING stored::json")
        cursor.execute("SELECT name, stored::text FROM old_rows")
        assert dict(cursor.fetchall()) == ROWS


def test_executions_survive_a_fixture_byte_for_byte(tmp_path: Path) -> None:
    common = {"started_at": timezone.now(), "updated_at": timezone.now()}
    for name, value in VALUES.items():
        Execution.objects.create(note=name, initial_params=value, result=value, **common)
    before = text_of("initial_params"), text_of("result"), text_of("caller"), text_of("error_info")
    for form in ("json", "xml"):
        fixture = tmp_path / f"executions.{form}"
        call_command("dumpdata", "executions.execution", format=form, output=str(fixture), verbosity=0)
        Execution.objects.all().delete()
        call_command("loaddata", str(fixture), verbosity=0)
        assert (text_of("initial_params"), text_of("result"), text_of("caller"), text_of("error_info")) == before


def test_the_room_of_payloads_is_measured_in_bytes_of_their_text() -> None:
    store([("ascii", '{"key":"aa"}'), ("wide", '{"key":"ää"}')])
    assert space.size_of_one(Execution.objects.filter(note="ascii")) == space.OTHER_BYTES + 12 + 2
    assert space.size_of_one(Execution.objects.filter(note="wide")) == space.OTHER_BYTES + 14 + 2
