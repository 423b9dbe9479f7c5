"""Why a JSON value does not fit a schema, in words that a model can act on.

The library's own list of errors is not used for whole schemas: it grows with every branch of every `anyOf`, holds the
GIL meanwhile, and quotes the value. This walks down where a value does not fit, with a budget, and asks the library
only whether a part fits.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import jsonschema_rs

from flows.engine.errors import Fault
from flows.engine.registry import json_path, message_of, short
from flows.schemas.subschemas import CHOICES, OPTIONS, Steps, Subschema, TooLong, Walker, hurry

MAX_FAULTS = 20
"""Faults of one value that are told."""
_MAX_DEPTH = 64
"""Levels down to which the place of a fault is looked for, and references followed one after the other."""
_MAX_KEPT = 100
"""Faults that are kept of one alternative, to find the one that is least wrong."""
_BUDGET = 20_000
_LEAF_COST = 50
_SHOWN_NAMES = 12
_SHORT_MESSAGE = 200
_COMPARED = 100
_LETTERS_MORE = 6

_LEAVES = (
    *("type", "const", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("minProperties", "maxProperties"),
)


def explain(subschemas: Mapping[str, Subschema], validators: Any, value: Any) -> list[Fault]:
    """List up to 20 faults of a value that does not fit `#`; `validators` holds a validator for each pointer."""
    explainer = _Explainer(subschemas, validators, _BUDGET)
    with suppress(TooLong):
        explainer.explain("#", value, ())
    # In a long list the budget may end before the item that is wrong; the library stops there without looking on.
    return explainer.found[:MAX_FAULTS] or [_first(validators["#"], value)]


def _first(validator: Any, value: Any) -> Fault:
    try:
        validator.validate(value)
    except jsonschema_rs.ValidationError as error:
        said = message_of(error) if len(error.message) <= _SHORT_MESSAGE else f"{_shown(error.instance)} does not fit"
        return Fault(json_path(error.instance_path), _better(error, error.instance) or said)
    return Fault("", "does not fit the schema")


class _Explainer(Walker):
    def __init__(self, subschemas: Mapping[str, Subschema], validators: Any, budget: int) -> None:
        self.subschemas = subschemas
        self.validators = validators
        self.budget = budget
        self.depth = 0
        self.added = 0
        self.found: list[Fault] = []

    def add(self, path: Steps, message: str) -> None:
        self._keep(Fault(json_path(path), message))

    def _keep(self, fault: Fault) -> None:
        self.added += 1
        if len(self.found) < _MAX_KEPT and fault not in self.found:
            self.found.append(fault)

    def fits(self, at: str, value: Any) -> bool:
        self.budget -= 1
        hurry()
        return bool(self.validators[at].is_valid(value))

    def member(self, at: str, schema: Mapping[str, Any], name: str) -> list[str]:
        self.budget -= _LEAF_COST * len(schema.get("patternProperties", ()))
        return super().member(at, schema, name)

    @property
    def is_over(self) -> bool:
        """Whether enough was found, or too much looked for."""
        return len(self.found) >= MAX_FAULTS or self.budget <= 0

    def explain(self, at: str, value: Any, path: Steps) -> None:
        """Add the faults of a value against one subschema; at least one if it does not fit and the budget lasts."""
        if self.is_over or self.fits(at, value):
            return
        known = self.added
        schema = self.subschemas[at].schema
        if isinstance(schema, dict) and self.depth < _MAX_DEPTH:
            self.depth += 1
            self._leaves(schema, value, path)
            self._members(at, schema, value, path)
            for where in self.beside(at, schema, value):
                self.explain(where, value, path)
            self._alternatives(at, schema, value, path)
            self.depth -= 1
        if self.added == known and self.budget > 0:
            self.add(path, _unspecific(schema))

    def _leaves(self, schema: dict[str, Any], value: Any, path: Steps) -> None:
        self.budget -= _LEAF_COST
        leaf = {keyword: schema[keyword] for keyword in _LEAVES if keyword in schema}
        validator = jsonschema_rs.Draft202012Validator(leaf, mask=_shown(value), **OPTIONS)
        for error in validator.iter_errors(value):
            self.add(path, _better(error, value) or message_of(error))
        # The second is draft 7's, which the library checks too.
        for keyword in ("dependentRequired", "dependencies") if isinstance(value, dict) else ():
            for name, needed in schema.get(keyword, {}).items():
                missing = [each for each in needed if each not in value] if isinstance(needed, list) else []
                for each in missing if name in value else ():
                    self.add((*path, each), f"is required where {name} is given")
        if isinstance(value, dict):
            for name in schema.get("required", []):
                if name not in value:
                    self.add((*path, name), "is required")

    def _members(self, at: str, schema: dict[str, Any], value: Any, path: Steps) -> None:
        if isinstance(value, dict):
            for name, child in value.items():
                if self.is_over:
                    return
                for where in self.member(at, schema, name):
                    if self.subschemas[where].schema is False:
                        self.add((*path, name), _unknown(name, schema))
                    else:
                        self.explain(where, child, (*path, name))
        elif isinstance(value, list):
            for index, child in enumerate(value):
                if self.is_over:
                    return
                for where in self.item(at, schema, index):
                    self.explain(where, child, (*path, index))

    def _alternatives(self, at: str, schema: dict[str, Any], value: Any, path: Steps) -> None:
        for keyword in CHOICES:
            options = self.options(at, schema, keyword)
            fitting = sum(self.fits(option, value) for option in options)
            groups = [self._needs_only(option) for option in options]
            if keyword == "oneOf" and fitting > 1:
                if all(groups):
                    self.add(path, f"give only one of: {', '.join(map(_and, groups))}")
                else:
                    named = self._named(options)
                    self.add(path, f"fits {fitting} of the alternatives; it must fit exactly one of: {named}")
            elif options and not fitting and all(groups) and isinstance(value, dict):
                self.add(path, f"give {', or '.join(map(_and, groups))}")
            elif options and not fitting:
                self._nearest(options, value, path)
        if f"{at}/not" in self.subschemas and self.fits(f"{at}/not", value):
            together, refused = self._needs_only(f"{at}/not"), self._followed(f"{at}/not")
            if together:
                self.add(path, f"{_and(together)} do not go together" if together[1:] else f"leave {together[0]} out")
            elif isinstance(refused, dict) and len(refused) == 1 and {"type", "const", "enum"} & refused.keys():
                self.add(path, f"must not be {_name(refused)}")

    def _needs_only(self, at: str) -> list[str]:
        """The names that a schema requires, when it says nothing else; else none."""
        schema = self._followed(at)
        said = schema.keys() - {"title", "description", "$comment"} if isinstance(schema, dict) else set()
        return list(schema["required"]) if said in ({"required"}, {"required", "type"}) else []

    def _nearest(self, options: list[str], value: Any, path: Steps) -> None:
        """Explain against the alternative of the value's type that is least wrong; name them all if there is none."""
        likely = [option for option in options if self._right_type(option, value)]
        trials: list[list[Fault]] = []
        for place, option in enumerate(likely):
            trial = _Explainer(self.subschemas, self.validators, share := self.budget // (len(likely) - place))
            trial.depth = self.depth
            trial.explain(option, value, path)
            self.budget -= share - trial.budget
            trials.append(trial.found)
        if not trials:
            self.add(path, f"{_shown(value)} is none of: {self._named(options)}")
            return
        fewest = min(map(len, trials))
        if sum(len(trial) == fewest for trial in trials) > 1:
            self.add(path, f"fits none of {len(options)} alternatives; the first that is near needs:")
        for fault in next(trial for trial in trials if len(trial) == fewest):
            self._keep(fault)

    def _right_type(self, at: str, value: Any) -> bool:
        """Whether a value has the type of an alternative that holds more than a type or a constant."""
        schema = self._followed(at)
        if not isinstance(schema, dict) or "const" in schema or "enum" in schema or "type" not in schema:
            return isinstance(schema, dict) and "properties" in schema and isinstance(value, dict)
        return jsonschema_rs.Draft202012Validator({"type": schema["type"]}).is_valid(value)

    def _followed(self, at: str) -> Any:
        """The schema at a pointer, or what it refers to."""
        for _ in range(_MAX_DEPTH):
            reference = self.subschemas[at].reference
            if reference is None:
                break
            at = reference
        return self.subschemas[at].schema

    def _named(self, options: list[str]) -> str:
        names = [_name(self._followed(option)) for option in options[:_SHOWN_NAMES]]
        return ", ".join(names) + (f" and {len(options) - len(names)} more" if len(options) > len(names) else "")


def _name(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "another form"
    if "const" in schema:
        return short(json.dumps(schema["const"], ensure_ascii=False))
    if "enum" in schema:
        return short(", ".join(json.dumps(each, ensure_ascii=False) for each in schema["enum"]))
    kind = schema.get("type", "another form")
    return str(schema.get("title") or (" or ".join(kind) if isinstance(kind, list) else kind))


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


_TIME_FORMATS = {"date-time": "2026-01-31T08:00:00Z", "time": "08:00:00Z", "date": "2026-01-31"}
_NO_ZONE = re.compile(r"(?:\d{4}-\d\d-\d\d[Tt ])?\d\d:\d\d:\d\d(?:\.\d+)?")


def _better(error: jsonschema_rs.ValidationError, value: Any) -> str:
    """What to change, for a format that is often missed by little, and what is wrong with a list; else empty."""
    if error.kind.name == "uniqueItems":
        return f"{_shown(value)} has non-unique elements"
    kind = getattr(error.kind, "format", "") if error.kind.name == "format" else ""
    if kind not in _TIME_FORMATS or not isinstance(value, str):
        return ""
    if kind != "date" and _NO_ZONE.fullmatch(value):
        return f"{_shown(value)} lacks the time zone: add Z or an offset, as in {_TIME_FORMATS[kind]}"
    return f"{_shown(value)} is no {kind}: write it as {_TIME_FORMATS[kind]}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "the object"
    if isinstance(value, list):
        return f"the list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unknown(name: str, schema: dict[str, Any]) -> str:
    names = list(schema.get("properties", {}))
    # Of names that are as long, about, and of so many: comparing takes their lengths' product each time.
    likely = [each for each in names if abs(len(each) - len(name)) <= _LETTERS_MORE and len(each) <= _COMPARED]
    close = difflib.get_close_matches(name, likely[:_COMPARED], n=1)
    if name in names:
        return "is not allowed"
    if close:
        return f"there is no such property; did you mean {close[0]!r}?"
    shown = ", ".join(names[:_SHOWN_NAMES]) or "none"
    return f"there is no such property; there are: {shown}{', ...' if len(names) > _SHOWN_NAMES else ''}"


def _unspecific(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "is not allowed"
    keywords = ("not", "contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "if", "anyOf", "oneOf")
    named = ", ".join(keyword for keyword in keywords if keyword in schema)
    return f"does not fit what the schema says under {named}" if named else "does not fit the schema"
