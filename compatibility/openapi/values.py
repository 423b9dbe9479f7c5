"""Values that fit a schema of a document: the same ones for a seed, odd enough to show how they are written."""

import base64
import random
import re
from collections.abc import Mapping
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]

from compatibility.openapi.documents import Document, Json, Unreadable

ODD = ("two words", "größe", "a&b=c", "plus+sign", "one,two", "50%", "a/b", "semi;colon", "quote'd", "plain")
"""For places that take any text."""
PLAIN = ("plain", "two words", "a-b_c", "semi;colon", "x.y")
"""For headers and cookies, which have no agreed way to write other characters."""
FORMATS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "uri": "https://example.com/a?b=c",
    "url": "https://example.com/a?b=c",
    "uri-reference": "/a/b",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "aGVsbG8=",
    "password": "open sesame",
    "regex": "a.*",
    "json-pointer": "/a",
}
FILE = {
    "$bytes": base64.b64encode(b"\x89PNG bytes \x00\xff").decode(),
    "filename": "picture.png",
    "contentType": "image/png",
}
"""What stands for bytes: `reference.mjs` makes a file of it, FlowHub's tools say how they want it."""
_CHECKED = FormatChecker(["date", "ipv4", "ipv6", "uuid", "email"])
_DATES = {"date": r"\d{4}-\d\d-\d\d", "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"}
DEEPEST = 4
"""Levels of objects below which only what is required is given."""


@_CHECKED.checks("date-time")  # type: ignore[untyped-decorator]
def _is_date_time(text: object) -> bool:
    return not isinstance(text, str) or re.fullmatch(_DATES["date-time"], text) is not None


class NoValue(ValueError):
    """No value can be made for a schema."""


