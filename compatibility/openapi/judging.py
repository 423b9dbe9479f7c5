"""What two requests that differ mean: which of the two is right, and whether the person was told."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from compatibility.openapi.calls import Call
from compatibility.openapi.documents import Document, Json
from compatibility.openapi.wire import Difference, Parts, decoded_path, differences

SAME, DEFAULTS, REFERENCE = "same", "defaults", "reference"
"""The same request; the same, with defaults of the document written out; swagger-client is wrong, by a rule below."""
EXPLAINED, WRONG, NOT_COMPARED = "explained", "wrong", "not compared"
"""The person was told what differs; nobody told; no request could be made to compare with."""
AS_MEANT = (SAME, DEFAULTS, REFERENCE)
"""Nothing of the request is another than the document means."""
WORDS = (SAME, DEFAULTS, REFERENCE, EXPLAINED, WRONG, NOT_COMPARED)


@dataclass(frozen=True)
class Verdict:
    """What came of an operation, with what it differs in or why it was not sent."""

    word: str
    reasons: list[str] = field(default_factory=list)


def judged(expected: Iterable[Parts], got: Parts, call: Call, document: Document, notes: Iterable[str] = ()) -> Verdict:
    """Compare with the request of each alternative for the credentials; the nearest counts."""
    told = list(notes)
    verdicts = [_judged(differences(each, got), call, document, told) for each in expected]
    return min(verdicts, key=lambda verdict: (WORDS.index(verdict.word), len(verdict.reasons)))


def _judged(found: list[Difference], call: Call, document: Document, notes: list[str]) -> Verdict:
    faults = {id(each): _fault(each, call) for each in found}
    left = [each for each in found if not faults[id(each)]]
    written = [each for each in left if _is_default(each, call, document)]
    left = [each for each in left if each not in written]
    untold = [str(each) for each in left if not is_told(each, call, notes)]
    if untold:
        return Verdict(WRONG, untold)
    if left:
        return Verdict(EXPLAINED, [str(each) for each in left])
    if written:
        return Verdict(DEFAULTS, [str(each) for each in written])
    reasons = list(dict.fromkeys(faults.values()))
    return Verdict(REFERENCE, reasons) if reasons else Verdict(SAME)


def _is_default(difference: Difference, call: Call, document: Document) -> bool:
    """Whether it is a default of the document, which the other system takes where nothing is sent.

    Where a request changes a part of something, what is not sent is left as it is: there a default says another thing.
    """
    if not difference.is_extra or (difference.place == "body" and call.operation.method == "patch"):
        return False
    if difference.place != "body":
        schemas = [
            each.schema
            for each in call.operation.parameters
            if (each.place, each.name.lower()) == (difference.place, difference.name.lower())
        ]
    else:
        schemas = [call.operation.media.get(call.media_type, {}).get("schema", {})]
        for step in re.findall(r"[^.\[\]]+", difference.name):
            options = [option for schema in schemas for option in document.options(schema)]
            schemas = [each["items"] for each in options if "items" in each] if step.isdigit() else []
            schemas = schemas or [
                each["properties"][step] for each in options if step in (each.get("properties") or {})
            ]
    defaults = [each["default"] for schema in schemas for each in document.options(schema) if "default" in each]
    return any(_is_sent(difference.got, default) for default in defaults)


def _is_sent(got: Json, default: Json) -> bool:
    texts = [_as_text(each) for each in default] if isinstance(default, list) else [_as_text(default)]
    return got in (default, texts, texts[0] if texts else None) or _texts(got) == texts


def is_told(difference: Difference, call: Call, notes: list[str]) -> bool:
    """Whether a note names what differs, or the parameter that it is written for."""
    first = [*re.findall(r"[^.\[\]]+", difference.name), ""][0]
    names = {difference.name or difference.place, first}
    for key, value in call.parameters.items():
        place, _, name = key.partition(".")
        if place == difference.place and (place == "path" or (isinstance(value, dict) and first in value)):
            names.add(name)
    if difference.place == "cookie":
        names.add("cookie")
    names.discard("")
    return any(
        re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", note, re.IGNORECASE) for each in names for note in notes
    )


def refused(reason: str, call: Call, notes: Iterable[str]) -> Verdict:
    """The verdict where FlowHub did not send; a body that it always asks for is named by a note."""
    if not call.fits:
        return Verdict(NOT_COMPARED, [reason])
    is_named = not call.has_body and '"body"' in reason and any("body" in note for note in notes)
    return Verdict(EXPLAINED if is_named else WRONG, [reason])


# --- Where swagger-client is wrong ------------------------------------------------------------------------------------


def _fault(difference: Difference, call: Call) -> str:
    """The reason of the first rule that says so, or nothing."""
    return next((reason for reason, is_fault in RULES.items() if is_fault(difference, call)), "")


def _any_media_type(difference: Difference, call: Call) -> bool:
    return difference.name == "content-type" and "*" in str(difference.expected) and bool(difference.got)


def _text_as_json(difference: Difference, call: Call) -> bool:
    at_body = difference.place == "body" and not difference.name
    return at_body and isinstance(call.body, str) and "json" in call.media_type and difference.got == call.body


def _cookies_lost(difference: Difference, call: Call) -> bool:
    cookies = [key for key in call.parameters if key.startswith("cookie.")]
    return difference.place == "cookie" and difference.expected is None and len(cookies) > 1


def _list_in_form(difference: Difference, call: Call) -> bool:
    """OpenAPI 3.1 4.8.15: without an encoding a list in a form repeats its name, in a multipart it is several parts."""
    expected, got = _texts(difference.expected), _texts(difference.got)
    if (
        difference.place != "body"
        or "form" not in call.media_type
        or len(expected) != 1
        or _has_encoding(difference, call)
    ):
        return False
    value = call.body.get(difference.name) if isinstance(call.body, dict) else None
    return isinstance(value, list) and got == [_as_text(each) for each in value]


def _object_in_part(difference: Difference, call: Call) -> bool:
    """OpenAPI 3.0.4 4.8.15: the part of an object is application/json, and each item of a list is a part."""
    if difference.place != "body" or not call.media_type.startswith("multipart/") or _has_encoding(difference, call):
        return False
    value = call.body.get(difference.name) if isinstance(call.body, dict) else None
    parts = [{"content": each, "type": "application/json"} for each in (value if isinstance(value, list) else [value])]
    return _holds(difference.got, parts) and [_parsed(each) for each in _texts(difference.expected)] == [value]


def _holds(got: Json, value: Json) -> bool:
    """Whether a value is another one, or that with more properties, which defaults are."""
    if isinstance(got, dict) and isinstance(value, dict):
        return all(name in got and _holds(got[name], each) for name, each in value.items())
    if isinstance(got, list) and isinstance(value, list):
        return len(got) == len(value) and all(map(_holds, got, value))
    return bool(got == value)


def _parsed(text: Json) -> Json:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _object_with_commas(difference: Difference, call: Call) -> bool:
    """OpenAPI 3.1 4.8.12.4: the style of an object says what is between its members."""
    expected, got = _texts(difference.expected), _texts(difference.got)
    if difference.place != "query" or len(expected) != 1 or len(got) != 1:
        return False
    return any(mark in got[0] and got[0].replace(mark, ",") == expected[0].replace(mark, ",") for mark in "| ")


def _label_with_points(difference: Difference, call: Call) -> bool:
    """RFC 6570 3.2.5, and OpenAPI since 3.0.4 and 3.1.1; before, a table said points."""
    expected, got = str(difference.expected), str(difference.got)
    return difference.place == "path" and "/." in got and re.sub(r"(?<!/)[.,]", ".", got) == expected


def _cookie_not_spread(difference: Difference, call: Call) -> bool:
    """OpenAPI 3.1 4.8.12.2.1: the style of a cookie is form, which explodes."""
    if difference.place != "cookie":
        return False
    spread: dict[str, Json] = {}
    for key, value in call.parameters.items():
        spread |= value if key.startswith("cookie.") and isinstance(value, dict) else {}
    if difference.is_extra:
        return difference.name in spread and difference.got == [_as_text(spread[difference.name])]
    return difference.got is None and isinstance(call.parameters.get(f"cookie.{difference.name}"), dict)


def _has_encoding(difference: Difference, call: Call) -> bool:
    encoding = call.operation.media.get(call.media_type, {}).get("encoding") or {}
    return "style" in encoding.get(difference.name, {}) or "explode" in encoding.get(difference.name, {})


def _texts(value: Json) -> list[str]:
    return [each["content"] if isinstance(each, dict) else each for each in value] if isinstance(value, list) else []


def _as_text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def _query_behind_fragment(difference: Difference, call: Call) -> bool:
    return difference.place == "query" and difference.is_extra and "#" in call.operation.path


def _empty_left_out(difference: Difference, call: Call) -> bool:
    value = call.parameters.get(f"{difference.place}.{difference.name}")
    return difference.place == "query" and difference.is_extra and value == "" and difference.got == [""]


def _empty_sent(difference: Difference, call: Call) -> bool:
    """RFC 6570 2.3: an empty list or object is not there."""
    values = [value for key, value in call.parameters.items() if key.lower() == f"{difference.place}.{difference.name}"]
    return values in ([{}], [[]]) and difference.got is None


def _query_of_path_not_filled(difference: Difference, call: Call) -> bool:
    """A path that holds a query has the values of its names there too."""
    pairs = re.findall(r"[?&]([^=&#]*)=([^&#]*)", call.operation.path)
    filled: dict[str, list[str]] = {}
    for name, value in pairs:
        for key, each in call.parameters.items():
            hole = f"{{{key.partition('.')[2]}}}"
            name, value = name.replace(hole, _as_text(each)), value.replace(hole, _as_text(each))
        filled.setdefault(name, []).append(value)
    if difference.place != "query" or not any("{" in text for pair in pairs for text in pair):
        return False
    return difference.got == filled.get(difference.name) if difference.got else "{" in difference.name


def _part_with_file_name(difference: Difference, call: Call) -> bool:
    """RFC 7578 4.2: a part that is no file has no file name."""
    expected, got = difference.expected, difference.got
    if difference.place != "body" or not isinstance(expected, list) or not isinstance(got, list):
        return False
    bare = [{key: value for key, value in each.items() if (key, value) != ("filename", "blob")} for each in expected]
    return bare != expected and bare == got


def _commas_encoded(difference: Difference, call: Call) -> bool:
    expected, got = str(difference.expected), str(difference.got)
    return difference.place == "path" and "%2C" in expected and expected.replace("%2C", ",") == got.replace("%2C", ",")


def _no_body_with_get(difference: Difference, call: Call) -> bool:
    at_body = difference.place == "body" or difference.name == "content-type"
    return at_body and call.has_body and call.operation.method in ("get", "head") and not difference.expected


def _json_as_form(difference: Difference, call: Call) -> bool:
    is_form = difference.place == "body" and "urlencoded" in call.media_type and isinstance(call.body, dict)
    if not is_form:
        return False
    sent = difference.name.startswith("{") and not difference.got
    return sent or (difference.is_extra and _texts(difference.got) == [_as_text(call.body.get(difference.name))])


def _nothing_for_falsy_body(difference: Difference, call: Call) -> bool:
    return difference.place == "body" and not difference.name and not call.body and difference.got == call.body


def _path_not_filled(difference: Difference, call: Call) -> bool:
    if difference.place != "path" or "{" not in str(difference.expected):
        return False
    path = call.operation.path.partition("#")[0].partition("?")[0]
    for key, value in call.parameters.items():
        if key.startswith("path."):
            path = path.replace(f"{{{key.removeprefix('path.')}}}", quote(_as_text(value), safe=""))
    return str(difference.got).endswith(decoded_path(path))


RULES: Mapping[str, Callable[[Difference, Call], bool]] = {
    "it sends */* as a content type": _any_media_type,
    "it sends a text as JSON without its quotes": _text_as_json,
    "of several cookies it sends the last alone": _cookies_lost,
    "it joins a list in a form that has no encoding by commas": _list_in_form,
    "it leaves a name in a path that it cannot read, or that no parameter declares": _path_not_filled,
    "it leaves a name in the query of a path": _query_of_path_not_filled,
    "it gives a part that has a content type a file name": _part_with_file_name,
    "it writes the query behind the fragment of a path": _query_behind_fragment,
    "it joins the members of an object by commas, whatever its style": _object_with_commas,
    "it writes JSON where a form is declared": _json_as_form,
    "it sends no body with GET and HEAD": _no_body_with_get,
    "it leaves an empty text out of a query": _empty_left_out,
    "it sends an empty list or object as a text": _empty_sent,
    "it encodes the commas of a list in a path": _commas_encoded,
    "it joins a list in a path as label by points": _label_with_points,
    "it does not spread an object over cookies": _cookie_not_spread,
    "it sends an object in a multipart as text": _object_in_part,
    "it sends no body where the value is false, 0 or empty": _nothing_for_falsy_body,
}
"""By the reason: whether a difference is a fault of swagger-client; each looks that the other is right."""


def summary(verdicts: Mapping[str, int]) -> Iterator[str]:
    """How many there are of each, and which part of those that were compared."""
    compared = sum(number for word, number in verdicts.items() if word != NOT_COMPARED)
    if compared:
        meant = sum(verdicts[word] for word in AS_MEANT)
        yield f"as the document means {meant} ({100 * meant / compared:.1f}%)"
    for word, number in verdicts.items():
        part = f" ({100 * number / compared:.1f}%)" if compared and word != NOT_COMPARED else ""
        yield f"{word} {number}{part}"
