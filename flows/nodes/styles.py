"""How values are written into a request: the styles of OpenAPI 3.1, which are the expansions of RFC 6570.

Without a style, lists repeat their name in queries, forms and cookies (`a=1&a=2`) and objects are written as
deepObject (`a[b]=1`); in paths and headers both are lists with commas. Null is left out, also inside lists and objects,
and so are empty lists and objects; true, false and numbers are written as JSON writes them.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

from flows.engine.errors import NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import Json

MAX_URL = 65_536
"""Characters of an address with its query."""
MAX_FIELDS = 32 * 1024 * 1024
"""Characters that the fields of a form may have, written out: a long name before each item of a list is much."""

JSON_TYPE = re.compile(r"application/(json|[a-z0-9.+-]+\+json)", re.IGNORECASE)
"""A media type, without its parameters, whose content is JSON."""

Style = Mapping[str, Json]
Encode = Callable[[str], str]
Pair = tuple[str, str]

STYLES: Mapping[str, Json] = {
    "type": "object",
    "title": "Styles",
    "description": (
        "How lists and objects are written, by place and name, as OpenAPI describes it: with "
        '{"query": {"ids": {"style": "form", "explode": false}}} a list is ids=1,2. Null, also inside, and empty lists '
        "and objects are left out."
    ),
    "x-literal": True,
    "properties": {
        place: {
            "type": "object",
            "title": title,
            "description": f"By name: style ({', '.join(styles)}), explode, allowReserved; or contentType.",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "style": {
                        "type": "string",
                        "title": "Style",
                        "description": (
                            "form: a=1,2. spaceDelimited: a=1%202. pipeDelimited: a=1%7C2. deepObject: a[b]=1. In "
                            "paths and headers simple: 1,2. In paths label: .1,2, and matrix: ;a=1,2."
                        ),
                        "enum": list(styles),
                    },
                    "explode": {
                        "type": "boolean",
                        "title": "Explode",
                        "description": "Each item and member by itself: a=1&a=2, b=1. Without it: on for form alone.",
                    },
                    "allowReserved": {
                        "type": "boolean",
                        "title": "Allow reserved",
                        "description": "Leaves :/?@!$'()*,;= as they are, where they end nothing.",
                        "default": False,
                    },
                    "contentType": {
                        "type": "string",
                        "title": "Content type",
                        "x-literal": True,
                        "description": "In place of a style: written whole as this media type: application/json.",
                        "minLength": 1,
                        "maxLength": 200,
                    },
                },
                "additionalProperties": False,
            },
        }
        for place, title, styles in (
            ("path", "Path", ("simple", "label", "matrix")),
            ("query", "Query", ("form", "spaceDelimited", "pipeDelimited", "deepObject")),
            ("headers", "Headers", ("simple",)),
            # Not `cookies`: what stands under such a name is a credential, which records hide.
            ("cookieParameters", "Cookies", ("form", "spaceDelimited", "pipeDelimited", "deepObject")),
            ("body", "Body", ("form", "spaceDelimited", "pipeDelimited", "deepObject")),
        )
    },
    "additionalProperties": False,
}
"""The JSON Schema of the parameter `styles`."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a request: how texts are encoded there without a style, with one, and where reserved ones may stay."""

    title: str
    plain: Encode
    styled: Encode
    reserved: Encode

    def encoder(self, style: Style | None) -> Encode:
        """How a value of this style is encoded."""
        if style is None:
            return self.plain
        return self.reserved if style.get("allowReserved") else self.styled


def _escaped(text: str, safe: str = "") -> str:
    return quote(text, safe=safe, errors="replace")


def _reserved(text: str, safe: str) -> str:
    """Reserved expansion (RFC 6570 3.2.3): what is percent-encoded already stays."""
    return "".join(
        part if number % 2 else _escaped(part, safe) for number, part in enumerate(_TRIPLET.split(text)) if part
    )


def _as_it_is(text: str) -> str:
    return text


_TRIPLET = re.compile(r"(%[0-9A-Fa-f]{2})")
_form = partial(quote_plus, errors="replace")
# What RFC 6265 lets a cookie hold stays: few servers undo percent-encoding there.
_cookie = partial(_escaped, safe="!#$%&'()*+-./:<=>?@[]^_`{|}~")

PATH = Place("Path", _escaped, _escaped, partial(_reserved, safe=":@!$&'()*+,;="))
QUERY = Place("Query", _form, _escaped, partial(_reserved, safe=":/?@!$'()*,;="))
HEADERS = Place("Headers", _as_it_is, _as_it_is, _as_it_is)
COOKIES = Place("Cookies", _cookie, _cookie, _cookie)
FORM = Place("Form body", _form, _escaped, partial(_reserved, safe=":/?@!$'()*,;="))
PARTS = Place("Multipart body", _as_it_is, _as_it_is, _as_it_is)

_DELIMITERS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


def is_plain(value: Json) -> bool:
    """Whether a value is a scalar, null, or a list of scalars."""
    items = value if isinstance(value, list) else ()
    return not isinstance(value, dict) and not any(item is None or isinstance(item, dict | list) for item in items)


