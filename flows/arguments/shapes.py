"""What a part of a tool's input schema asks a person for: a field, a group of fields, a list, or else JSON.

The schema decides in the end whether arguments fit; a shape only says how they are asked for, so whatever is not
understood here becomes a text area for JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.schemas.subschemas import Steps, pointer

Kind = Literal["text", "number", "choice", "choices", "group", "list", "json"]
Schema = Mapping[str, Any]

_MAX_REFERENCES = 20
"""References that are followed one after the other."""
_FORMATS = {
    "date": ("date", "2026-11-23"),
    "date-time": ("date and time with its zone", "2026-11-23T14:05:00Z"),
    "time": ("time with its zone", "14:05:00Z"),
    "duration": ("duration", "PT1H30M"),
    "email": ("e-mail address", "ada@example.com"),
    "uri": ("address", "https://example.com/page"),
    "uuid": ("UUID", "0b9e2f7c-5f0d-4d57-9a65-1c2d3e4f5a6b"),
    "ipv4": ("IPv4 address", "192.0.2.7"),
    "hostname": ("host name", "www.example.com"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How one value is asked for. `options` are the values to choose from, with the words that show them."""

    kind: Kind
    schema: Schema
    type_word: str
    is_nullable: bool = False
    is_secret: bool = False
    options: tuple[tuple[Any, str], ...] = ()
    references: frozenset[str] = field(default=frozenset())
    """The references that led here; one that leads to itself is not followed again."""

    @property
    def help(self) -> str:
        """The description, the limits and examples, as sentences."""
        parts = [str(self.schema.get("description") or "").strip(), *_limits(self), _examples(self.schema)]
        return " ".join(part if part[-1] in ".!?:" else f"{part}." for part in parts if part)

    @property
    def sample(self) -> str:
        """What a value looks like, to stand in an empty field."""
        return _FORMATS.get(str(self.schema.get("format")), ("", ""))[1]


def shape_of(schema: Any, root: Any, opened: frozenset[str] = frozenset()) -> Shape:
    """The shape of a subschema of `root`; `opened` are references that are being followed already."""
    found, opened, is_recursive = _resolved(schema, root, opened)
    found, is_nullable = _without_null(found)
    if is_nullable:
        found, opened, is_inner = _resolved(found, root, opened)
        is_recursive = is_recursive or is_inner
    is_secret = found.get("writeOnly") is True or found.get("format") == "password"
    options = _options(found)
    kind = "json" if is_recursive else "choice" if options else _kind(found)
    if kind == "list" and found.get("uniqueItems") is True and (several := _options(found["items"])):
        kind, options = "choices", several
    if kind == "choice" and is_nullable and all(value is not None for value, _ in options):
        options = (*options, (None, "null"))
    return Shape(
        kind=kind,
        schema=found,
        type_word=_type_word(found, kind) + (" or null" if is_nullable else ""),
        is_nullable=is_nullable and kind != "choice",
        is_secret=is_secret,
        options=options,
        references=opened,
    )


def _resolved(schema: Any, root: Any, opened: frozenset[str]) -> tuple[Schema, frozenset[str], bool]:
    """Follow references; what stands beside a `$ref` adds to what it leads to. True: it leads back to itself."""
    found: Schema = schema if isinstance(schema, Mapping) else {}
    for _ in range(_MAX_REFERENCES):
        reference, only = found.get("$ref"), found.get("allOf")
        if isinstance(reference, str):
            if reference in opened:
                return found, opened, True
            opened |= {reference}
            target = _at(root, reference)
        elif isinstance(only, list) and len(only) == 1 and isinstance(only[0], Mapping):
            target = only[0]
        else:
            break
        found = {**target, **{name: part for name, part in found.items() if name not in ("$ref", "allOf")}}
    return found, opened, False


