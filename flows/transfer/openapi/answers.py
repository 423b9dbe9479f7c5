"""What an operation answers: the output schema of its tool, and how its flow gives the answer out.

A tool's output schema has to hold: FlowHub fails a call whose answer does not fit it, and so do clients. Documents say
less than the truth about answers, so of a schema only that is kept which real answers keep to:

- names, nesting and types, in the words `type`, `properties`, `items`, `additionalProperties` and `anyOf`;
- nothing is required, and there may always be more: servers leave out what was not asked for, and grow;
- null is taken where the document says so, and where it does not promise the property: many servers write null for
  what is not there;
- `enum` and `format` stand in the description, `pattern`, lengths and limits nowhere: they grow and are often wrong;
- what is `writeOnly` is left out, `allOf` becomes one object, and `oneOf` becomes `anyOf`.

There is an output schema when every success that has a body is declared as a JSON object or a list of which something
is known. Then the answer is read as JSON whatever its content type says, and where there is no body (204) it is {} or
null. Everything else is given out as it comes, and without a body as a sentence.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flows.engine.graph import too_deep
from flows.schemas.compiled import MAX_COMBINATORS, MAX_DEPTH
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.words import cut, plain

MAX_ANSWER_SCHEMAS = 100
"""Schemas in an output schema; a larger one is cut at the level from which on it is smaller."""
MAX_ANSWER_BYTES = 8 * 1024
"""Of an output schema, written as JSON."""
_LEVELS = (5, 4, 3, 2, 1)
_MAX_NESTED = 8
"""Combinators, as `allOf`, in one another."""
_MAX_WORDS = 100
"""Characters of what an output schema says of a property."""
_MAX_SAID = 240
"""Characters of what a tool's description says of its answer."""

_JSON = re.compile(r"application/(json|[\w.+-]+\+json)", re.IGNORECASE)
_ANY = re.compile(r"\*/\*|application/\*", re.IGNORECASE)
_TEXT = re.compile(r"text/.*|application/(xml|.*\+xml|.*yaml|x-ndjson|.*jsonl|.*script|x-www-form-urlencoded)", re.I)
_ASKED_FOR = re.compile(r"text/(plain|json|xml|html)|application/(xml|.*\+xml|.*yaml)", re.IGNORECASE)
"""What is not sent to who asks for JSON; streams, tables and files are what an argument asks for."""
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(; ?[\w.-]+=[\w.-]+)*", re.ASCII)
_KINDS = ("array", "boolean", "integer", "number", "object", "string")
_NOTHING = frozenset({"type", "description"})
"""What a schema says that says nothing of what is inside."""
_KIND_WORDS = {"array": "a list", "boolean": "true or false", "integer": "a number", "number": "a number"}

