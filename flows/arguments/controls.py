"""The fields of a form made from a tool's input schema: each reads what was typed and shows what was read.

A control that cannot show a value as it is gives way to a text area for JSON, so a form loses nothing that it is
given. Names in the form: `arg-` a field, `json-` a field as JSON, `more-` properties beside the known ones, `null-` and
`empty-` a value that no text can say, `len-` the length of a list.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError

from flows.arguments.shapes import Shape, field_name
from flows.schemas.subschemas import Steps
from flows.values.json_text import parse_json

LONG_TEXT = 200


class _Missing:
    """Stands for a value that is not given."""

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a control stands: the steps to its value, what it is called, whether the value has to be given."""

    steps: Steps
    label: str
    shape: Shape
    is_required: bool = False
    is_item: bool = False

    @property
    def key(self) -> str | int:
        """The name or index of the value in what holds it."""
        return self.steps[-1] if self.steps else ""

    @property
    def has_title(self) -> bool:
        """Whether the label is a title of its own, so that the name of the parameter is told beside it."""
        return bool(self.steps) and not self.is_item and self.label != self.key


class Control:
    """One value of the arguments: `value` is what was read or shown, MISSING when it is not given."""

    kind: ClassVar[str]
    prefix: ClassVar[str] = "arg"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.value: Any = MISSING
        self.text = ""
        self.is_null = self.is_empty = self.is_new = False
        self.errors: list[str] = []

    def can_show(self, value: Any) -> bool:
        """Whether the value can be shown, and read again as the same."""
        return value is None and self.place.shape.is_nullable

    def fill(self, value: Any) -> None:
        """Show a value."""
        self.value = value
        if value is None and self.place.shape.is_nullable:
            self.is_null = True
        elif value is not MISSING:
            self.show(value)

    def show(self, value: Any) -> None:
        """Show a value that is not null."""
        raise NotImplementedError

    def read(self, data: Mapping[str, Any]) -> None:
        """Take what was typed."""
        self.text = str(data.get(self.name, "")).replace("\r\n", "\n")
        self.is_null = self.place.shape.is_nullable and self.null_name in data
        self.is_empty = self.empty_name in data
        try:
            self.value = None if self.is_null else self.parsed(data)
        except ValidationError as error:
            self.errors += error.messages

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """The value of what was typed, or MISSING; raises ValidationError."""
        raise NotImplementedError

    def below(self) -> Iterator["Control"]:
        """The controls inside this one."""
        return iter(())

    def walk(self) -> Iterator["Control"]:
        """This control and all inside it, outermost first."""
        yield self
        for control in self.below():
            yield from control.walk()

    # --- For the template -----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of its field."""
        return field_name(self.prefix, self.place.steps)

    @property
    def null_name(self) -> str:
        """The name of the checkbox for null."""
        return field_name("null", self.place.steps)

    @property
    def empty_name(self) -> str:
        """The name of the checkbox for an empty text, list or object."""
        return field_name("empty", self.place.steps)

    @property
    def pointer(self) -> str:
        """Its place, as the buttons of lists name it."""
        return field_name("", self.place.steps)[1:]

    @property
    def described_by(self) -> str:
        """The ids of its help and of its errors, for assistive technology."""
        parts = [("help", self.help), ("error", self.errors)]
        return " ".join(f"id_{self.name}_{word}" for word, content in parts if content)

    @property
    def help(self) -> str:
        """What is said below the field."""
        return self.place.shape.help

    @property
    def has_errors_below(self) -> bool:
        """Whether anything in it is wrong."""
        return any(control.errors for control in self.walk())


class TextControl(Control):
    """A text; typed empty it is not given, unless that is said."""

    kind = "text"

    def can_show(self, value: Any) -> bool:
        """Browsers change carriage returns, and cannot send a null character."""
        return super().can_show(value) or (isinstance(value, str) and "\r" not in value and "\0" not in value)

    def show(self, value: Any) -> None:
        """As it is."""
        self.text, self.is_empty = value, value == "" and not self.place.is_item

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """As it is; an item of a list is there, even when it is empty."""
        if "\0" in self.text:
            raise ValidationError("Holds a null character, which no form can send.")
        return self.text if self.text or self.is_empty or self.place.is_item else MISSING

    @property
    def input_type(self) -> str:
        """`area` for more than a line; a date picker only where it can show what is typed."""
        schema = self.place.shape.schema
        if self.place.shape.is_secret:
            return "password"
        if "\n" in self.text or len(self.text) > LONG_TEXT or number_or_0(schema.get("maxLength")) > LONG_TEXT:
            return "area"
        is_date = self.text == "" or (len(self.text) == 10 and self.text[4] == self.text[7] == "-")
        return "date" if schema.get("format") == "date" and is_date else "text"

    @property
    def input_mode(self) -> str:
        """Which keyboard a phone shows."""
        return {"email": "email", "uri": "url"}.get(str(self.place.shape.schema.get("format")), "text")