def _at(root: Any, reference: str) -> Schema:
    """The schema that a reference inside the document leads to, nothing for any other."""
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _without_null(schema: Schema) -> tuple[Schema, bool]:
    """The schema without the alternative `null`, and whether it had one."""
    types = schema.get("type")
    if isinstance(types, list) and "null" in types and len(types) == 2:
        return {**schema, "type": next(word for word in types if word != "null")}, True
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and len(options) == 2:
            rest = [option for option in options if not (isinstance(option, Mapping) and option.get("type") == "null")]
            if len(rest) == 1 and isinstance(rest[0], Mapping):
                return {**rest[0], **{name: part for name, part in schema.items() if name != keyword}}, True
    return schema, False


def _options(schema: Schema) -> tuple[tuple[Any, str], ...]:
    """The values of an enum, of a constant, of alternatives that are constants, of a boolean; nothing for others."""
    if isinstance(values := schema.get("enum"), list) and values:
        return tuple((value, shown(value)) for value in values)
    if "const" in schema:
        return ((schema["const"], shown(schema["const"])),)
    for keyword in ("oneOf", "anyOf"):
        named = schema.get(keyword)
        if isinstance(named, list) and named and all(isinstance(each, Mapping) and "const" in each for each in named):
            return tuple((each["const"], str(each.get("title") or shown(each["const"]))) for each in named)
    if schema.get("type") == "boolean":
        return ((True, "true"), (False, "false"))
    return ((None, "null"),) if schema.get("type") == "null" else ()


def shown(value: Any) -> str:
    """A JSON value for people: texts without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kind(schema: Schema) -> Kind:
    word, properties, items = schema.get("type"), schema.get("properties"), schema.get("items")
    if word in ("object", None) and isinstance(properties, Mapping) and properties:
        return "group"
    if word == "array" and isinstance(items, Mapping) and "prefixItems" not in schema:
        return "list"
    return "text" if word == "string" else "number" if word in ("integer", "number") else "json"


def _type_word(schema: Schema, kind: Kind) -> str:
    if kind == "choice":
        return "boolean" if schema.get("type") == "boolean" else "constant" if "const" in schema else "enum"
    word = schema.get("type")
    if kind == "group":
        return "object"
    if kind == "text" and str(schema.get("format")) in _FORMATS:
        return _FORMATS[str(schema["format"])][0]
    return word if isinstance(word, str) else " or ".join(map(str, word)) if isinstance(word, list) else "json"


def _limits(shape: Shape) -> list[str]:
    schema, found = shape.schema, []
    if shape.kind == "number":
        found += [_range(schema, "minimum", "maximum"), _range(schema, "exclusiveMinimum", "exclusiveMaximum", "not ")]
        found.append(f"A multiple of {schema['multipleOf']}" if "multipleOf" in schema else "")
    elif shape.kind == "text":
        found.append(_count(schema, "minLength", "maxLength", "character"))
        found.append(f"Must match “{schema['pattern']}”" if "pattern" in schema else "")
    elif shape.kind in ("list", "choices"):
        found.append(_count(schema, "minItems", "maxItems", "item"))
        found.append("No item twice" if schema.get("uniqueItems") is True and shape.kind == "list" else "")
    return found


def _range(schema: Schema, low: str, high: str, word: str = "") -> str:
    if low in schema and high in schema and not word:
        return f"From {schema[low]} to {schema[high]}"
    parts = [f"{'more than' if word else 'at least'} {schema[low]}"] if low in schema else []
    parts += [f"{'less than' if word else 'at most'} {schema[high]}"] if high in schema else []
    return " and ".join(parts).capitalize()


def _count(schema: Schema, low: str, high: str, unit: str) -> str:
    least, most = schema.get(low), schema.get(high)
    if most is not None:
        return f"{least} to {most} {unit}s" if least else f"At most {most} {unit}{'' if most == 1 else 's'}"
    return f"At least {least} {unit}{'' if least == 1 else 's'}" if least else ""


def _examples(schema: Schema) -> str:
    examples = schema.get("examples")
    if not isinstance(examples, list) or not examples:
        return ""
    return f"For example {', '.join(f'“{shown(example)[:80]}”' for example in examples[:3])}"


def field_name(kind: str, steps: Steps) -> str:
    """The name of a form field: `arg-address/city`, the steps as in a JSON pointer (RFC 6901)."""
    return f"{kind}-{pointer(*steps)[2:]}"
