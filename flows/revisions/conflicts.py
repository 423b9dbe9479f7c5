"""Two people changed the same thing: what each has, field by field, and one form that keeps what somebody chooses."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from flows.models import Revised
from flows.values.json_form_field import JsonFormField
from flows.values.json_text import parse_json

MAX_MARKED_LINES = 1000
"""Lines of both sides of a field whose differences are marked; longer ones are shown without marks."""

REVISION, TAKE, ALL_MINE = "revision", "take-", "all-mine"
_NEAR = 3
"""Equal lines that are shown around different ones."""

RowForms = Mapping[str, Sequence[forms.BaseForm]]
"""Forms in rows, by what the names of their fields begin with."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of one side; a `gap` stands for equal lines that are left out."""

    kind: Literal["same", "different", "gap"]
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A field, or all rows of a kind, that is not the same on both sides."""

    name: str
    label: str
    mine: Sequence[Line]
    theirs: Sequence[Line]


def started_from(sent: QueryDict) -> frozenset[int] | None:
    """The revision that a page was made from, as its form sends it; None when it sends none."""
    revision = sent.get(REVISION)
    if revision is None:
        return None
    is_number = revision.isascii() and revision.isdigit() and len(revision) <= 10
    return frozenset([int(revision)] if is_number else [])


def merged(sent: QueryDict, form: forms.BaseForm, rows: RowForms | None = None) -> QueryDict:
    """What a form sent, with those parts of the stored row that somebody took on the page of a conflict.

    `form` and `rows` are the unbound forms of the stored row.
    """
    taken = [key.removeprefix(TAKE) for key, value in sent.items() if key.startswith(TAKE) and value == "theirs"]
    if not taken or ALL_MINE in sent:
        return sent
    stored, result = _as_sent(form, rows or {}), sent.copy()
    for name in taken:
        for key in [key for key in result if _belongs(key, name)]:
            del result[key]
        for key, value in stored.items():
            if _belongs(key, name):
                result[key] = value
    return result


def conflict_page(
    request: HttpRequest,
    sent: QueryDict,
    current: Revised,
    form: forms.BaseForm,
    rows: RowForms | None = None,
    *,
    address: str = "",
) -> HttpResponse:
    """The page of a change that came too late: both sides, and a form that saves what is chosen of them.

    `address` is where it is edited and saved, if that is not where the change was sent to. When both sides are the
    same, this leads there.
    """
    differences = list(_differences(sent, form, rows or {}))
    if not differences:
        messages.success(request, "Somebody else has saved the same; it is stored as you have it.")
        return redirect(address or request.path)
    ours = (REVISION, "csrfmiddlewaretoken", ALL_MINE)
    kept = [(key, value) for key, values in sent.lists() for value in values if key not in ours]
    context = {
        "title": f"{current} was changed meanwhile",
        "current": current,
        "address": address or request.path,
        "differences": differences,
        "kept": [(key, value) for key, value in kept if not key.startswith(TAKE)],
    }
    return render(request, "flows/conflict.html", context, status=409)


def _belongs(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}-")


def _as_sent(form: forms.BaseForm, rows: RowForms) -> dict[str, str]:
    """What an unbound form would send as it stands; files have no value that a form could send."""
    sent = {kind: str(len(each)) for kind, each in rows.items()}
    for bound in (bound for each in (form, *(row for kind in rows.values() for row in kind)) for bound in each):
        value = bound.value()
        if isinstance(bound.field, forms.BooleanField):
            sent |= {bound.html_name: "on"} if value else {}
        elif not isinstance(bound.field, forms.FileField):
            sent[bound.html_name] = "" if value is None else str(value)
    return sent


def _differences(sent: QueryDict, form: forms.BaseForm, rows: RowForms) -> Iterator[Difference]:
    stored = _as_sent(form, rows)
    for name, label, field in [
        *((bound.name, str(bound.label), bound.field) for bound in form),
        *((kind, kind.capitalize(), None) for kind in rows),
    ]:
        mine, theirs = (_text(each, name, field) for each in (sent, stored))
        if mine != theirs:
            yield Difference(name, label, *_side_by_side(mine.splitlines(), theirs.splitlines()))


def _text(sent: Mapping[str, str], name: str, field: forms.Field | None) -> str:
    """A part as people read it; two texts are the same when what they say is."""
    value = str(sent.get(name, "")).replace("\r\n", "\n").strip()
    if field is None:
        return _json(_rows(sent, name))
    if isinstance(field, forms.BooleanField):
        return "yes" if value else "no"
    if isinstance(field, forms.FileField):
        return str(sent.get(f"{name}-name", "the stored file"))
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return next((str(label) for key, label in choices if str(key) == value), value)
    if isinstance(field, JsonFormField) and value:
        try:
            return _json(parse_json(value))
        except ValidationError:
            return value
    return value


def _rows(sent: Mapping[str, str], kind: str) -> list[dict[str, str]]:
    """The rows of a kind that hold something besides what a choice says by itself."""
    found: dict[str, dict[str, str]] = {}
    for key in sent:
        _, _, rest = key.partition(f"{kind}-")
        number, _, name = rest.partition("-")
        if key.startswith(f"{kind}-") and name and (value := str(sent[key]).replace("\r\n", "\n")):
            found.setdefault(number, {})[name] = value
    return [row for row in found.values() if row.keys() - {"role", "kind"}]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _side_by_side(mine: list[str], theirs: list[str]) -> tuple[list[Line], list[Line]]:
    """The lines of both sides, those that differ marked, far from them left out."""
    if len(mine) + len(theirs) > MAX_MARKED_LINES:
        return [Line("same", line) for line in mine], [Line("same", line) for line in theirs]
    left: list[Line] = []
    right: list[Line] = []
    steps = SequenceMatcher(None, mine, theirs).get_opcodes()
    for step, (kind, start, end, other_start, other_end) in enumerate(steps):
        if kind != "equal":
            left += [Line("different", line) for line in mine[start:end]]
            right += [Line("different", line) for line in theirs[other_start:other_end]]
            continue
        lines = [Line("same", line) for line in mine[start:end]]
        head, tail = _NEAR if step else 0, _NEAR if step < len(steps) - 1 else 0
        if (hidden := len(lines) - head - tail) > 1:
            lines[head : len(lines) - tail] = [Line("gap", f"{hidden} equal lines")]
        left += lines
        right += lines
    return left, right