def text_of(place: Place, name: str, value: Json, style: Style | None = None) -> str | None:
    """A value in a path or a header, encoded; None when it is left out. Raises NodeFailed."""
    rule, encode = style or {}, place.encoder(style)
    if value is None:
        return None
    if media_type := rule.get("contentType"):
        return encode(content_of(place, name, value, media_type))
    kind, is_exploded = rule.get("style", "simple"), rule.get("explode", False)
    named = partial(_named, kind)
    if isinstance(value, dict | list):
        items = _items(place, name, value, encode, kind, named if is_exploded else None)
    else:
        items, is_exploded = [encode(as_text(value))], False
    if not items:
        return None
    if kind == "simple":
        return ",".join(items)
    if kind == "label":
        return "." + ("." if is_exploded else ",").join(items)
    if not is_exploded:
        items = [named(_escaped(name), ",".join(items))]
    elif isinstance(value, list):
        if len(items) * len(name) > MAX_URL:
            raise NodeFailed(f"Path: with {name} the URL has more than {MAX_URL:,} characters.", is_final=True)
        items = [named(_escaped(name), item) for item in items]
    return ";" + ";".join(items)


def _named(kind: str, name: str, text: str) -> str:
    # Of the expansions that name their values, matrix alone writes no `=` before nothing (RFC 6570 3.2.7).
    return name if kind == "matrix" and not text else f"{name}={text}"


def pairs_of(place: Place, name: str, value: Json, style: Style | None = None) -> Iterator[Pair]:
    """A value in a query, a form, cookies or a multipart body: names and texts, encoded. Raises NodeFailed."""
    if value is None:
        return
    rule, encode = style or {}, place.encoder(style)
    name_as = place.plain if style is None else place.styled
    kind = rule.get("style", "form")
    if media_type := rule.get("contentType"):
        yield name_as(name), encode(content_of(place, name, value, media_type))
    elif style is None or not isinstance(value, dict | list):
        yield from _nested((name_as(name),), value, name_as, encode, is_top=True)
    elif kind == "deepObject":
        yield from _nested((name_as(name),), value, name_as, encode)
    elif rule.get("explode", kind == "form"):
        # Each item and each member is a parameter by itself.
        for member, child in value.items() if isinstance(value, dict) else ((name, value),):
            yield from _nested((name_as(member),), child, name_as, encode, is_top=True)
    elif items := _items(place, name, value, encode, kind):
        delimiter = _DELIMITERS[kind]
        yield name_as(name), (delimiter if kind == "form" else name_as(delimiter)).join(items)


def joined(place: Place, pairs: Iterable[Pair], between: str, most: int) -> str:
    """Pairs as one text; raises NodeFailed, before it is made, when it would have more than `most` characters."""
    written, left = [], most
    for key, text in pairs:
        left -= len(key) + len(text) + 2
        if left < 0:
            raise NodeFailed(
                f"{place.title}: written out this has more than {most:,} characters. Send less, or shorter names.",
                is_final=True,
            )
        written.append(f"{key}={text}")
    return between.join(written)


def content_of(place: Place, name: str, value: Json, media_type: str) -> str:
    """A value as the text of a media type; raises NodeFailed for a list or object that is not to be JSON."""
    if JSON_TYPE.fullmatch(media_type.partition(";")[0].strip()):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if isinstance(value, dict | list):
        raise NodeFailed(f"{place.title}: {name} is to be {media_type[:200]}. Give it as the text that is sent.")
    return as_text(value)


def _items(
    place: Place,
    name: str,
    value: dict[str, Any] | list[Any],
    encode: Encode,
    kind: str,
    named: Callable[[str, str], str] | None = None,
) -> list[str]:
    """The items of a list; of an object its members by `named`, or without it names and values in turn."""
    items = []
    for step, child in value.items() if isinstance(value, dict) else enumerate(value):
        if child is None:
            continue
        if isinstance(child, dict | list):
            at = f"{name}[{step}]" if isinstance(value, list) else f"{name}.{step}"
            raise NodeFailed(
                f"{place.title}: {at[:200]} is {'a list' if isinstance(child, list) else 'an object'}, which the "
                f"style {kind} does not write there. Give a text or a number, or set another style.",
                is_final=True,
            )
        text = encode(as_text(child))
        if isinstance(value, list):
            items.append(text)
        elif named:
            items.append(named(encode(str(step)), text))
        else:
            items += [encode(str(step)), text]
    return items


def _nested(
    steps: tuple[str, ...], value: Json, name_as: Encode, encode: Encode, *, is_top: bool = False
) -> Iterator[Pair]:
    """`a=1` for a scalar, `a[b]=1` for a member, `a[0]=1` for an item; at the top a list of scalars repeats `a=1`."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _nested((*steps, name_as(f"[{key}]")), child, name_as, encode)
    elif isinstance(value, list):
        is_repeated = is_top and not any(isinstance(item, dict | list) for item in value)
        for index, child in enumerate(item for item in value if item is not None):
            yield from _nested(steps if is_repeated else (*steps, name_as(f"[{index}]")), child, name_as, encode)
    elif value is not None:
        # Only a name that is sent is put together, so that long ones above empty lists cost nothing.
        yield "".join(steps), encode(as_text(value))