class Sampler:
    """Makes values for the schemas of one document; `is_answer` for what the other system sends back."""

    def __init__(self, document: Document, seed: str, *, is_answer: bool = False) -> None:
        self.document = document
        self.random = random.Random(seed)
        self.hidden = "writeOnly" if is_answer else "readOnly"
        self.texts: tuple[str, ...] = ODD
        self.share = 0.5
        self.has_files = True

    def value(self, schema: Json, depth: int = 0) -> Json:
        """A value for a schema; raises NoValue."""
        schema = self._whole(schema, depth)
        if not isinstance(schema, dict):
            return self.random.choice(self.texts)
        for name in ("allOf", "oneOf", "anyOf"):
            if isinstance(schema.get(name), list) and schema[name]:
                return self._composed(schema, name, depth)
        if schema.get("format") == "binary" or schema.get("type") == "file" or self._is_binary(schema):
            return dict(FILE) if self.has_files else "plain"
        examples = [schema["example"]] if "example" in schema else []
        if isinstance(schema.get("examples"), list):
            examples += schema["examples"]
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return self.random.choice([each for each in schema["enum"] if each is not None] or [None])
        kind = self._kind(schema)
        form = _DATES.get(str(schema.get("format")), "(?s).*")
        usable = [each for each in examples if self._is_of(each, kind) and each != "" and re.fullmatch(form, str(each))]
        if usable and kind not in ("object", "array") and self.random.random() < 0.7:
            return usable[0]
        if "default" in schema and schema["default"] not in (None, "", [], {}) and self.random.random() < 0.3:
            return schema["default"]
        return getattr(self, f"_{kind}", self._string)(schema, depth)

    def _whole(self, schema: Json, depth: int) -> Json:
        if depth > 24:
            raise NoValue("the schema is too deep")
        try:
            return self.document.whole(schema)
        except Unreadable as error:
            raise NoValue(str(error)) from None

    @staticmethod
    def _is_binary(schema: Mapping[str, Json]) -> bool:
        media = schema.get("contentMediaType")
        return isinstance(media, str) and "contentEncoding" not in schema and media == "application/octet-stream"

    @staticmethod
    def _kind(schema: Mapping[str, Json]) -> str:
        said = schema.get("type")
        kinds = [said] if isinstance(said, str) else [each for each in said or () if each != "null"]
        if kinds:
            return str(kinds[0])
        if "properties" in schema or "additionalProperties" in schema:
            return "object"
        return "array" if "items" in schema else "string"

    @staticmethod
    def _is_of(value: Json, kind: str) -> bool:
        if kind in ("integer", "number"):
            return isinstance(value, int | float) and not isinstance(value, bool)
        wanted = {"string": str, "boolean": bool, "array": list, "object": dict}
        return isinstance(value, wanted.get(kind, object))

    def _composed(self, schema: Mapping[str, Json], name: str, depth: int) -> Json:
        rest = {key: each for key, each in schema.items() if key != name}
        if name == "allOf":
            for part in schema["allOf"]:
                rest = self._merged(rest, self._flat(part, depth), depth)
            return self.value(rest, depth + 1)
        options = [self._whole(each, depth) for each in schema[name]]
        options = [each for each in options if not isinstance(each, dict) or each.get("type") != "null"] or options
        chosen = self.random.choice(options) if depth <= DEEPEST else options[0]
        merged = self._merged(rest, self._flat(chosen, depth), depth) if isinstance(chosen, dict) else rest
        found = self.value(merged, depth + 1)
        self._discriminate(schema, schema[name], options, chosen, found)
        return found

    def _discriminate(
        self, schema: Mapping[str, Json], raw: list[Json], options: list[Json], chosen: Json, found: Json
    ) -> None:
        """Have the property of a discriminator say which alternative it is."""
        discriminator = schema.get("discriminator")
        if not isinstance(discriminator, dict) or not isinstance(found, dict):
            return
        name, mapping = discriminator.get("propertyName"), discriminator.get("mapping") or {}
        reference = next((each.get("$ref", "") for each in raw if self._whole(each, 0) is chosen), "")
        word = next(
            (key for key, target in mapping.items() if target in (reference, reference.rpartition("/")[2])),
            reference.rpartition("/")[2],
        )
        own = self.document.properties(chosen).get(str(name))
        fixed = isinstance(own, dict) and ("enum" in own or "const" in own)
        if isinstance(name, str) and word and not fixed:
            found[name] = word

    def _flat(self, schema: Json, depth: int) -> dict[str, Json]:
        whole = self._whole(schema, depth)
        if not isinstance(whole, dict):
            return {}
        found = {key: each for key, each in whole.items() if key != "allOf"}
        for part in whole.get("allOf") or ():
            found = self._merged(found, self._flat(part, depth + 1), depth)
        return found

    def _merged(self, one: Mapping[str, Json], other: Mapping[str, Json], depth: int) -> dict[str, Json]:
        found: dict[str, Json] = {**other, **one}
        for name in ("properties",):
            if name in one or name in other:
                found[name] = {**(other.get(name) or {}), **(one.get(name) or {})}
        required = [*(one.get("required") or ()), *(other.get("required") or ())]
        if isinstance(one.get("required", []), list) and isinstance(other.get("required", []), list) and required:
            found["required"] = list(dict.fromkeys(required))
        for name in ("oneOf", "anyOf"):
            if name in one and name in other:
                found[name] = one[name]
        return found

    def _object(self, schema: Mapping[str, Json], depth: int) -> Json:
        said = schema.get("required")
        required = said if isinstance(said, list) else []
        found: dict[str, Json] = {}
        properties = schema.get("properties") or {}
        shown = [name for name, each in properties.items() if not self._is_hidden(each)]
        optional = [name for name in shown if name not in required]
        wanted = {name for name in optional if self.random.random() < self.share} if depth <= DEEPEST else set()
        wanted = set(sorted(wanted)[:6])
        for name in shown:
            if name in required:
                found[name] = self.value(properties[name], depth + 1)
            elif name in wanted:
                try:
                    found[name] = self.value(properties[name], depth + 1)
                except NoValue:
                    continue
        more = schema.get("additionalProperties")
        for name in required:
            if name not in properties and isinstance(name, str):
                found[name] = self.value(more if isinstance(more, dict) else {}, depth + 1)
        if isinstance(more, dict) and depth <= DEEPEST and (self.share > 0 or schema.get("minProperties")):
            found["key"] = self.value(more, depth + 1)
        if not found and schema.get("minProperties") and shown:
            found[shown[0]] = self.value(properties[shown[0]], depth + 1)
        return found

    def _is_hidden(self, schema: Json) -> bool:
        try:
            whole = self.document.whole(schema)
        except Unreadable:
            return False
        return isinstance(whole, dict) and (whole.get(self.hidden) is True or schema.get(self.hidden) is True)

    def _array(self, schema: Mapping[str, Json], depth: int) -> Json:
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or 2)
        number = max(least, min(most, 2 if depth <= 2 else 1))
        prefix = schema.get("prefixItems") or []
        found = [self.value(each, depth + 1) for each in prefix]
        items = schema.get("items", {})
        for _ in range(number - len(found)) if items is not False else ():
            each = self.value(items, depth + 1)
            if each not in found or not schema.get("uniqueItems"):
                found.append(each)
        return found

    def _boolean(self, schema: Mapping[str, Json], depth: int) -> Json:
        return self.random.random() < 0.5

    def _integer(self, schema: Mapping[str, Json], depth: int) -> Json:
        return int(self._number(schema, depth, whole=True))

    def _number(self, schema: Mapping[str, Json], depth: int, *, whole: bool = False) -> Json:
        low, high = schema.get("minimum"), schema.get("maximum")
        step = schema.get("multipleOf") or 1
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        if above is not None and above is not False:
            low = (low or 0) + step if above is True else above + step
        if below is not None and below is not False:
            high = (high or 0) - step if below is True else below - step
        low = low if isinstance(low, int | float) else (min(high, 1) if isinstance(high, int | float) else 1)
        high = high if isinstance(high, int | float) else low + 40
        steps = max(0, int((high - low) / step))
        found = low + self.random.randint(0, min(steps, 40)) * step
        if step != 1 and not float(found / step).is_integer():
            found = (int(found / step) + 1) * step
        if not whole and step == 1 and found + 0.5 <= high:
            found += 0.5
        return found

    def _null(self, schema: Mapping[str, Json], depth: int) -> Json:
        return None

    def _string(self, schema: Mapping[str, Json], depth: int) -> Json:
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        most = int(most) if isinstance(most, int | float) else 10_000
        if isinstance(schema.get("pattern"), str):
            return self._matching(schema["pattern"], least, most)
        text = FORMATS.get(str(schema.get("format")), "") or self.random.choice(self.texts)
        if len(text) > most:
            text = "abcdefghijklmnopqrstuvwxyz"[:most]
        return text if len(text) >= least else text + "x" * (least - len(text))

    def _matching(self, pattern: str, least: int, most: int) -> str:
        for word in (
            "plain",
            "abc",
            "a",
            "1",
            "12",
            "ABC",
            "2026-01-02",
            "#ff0000",
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        ):
            if least <= len(word) <= most and _is_found(pattern, word):
                return word
        try:
            made = _made(_parser.parse(pattern), least)
        except (re.error, OverflowError, RecursionError):
            raise NoValue(f"the pattern {pattern[:60]!r}") from None
        if not _is_found(pattern, made) or not least <= len(made) <= most:
            raise NoValue(f"the pattern {pattern[:60]!r}")
        return made