_AS_IT_COMES = {
    "asItComes": {
        "value": "{{ request.body }}",
        "ifEmpty": "Done: the other system answered {{ request.status }}.",
    }
}
_FILE = {"contentType": '{{ request.headers["content-type"] ?? null }}', "base64": "{{ request.body }}"}
_FILE_SCHEMA = {
    "type": "object",
    "properties": {
        "contentType": {"type": ["string", "null"], "description": "What kind of file it is, as image/png."},
        "base64": {"type": "string", "description": "The file, in base64."},
    },
}
_HEADERS_SCHEMA = {"type": "object", "additionalProperties": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Answer:
    """`returns` are the parameters of the flow's `return` node, `schema` the tool's output schema, `words` what its
    description says of the answer; `accept` is the media type to ask for, `read_as` how to read what comes.
    """

    returns: dict[str, Any]
    schema: dict[str, Any] | None = None
    words: str = ""
    accept: str = ""
    read_as: str = ""


@dataclass(slots=True)
class Answers:
    """The answers of a document's operations."""

    document: Document
    _known: dict[tuple[int, int, int], tuple[dict[str, Any], int, Any]] = field(default_factory=dict)

    def of(self, method: str, operation: dict[str, Any]) -> Answer:
        """What an operation answers when it succeeds; nothing is known where its document is not OpenAPI."""
        if method == "head":
            return Answer({"json": "{{ request.headers }}"}, _HEADERS_SCHEMA, "Answers with the headers alone.")
        try:
            return self._declared(operation)
        except (AttributeError, KeyError, TypeError, RecursionError):
            return Answer(_AS_IT_COMES)

    def _declared(self, operation: dict[str, Any]) -> Answer:
        successes = list(self._successes(operation))
        contents = [content for content, _ in successes if content]
        names = [name for content in contents for name in content]
        accept = _accept(names)
        if names and not any(_is(name, _JSON, _ANY, _TEXT) for name in names):
            said = f"Answers with a file ({', '.join(dict.fromkeys(names))[:100]})."
            return Answer({"json": _FILE}, _FILE_SCHEMA, said, accept, "base64")
        medias = [self._json_media(content) for content in contents]
        declared = [media.get("schema") for media in medias if media is not None]
        words = self._words(declared, medias, names, [words for _, words in successes])
        # Of `default` it is not known whether it is a success.
        is_known = declared and None not in medias and _is_success(operation)
        schema = self._schema(declared) if is_known else None
        if schema is None:
            return Answer(_AS_IT_COMES, None, words, accept)
        empty = " ?? {}" if schema.get("type") == "object" else ""
        return Answer({"json": f"{{{{ request.body{empty} }}}}"}, schema, words, accept, "json")

    def _successes(self, operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
        """The content of each 2xx, or of `default` where there is none, with its description."""
        responses = operation.get("responses")
        for status, raw in responses.items() if isinstance(responses, dict) else ():
            if str(status).startswith("2") or (status == "default" and not _is_success(operation)):
                try:
                    response = self.document.object(raw)
                except Unusable:
                    continue
                content = response.get("content")
                yield content if isinstance(content, dict) else {}, plain(response.get("description"), _MAX_WORDS)

    def _json_media(self, content: dict[str, Any]) -> dict[str, Any] | None:
        """The JSON among the media types of a response; None when it may be something else, whatever is asked for."""
        found = [media for name, media in content.items() if isinstance(media, dict) and _is(name, _JSON, _ANY)]
        return found[0] if found and all(_is(name, _JSON, _ANY, _ASKED_FOR) for name in content) else None

    def _schema(self, declared: list[Any]) -> dict[str, Any] | None:
        """The output schema for answers by these schemas; None when nothing is known, or too much."""
        for levels in _LEVELS:
            found, size = self._alternatives(declared, levels, 0)
            kinds = _kinds(found)
            if not kinds & {"object", "array"} or kinds - {"object", "array", "null"} or not found.keys() - _NOTHING:
                return None
            if size > MAX_ANSWER_SCHEMAS:
                continue
            if kinds == {"object"}:
                found = {"type": "object"} | found
            elif "null" not in kinds:
                found = _or_null(found)  # an answer without a body
            text = json.dumps(found, ensure_ascii=False)
            is_large = len(text.encode()) > MAX_ANSWER_BYTES or text.count('"anyOf"') > MAX_COMBINATORS
            if not (is_large or too_deep(found, MAX_DEPTH)):
                return found
        return None

    def _of(self, raw: Any, levels: int, nested: int = 0) -> tuple[dict[str, Any], int]:
        """A schema of the document for answers, and how many schemas it holds; below so many levels nothing is said.

        Each part of a document is read once for each number of levels, however often it is referred to.
        """
        beside = raw if isinstance(raw, dict) else {}
        try:
            schema = self.document.object(raw)
        except Unusable:
            return {}, 1
        at = (id(schema), levels, nested)
        if at not in self._known:
            # The schema stays with it, so that no other one ever has its id.
            self._known[at] = (*self._written(schema, levels, nested), schema)
        found, size, _ = self._known[at]
        if "$ref" in beside:
            words = plain(beside.get("description"), _MAX_WORDS)
            found = found | {"description": words} if words else found
            found = _or_null(found) if beside.get("nullable") is True else found
        return found, size

    def _written(self, schema: dict[str, Any], levels: int, nested: int) -> tuple[dict[str, Any], int]:
        if nested > _MAX_NESTED:
            return {}, 1
        given = schema.get("type")
        kinds = [kind for kind in (given if isinstance(given, list) else [given]) if kind in _KINDS]
        if not kinds and isinstance(schema.get("properties"), dict):
            kinds = ["object"]
        found: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds} if kinds else {}
        if words := _told(schema):
            found["description"] = words
        inside, size = self._inside(schema, levels - 1) if levels else ({}, 0)
        found |= inside
        parts = [self._of(part, levels, nested + 1) for part in _list(schema, "allOf")]
        parts += [
            self._alternatives(_list(schema, keyword), levels, nested + 1)
            for keyword in ("anyOf", "oneOf")
            if keyword in schema
        ]
        for part, _ in parts:
            found = _together(found, part)
        is_nullable = schema.get("nullable") is True or "null" in _list(schema, "type") or None in _list(schema, "enum")
        return _or_null(found) if is_nullable else found, 1 + size + sum(more for _, more in parts)

    def _inside(self, schema: dict[str, Any], levels: int) -> tuple[dict[str, Any], int]:
        """The properties of an object, or what is the same for all of its members or items."""
        properties, required = schema.get("properties"), set(map(str, _list(schema, "required")))
        if isinstance(properties, dict):
            parts = {
                name: self._of(child, levels) for name, child in properties.items() if not self._is_write_only(child)
            }
            told = {name: part if name in required else _or_null(part) for name, (part, _) in parts.items()}
            # More members than these need not be what the document knows of.
            return {"properties": told} if told else {}, sum(size for _, size in parts.values())
        for keyword in ("items", "additionalProperties"):
            if isinstance(schema.get(keyword), dict):
                part, size = self._of(schema[keyword], levels)
                return ({keyword: part} if part else {}), size
        return {}, 0

    def _alternatives(self, options: list[Any], levels: int, nested: int) -> tuple[dict[str, Any], int]:
        """What fits one of several schemas, each named once."""
        parts: list[dict[str, Any]] = []
        size = 1
        is_nullable = False
        for option in options:
            if isinstance(option, dict) and option.get("type") == "null":
                is_nullable = True
                continue
            part, more = self._of(option, levels, nested)
            if part not in parts:
                parts.append(part)
                size += more
        if not parts or any(not part.keys() - {"description"} for part in parts):
            return {}, 1  # one of them is anything
        found = parts[0] if len(parts) == 1 else {"anyOf": parts}
        return (_or_null(found) if is_nullable else found), size

    def _is_write_only(self, schema: Any) -> bool:
        try:
            return schema.get("writeOnly") is True or self.document.object(schema).get("writeOnly") is True
        except (Unusable, AttributeError):
            return False

    def _words(self, declared: list[Any], medias: list[Any], names: list[str], said: list[str]) -> str:
        """What comes back, in a sentence: most clients show no output schema to their model."""
        known = [self._shown(self._of(schema, 3)[0]) for schema in declared if schema is not None]
        if shown := " or ".join(dict.fromkeys(filter(None, known))):
            return cut(f"Answers with {shown}.", _MAX_SAID)
        if example := next((text for media in medias if media for text in _examples(self.document, media)), ""):
            return f"Answers as this example: {example}"
        # "OK" and "Successful operation" say nothing.
        if words := next((words for words in said if len(words.split()) > 2), ""):
            return cut(f"Answers: {words}", _MAX_SAID)
        return f"Answers with {', '.join(dict.fromkeys(names))[:100]}." if names and not declared else ""

    def _shown(self, schema: dict[str, Any], is_inner: bool = False) -> str:
        kinds = _kinds(schema) - {"null"}
        if "anyOf" in schema:
            return " or ".join(dict.fromkeys(filter(None, (self._shown(each, is_inner) for each in schema["anyOf"]))))
        if kinds == {"array"}:
            inside = self._shown(schema.get("items", {}), is_inner)
            return f"a list, each {inside}" if inside else "a list"
        if kinds == {"object"}:
            shown = [
                f"{name} ({each})" if (each := self._each_shown(child, is_inner)) else name
                for name, child in list(schema.get("properties", {}).items())[:12]
            ]
            return f"an object: {', '.join(shown)}" if shown else "an object"
        return next((_KIND_WORDS.get(kind, "a text") for kind in sorted(kinds)), "")

    def _each_shown(self, schema: dict[str, Any], is_inner: bool) -> str:
        """Of a list of objects in an object, as pages of lists are written, what each of them holds."""
        items = schema.get("items", {})
        return self._shown(schema, True) if not is_inner and "properties" in items else ""


def _list(schema: dict[str, Any], keyword: str) -> list[Any]:
    found = schema.get(keyword)
    return found if isinstance(found, list) else []


def _is_success(operation: dict[str, Any]) -> bool:
    responses = operation.get("responses")
    return isinstance(responses, dict) and any(str(status).startswith("2") for status in responses)


def _is(media_type: str, *kinds: re.Pattern[str]) -> bool:
    bare = _bare(media_type)
    return any(kind.fullmatch(bare) for kind in kinds)


def _bare(media_type: str) -> str:
    return media_type.partition(";")[0].strip()


def _accept(names: list[str]) -> str:
    """The media type to ask for: JSON where there is any."""
    known = [name for name in names if _MEDIA_TYPE.fullmatch(name) and "*" not in name]
    return next((name for name in known if _is(name, _JSON)), known[0] if known else "")


def _kinds(schema: dict[str, Any]) -> set[str]:
    """The types that a schema of an answer takes; none when it takes anything."""
    given = schema.get("type")
    if isinstance(given, str):
        return {given}
    if given:
        return set(given)
    parts = [_kinds(part) for part in schema.get("anyOf", ())]
    return set().union(*parts) if all(parts) else set()


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with null as one more value."""
    found = dict(schema)
    if given := found.get("type"):
        kinds = [given] if isinstance(given, str) else given
        found["type"] = kinds if "null" in kinds else [*kinds, "null"]
    if options := found.get("anyOf"):
        found["anyOf"] = options if {"type": "null"} in options else [*options, {"type": "null"}]
    return found


def _together(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A schema for what fits both, or more than that where the two say different things."""
    found = other | one
    if "properties" in one and "properties" in other:
        found["properties"] = other["properties"] | one["properties"]
    if "type" in one and "type" in other and one["type"] != other["type"]:
        found["type"] = sorted({*_kinds({"type": one["type"]}), *_kinds({"type": other["type"]})})
    if "anyOf" in one and "anyOf" in other:
        found.pop("anyOf")
    return found


def _told(schema: dict[str, Any]) -> str:
    """What a schema says in words, with the values and the form that are not checked."""
    said = plain(schema.get("description"), _MAX_WORDS)
    values = [schema["const"]] if "const" in schema else _list(schema, "enum")
    shown = ", ".join(str(value) for value in values[:10] if isinstance(value, str | int))
    if shown and shown.lower() not in said.lower():
        said = f"{said.rstrip('.')}. One of: {shown}{', ...' if len(values) > 10 else ''}.".removeprefix(". ")
    form = schema.get("format")
    if isinstance(form, str) and form in ("date", "date-time", "duration", "uri", "uuid", "byte") and not said:
        said = f"Form: {form}."
    return cut(said, _MAX_WORDS)


def _examples(document: Document, media: dict[str, Any]) -> Iterator[str]:
    """The examples of an answer that are short enough to be shown."""
    found = [media["example"]] if "example" in media else []
    several = media.get("examples")
    for each in several.values() if isinstance(several, dict) else ():
        try:
            found.append(document.object(each)["value"])
        except (Unusable, KeyError):
            continue
    for example in found:
        text = json.dumps(example, ensure_ascii=False)
        if len(text) <= _MAX_SAID:
            yield text
