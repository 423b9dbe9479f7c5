"""Two people changed the same thing: what each has, and one form that keeps what somebody chooses.

Field by field, a definition node by node. A page may send `base` along, which `base_of` has made when it was opened:
then what only one of the two has changed is taken from that side unless somebody says otherwise.
"""

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
from flows.revisions.merge import LISTS, Part, Side, can_be_merged, differing_parts, merged_definition
from flows.values.json_form_field import JsonFormField
from flows.values.json_text import parse_json

MAX_MARKED_LINES = 1000
"""Lines of both sides of a field whose differences are marked; longer ones are shown without marks."""

REVISION, TAKE, ALL_MINE, BASE = "revision", "take-", "all-mine", "base"
_DEFINITION = "definition"
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
    """A field, all rows of a kind, or a part of a definition, that is not the same on both sides.

    It is settled when only one side has changed it; `said` is who did what.
    """

    name: str
    label: str
    mine: Sequence[Line]
    theirs: Sequence[Line]
    take: Side = "mine"
    is_settled: bool = False
    said: str = ""


def started_from(sent: QueryDict) -> frozenset[int] | None:
    """The revision that a page was made from, as its form sends it; None when it sends none."""
    revision = sent.get(REVISION)
    if revision is None:
        return None
    is_number = revision.isascii() and revision.isdigit() and len(revision) <= 10
    return frozenset([int(revision)] if is_number else [])


def is_chosen(sent: QueryDict) -> bool:
    """Whether a form is that of the page of a conflict, on which somebody has chosen."""
    return ALL_MINE in sent or any(key.startswith(TAKE) for key in sent)


def merged(sent: QueryDict, form: forms.BaseForm, rows: RowForms | None = None) -> QueryDict:
    """What a form sent, with those parts of the stored row that somebody took on the page of a conflict.

    `form` and `rows` are the unbound forms of the stored row.
    """
    taken: dict[str, Side] = {
        key.removeprefix(TAKE): "theirs" if side == "theirs" else "mine"
        for key, side in sent.items()
        if key.startswith(TAKE)
    }
    if not taken or ALL_MINE in sent:
        return sent
    stored, result = _as_sent(form, rows or {}), sent.copy()
    if (sides := _definitions(sent, stored)) is not None:
        choices = {name.removeprefix(f"{_DEFINITION}."): side for name, side in taken.items()}
        result[_DEFINITION] = _json(merged_definition(_base(sent).get(_DEFINITION), *sides, choices))
    for name in [name for name, side in taken.items() if side == "theirs"]:
        for key in [key for key in result if _belongs(key, name)]:
            del result[key]
        for key, value in stored.items():
            if _belongs(key, name):
                result[key] = value
    return result


def base_of(form: forms.BaseForm) -> str:
    """What the page of an unbound form sends along as `base`."""
    sent: dict[str, Any] = _as_sent(form, {})
    for name, field in form.fields.items():
        if isinstance(field, JsonFormField) and (value := form[name].value()):
            sent[name] = json.dumps(json.loads(value), separators=(",", ":"), ensure_ascii=False)
    return json.dumps(sent, ensure_ascii=False)


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
        "open": [difference for difference in differences if not difference.is_settled],
        "settled": [difference for difference in differences if difference.is_settled],
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
    stored, base = _as_sent(form, rows), _base(sent)
    sides = _definitions(sent, stored)
    for name, label, field in [
        *((bound.name, str(bound.label), bound.field) for bound in form),
        *((kind, kind.capitalize(), None) for kind in rows),
    ]:
        if name == _DEFINITION and sides is not None:
            parts = differing_parts(base.get(name), *sides)
            yield from (_of_part(part, *sides) for part in parts)
            if parts or merged_definition(base.get(name), *sides, {}) == sides[1]:
                continue
            label = "Places on the canvas"
        mine, theirs = (_text(each, name, field) for each in (sent, stored))
        if mine == theirs:
            continue
        lines = _side_by_side(mine.splitlines(), theirs.splitlines())
        was = _text({name: _as_text(base[name])}, name, field) if name in base and field is not None else None
        if mine == was:
            yield Difference(name, label, *lines, "theirs", True, "they changed it")
        else:
            yield Difference(name, label, *lines, "mine", theirs == was, "you changed it" if theirs == was else "")


def _base(sent: Mapping[str, str]) -> dict[str, Any]:
    """What the page was made from, its definition as JSON; empty when it does not say so."""
    try:
        base = parse_json(sent.get(BASE) or "{}")
        definition = base.get(_DEFINITION) if isinstance(base, dict) else None
        if isinstance(definition, str):
            base[_DEFINITION] = parse_json(definition)
    except ValidationError:
        return {}
    return base if isinstance(base, dict) else {}


def _as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _definitions(sent: Mapping[str, str], stored: Mapping[str, str]) -> tuple[Any, Any] | None:
    """Both sides' definitions; None when there is none, or one of them cannot be taken apart."""
    try:
        sides = tuple(parse_json(str(each[_DEFINITION])) for each in (sent, stored))
    except (KeyError, ValidationError):
        return None
    return (sides[0], sides[1]) if all(map(can_be_merged, sides)) else None


def _of_part(part: Part, mine: Any, theirs: Any) -> Difference:
    names = {
        node["id"]: str(node.get("name") or node["id"]) for side in (theirs, mine) for node in side.get("nodes", ())
    }
    value = part.mine if part.mine is not None else part.theirs
    kind, dot, _ = part.key.partition(".")
    label = kind.capitalize()
    if dot and kind in LISTS:
        label = f"{label[:-1]} {value.get('name') or value.get('text') or value['id']}"
        if kind == "connections":
            ends = (names.get(str(value.get(end)), value.get(end)) for end in ("sourceNodeId", "targetNodeId"))
            label = f"Connection {' → '.join(map(str, ends))}"
    texts = ([] if each is None else _json(each).splitlines() for each in (part.mine, part.theirs))
    sides = [lines or [Line("gap", "not there")] for lines in _side_by_side(*texts)]
    name = f"{_DEFINITION}.{part.key}"
    return Difference(name, label, sides[0], sides[1], part.take, part.is_settled, part.said)


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