def _is_found(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _made(parsed: Any, least: int) -> str:
    """A text that a parsed pattern matches, mostly."""
    found = ""
    for kind, argument in parsed:
        if kind is _constants.LITERAL:
            found += chr(argument)
        elif kind is _constants.NOT_LITERAL or kind is _constants.ANY:
            found += "x" if kind is _constants.ANY or chr(argument) != "x" else "y"
        elif kind is _constants.IN:
            found += _one_of(argument)
        elif kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            low, high, inner = argument
            times = max(int(low), 1 if int(high) else 0)
            times = min(max(times, least - len(found) if len(parsed) <= 3 else times), int(high), 1000)
            found += "".join(_made(inner, 0) for _ in range(times))
        elif kind is _constants.SUBPATTERN:
            found += _made(argument[3], 0)
        elif kind is _constants.BRANCH:
            found += _made(argument[1][0], 0)
    return found


def _one_of(members: Any) -> str:
    letters = "aA1-_ .x0bcdefghijklmnopqrstuvwzyBCDEFXYZ23456789:/@+=#"
    is_negated = members[0][0] is _constants.NEGATE
    for letter in letters:
        if _holds(members, letter) != is_negated:
            return letter
    kind, argument = members[0]
    if kind is _constants.RANGE:
        return chr(argument[0])
    return chr(argument) if kind is _constants.LITERAL else "x"


def _holds(members: Any, letter: str) -> bool:
    for kind, argument in members:
        if kind is _constants.LITERAL and chr(argument) == letter:
            return True
        if kind is _constants.RANGE and argument[0] <= ord(letter) <= argument[1]:
            return True
        if kind is _constants.CATEGORY:
            name = str(argument)
            if (letter.isdigit() and "DIGIT" in name) or (letter.isspace() and "SPACE" in name) or "WORD" in name:
                is_in = {"D": letter.isdigit(), "S": letter.isspace(), "W": letter.isalnum() or letter == "_"}
                word = is_in[name.replace("CATEGORY_", "").replace("UNI_", "").replace("NOT_", "")[0]]
                if word != ("NOT" in name):
                    return True
    return False


class Checker:
    """Says whether a value fits a schema of a small document, by jsonschema and without FlowHub."""

    def __init__(self, small: Mapping[str, Json]) -> None:
        self.root = _modern({name: small[name] for name in ("components", "definitions") if name in small})

    def fits(self, value: Json, schema: Json) -> bool:
        """True also where nobody can say."""
        whole = self.root | {"allOf": [_modern(schema)]}
        try:
            return bool(Draft202012Validator(whole, format_checker=_CHECKED).is_valid(_with_texts(value)))
        except Exception:
            return True


def _with_texts(value: Json) -> Json:
    """The value with a text where bytes are."""
    if isinstance(value, dict):
        return "bytes" if "$bytes" in value else {name: _with_texts(each) for name, each in value.items()}
    return [_with_texts(each) for each in value] if isinstance(value, list) else value


def _modern(schema: Json) -> Json:
    """A schema as JSON Schema 2020-12 has it; what only answers hold is not required, and `oneOf` is `anyOf`.

    Documents write inheritance as `oneOf` of a class and its subclasses, and the other system takes every one of them.
    """
    if isinstance(schema, list):
        return [_modern(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}
    found = {name: each if name in ("example", "enum", "default") else _modern(each) for name, each in schema.items()}
    if "oneOf" in found and "anyOf" not in found:
        found["anyOf"] = found.pop("oneOf")
    for name, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(name), bool) and found.pop(name) and limit in found:
            found[name] = found.pop(limit)
    found["required"] = _required(found)
    if found.get("type") == "file":
        found["type"] = "string"
    is_nullable = found.get("nullable") is True or found.get("x-nullable") is True
    if is_nullable and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        found |= {"enum": [*found["enum"], None]} if isinstance(found.get("enum"), list) else {}
    return found


def _required(schema: dict[str, Json]) -> list[str]:
    """What a request has to have of an object."""
    properties = schema.get("properties")
    given = schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    hidden = {name for name, each in known.items() if isinstance(each, dict) and each.get("readOnly") is True}
    return [name for name in given if name not in hidden] if isinstance(given, list) else []