def number_or_0(value: Any) -> float:
    """A number of the schema, 0 for anything else."""
    return value if isinstance(value, int | float) else 0


class NumberControl(Control):
    """A number with all its digits."""

    kind = "number"

    def can_show(self, value: Any) -> bool:
        """Numbers."""
        return super().can_show(value) or (isinstance(value, int | float) and not isinstance(value, bool))

    def show(self, value: Any) -> None:
        """As JSON writes it."""
        self.text = json.dumps(value)

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """A number that JSON knows."""
        if not self.text.strip():
            return MISSING
        is_whole = self.place.shape.schema.get("type") == "integer"
        try:
            value = parse_json(self.text)
        except ValidationError:
            value = None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValidationError("Write a whole number, as 12." if is_whole else "Write a number, as 12 or 0.5.")
        return value

    @property
    def input_mode(self) -> str:
        """Which keyboard a phone shows; the one of `numeric` may have no minus sign."""
        least = self.place.shape.schema.get("minimum")
        is_counting = self.place.shape.schema.get("type") == "integer" and number_or_0(least) >= 0 and least is not None
        return "numeric" if is_counting else "text"


class ChoiceControl(Control):
    """One of a few values; each option is the JSON of its value, so that "1" and 1 stay two things."""

    kind = "choice"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.values = {_key(value): value for value, _ in place.shape.options}
        self.options = [(_key(value), words) for value, words in place.shape.options]

    def can_show(self, value: Any) -> bool:
        """The values to choose from."""
        return _key(value) in self.values

    def show(self, value: Any) -> None:
        """Choose the option."""
        self.text = _key(value)

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """The value of the option."""
        if self.text and self.text not in self.values:
            raise ValidationError("Choose one of the values.")
        return self.values[self.text] if self.text else MISSING


def _key(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class ChoicesControl(Control):
    """Some of a few values, each at most once: a checkbox for each."""

    kind = "choices"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.chosen: list[Any] = []

    def can_show(self, value: Any) -> bool:
        """Lists of the values to choose from, in their order."""
        return super().can_show(value) or (isinstance(value, list) and value == self._among(map(_key, value)))

    def _among(self, keys: Iterable[str]) -> list[Any]:
        wanted = set(keys)
        return [value for value, _ in self.place.shape.options if _key(value) in wanted]

    def show(self, value: Any) -> None:
        """Tick what is in it."""
        self.chosen, self.is_empty = value, value == [] and not (self.place.is_required or self.place.is_item)

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """What is ticked; nothing ticked and not required, it is not given."""
        self.chosen = [value for name, value in self._names() if name in data]
        is_there = self.chosen or self.is_empty or self.place.is_required or self.place.is_item
        return self.chosen if is_there else MISSING

    def _names(self) -> Iterator[tuple[str, Any]]:
        for number, (value, _) in enumerate(self.place.shape.options):
            yield f"{self.name}:{number}", value

    @property
    def boxes(self) -> list[tuple[str, str, bool]]:
        """For each value the name of its checkbox, its words, and whether it is ticked."""
        ticked = {_key(value) for value in self.chosen}
        words = [words for _, words in self.place.shape.options]
        return [(name, word, _key(value) in ticked) for (name, value), word in zip(self._names(), words, strict=True)]


class JsonControl(Control):
    """Any value, as JSON; empty it is not given."""

    kind = "json"
    prefix = "json"

    def can_show(self, value: Any) -> bool:
        """Everything."""
        return True

    def fill(self, value: Any) -> None:
        """As indented JSON, also null."""
        self.value = value
        self.text = "" if value is MISSING else json.dumps(value, ensure_ascii=False, indent=2)

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """The JSON value."""
        return parse_json(self.text) if self.text.strip() else MISSING

    @property
    def rows(self) -> int:
        """How high the text area is."""
        return min(max(self.text.count("\n") + 1, 3), 14)


class MoreControl(JsonControl):
    """The properties of an object that have no field of their own."""

    prefix = "more"

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """An object."""
        value = super().parsed(data)
        if value is not MISSING and not isinstance(value, dict):
            raise ValidationError('Write a JSON object, {"name": "value"}.')
        return value

    @property
    def help(self) -> str:
        """What belongs here."""
        return "Properties that have no field, as a JSON object."
