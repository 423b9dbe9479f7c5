"""Two JSON Schemas side by side: what more, fewer or other values fit than before.

Known keywords are compared by what they mean; where that cannot be told, the difference counts as `other`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.review.contract_diff.change import Difference, Effect
from flows.review.contract_diff.limits import limits
from flows.review.contract_diff.values import kinds, listed, missing_values, same, type_words

Schema = Mapping[str, Any]

_WORDS = ("title", "description", "examples", "example", "deprecated", "$comment", "readOnly", "writeOnly")
_ONE_IN = ("not", "if", "then", "else", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems")
_OPAQUE = (
    *_ONE_IN,
    *("patternProperties", "dependentSchemas", "dependentRequired", "prefixItems", "minContains", "maxContains"),
)


@dataclass(frozen=True)
class Pair:
    """Two whole schemas, in which references are followed.

    What two references share is told once, at the first place; so a schema that holds itself comes to an end.
    """

    before: Any
    after: Any
    seen: set[tuple[int, int]] = field(default_factory=set)

    def differences(self) -> Iterator[Difference]:
        """Everything that differs, from the root on."""
        return self._compare(self.before, self.after, "")

    def _compare(self, before: Any, after: Any, path: str) -> Iterator[Difference]:
        if (id(before), id(after)) in self.seen:
            return
        self.seen.add((id(before), id(after)))
        old, new = _resolved(before, self.before), _resolved(after, self.after)
        if old is False or new is False:
            yield from _never(old, new, path)
            return
        old, new = _as_object(old), _as_object(new)
        yield from _types(old, new, path)
        yield from _values(old, new, path)
        yield from limits(old, new, path)
        yield from self._properties(old, new, path)
        yield from self._items(old, new, path)
        for keyword in ("anyOf", "oneOf", "allOf"):
            yield from self._choices(old, new, path, keyword)
        yield from _opaque(old, new, path)
        yield from _default(old, new, path)
        yield from _words(old, new, path)

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        before, after = _map(old, "properties"), _map(new, "properties")
        was_required, is_required = _names(old), _names(new)
        for name, rule in before.items():
            place = _inside(path, "properties", name)
            if name not in after:
                yield Difference(place, "removed", "other", f"{name!r} is gone")
                continue
            if name in is_required and name not in was_required:
                yield Difference(place, "now-required", "narrower", f"{name!r} became required")
            elif name in was_required and name not in is_required:
                yield Difference(place, "now-optional", "wider", f"{name!r} may be left out now")
            yield from self._compare(rule, after[name], place)
        for name in after:
            if name not in before:
                yield _added(
                    _inside(path, "properties", name), name, name in is_required, old.get("additionalProperties")
                )
        for name in sorted((is_required ^ was_required) - before.keys() - after.keys()):
            effect: Effect = "narrower" if name in is_required else "wider"
            kind = "now-required" if name in is_required else "now-optional"
            yield Difference(_inside(path, "properties", name), kind, effect, f"{name!r} {_became(kind)}")
        yield from self._others(old, new, path)

    def _others(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        """`additionalProperties`, where there are properties to be added to."""
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        place = _inside(path, "additionalProperties")
        if after is False and before is not False:
            yield Difference(place, "closed", "narrower", "other properties are refused now")
        elif before is False and after is not False:
            yield Difference(place, "opened", "wider", "other properties are allowed now")
        elif before is not False:
            yield from self._compare(before, after, place)

    def _items(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        if "items" in old or "items" in new:
            yield from self._compare(old.get("items", True), new.get("items", True), _inside(path, "items"))

    def _choices(self, old: Schema, new: Schema, path: str, keyword: str) -> Iterator[Difference]:
        """Alternatives: the same number is compared one by one, else those that went or came are counted."""
        before, after = old.get(keyword, []), new.get(keyword, [])
        if not (isinstance(before, list) and isinstance(after, list)) or same(before, after):
            return
        place = _inside(path, keyword)
        gone, come = missing_values(before, after), missing_values(after, before)
        if not gone and not come:
            return  # the same ones in another order
        if len(before) == len(after):
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from self._compare(one, other, f"{place}[{index}]")
        elif keyword == "allOf" or not before or not after:
            # A condition more leaves fewer values; the first alternative is a condition too.
            effect: Effect = "other" if gone and come else "wider" if gone else "narrower"
            yield Difference(place, "condition", effect, f"{keyword} has {len(after)} schemas, and had {len(before)}")
        else:
            effect = "other" if gone and come else "narrower" if gone else "wider"
            yield Difference(
                place, "alternatives", effect, f"{keyword} has {len(after)} schemas, and had {len(before)}"
            )


def _never(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old is not new:
        effect: Effect = "narrower" if new is False else "wider"
        yield Difference(path, "never", effect, "nothing fits any more" if new is False else "something fits now")


def _types(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    before, after = kinds(old), kinds(new)
    if before == after:
        return
    effect: Effect = "narrower" if after < before else "wider" if after > before else "other"
    message = f"the type is {type_words(new)}, and was {type_words(old)}"
    yield Difference(path, "type", effect, message)


def _values(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    before, after = listed(old), listed(new)
    if before is None and after is None:
        return
    if after is None:
        yield Difference(path, "values", "wider", "any value is allowed now, not only listed ones")
    elif before is None:
        yield Difference(path, "values", "narrower", f"only listed values are allowed now: {_shown(after)}")
    else:
        if gone := missing_values(before, after):
            yield Difference(path, "values-removed", "narrower", f"no longer allowed: {_shown(gone)}")
        if come := missing_values(after, before):
            yield Difference(path, "values-added", "wider", f"also allowed: {_shown(come)}")


def _opaque(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    for keyword in _OPAQUE:
        if not same(old.get(keyword), new.get(keyword)):
            message = f"{keyword} changed, in a way that may refuse what was right before"
            yield Difference(_inside(path, keyword), "rule", "other", message)


def _default(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    had, has = "default" in old, "default" in new
    if had and has and not same(old["default"], new["default"]):
        message = f"what holds when it is left out is {_text(new['default'])}, and was {_text(old['default'])}"
        yield Difference(path, "default", "other", message)
    elif had and not has:
        yield Difference(path, "default", "other", f"left out, it is no longer {_text(old['default'])}")
    elif has and not had:
        yield Difference(path, "default-added", "words", f"left out, it is {_text(new['default'])} now")


def _words(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    for keyword in _WORDS:
        if not same(old.get(keyword), new.get(keyword)):
            yield Difference(_inside(path, keyword), "words", "words", f"the model sees another {keyword}")
    own = {key for key in (*old, *new) if key.startswith("x-")}
    for keyword in sorted(own):
        if not same(old.get(keyword), new.get(keyword)):
            yield Difference(_inside(path, keyword), "words", "words", f"{keyword} changed")


def _added(place: str, name: str, is_required: bool, others_before: Any) -> Difference:
    if is_required:
        effect: Effect = "other" if others_before is False else "narrower"
        return Difference(place, "added-required", effect, f"{name!r} is new and required")
    if others_before is False:
        return Difference(place, "added", "wider", f"{name!r} is new, where other properties were refused")
    return Difference(place, "added", "words", f"{name!r} is new")


def _became(kind: str) -> str:
    return "became required" if kind == "now-required" else "may be left out now"


def _resolved(schema: Any, root: Any, hops: int = 64) -> Any:
    """What a reference inside the document leads to, words beside it kept; the schema itself when it has none."""
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and hops:
        target = _at(root, schema["$ref"])
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        if target is None:
            return beside
        schema = target | beside if beside and isinstance(target, dict) else target
        hops -= 1
    return schema


def _at(root: Any, reference: str) -> Any:
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and key in found:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found if reference.startswith("#") else None


def _as_object(schema: Any) -> Schema:
    return schema if isinstance(schema, dict) else {}


def _map(schema: Schema, keyword: str) -> Mapping[str, Any]:
    found = schema.get(keyword)
    return found if isinstance(found, dict) else {}


def _names(schema: Schema) -> set[str]:
    found = schema.get("required")
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def _inside(path: str, *steps: str) -> str:
    return ".".join((path, *steps) if path else steps)


def _shown(values: list[Any]) -> str:
    shown = ", ".join(_text(value) for value in values[:6])
    return shown + (f" and {len(values) - 6} more" if len(values) > 6 else "")


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
