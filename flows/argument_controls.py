"""The controls of a form made from a tool's input schema: each reads what was typed and shows what was read.

A control that cannot show a value as it is gives way to a text area for JSON, so a form loses nothing that it is
given. Names in the form: `arg-` a field, `json-` a field as JSON, `more-` properties beside the known ones, `null-` and
`empty-` a value that no text can say, `len-` the length of a list.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError

from flows.argument_shapes import Shape, field_name, shape_of
from flows.json_text import parse_json
from flows.schema_faults import Steps

MOST_CONTROLS = 300
MOST_ITEMS = 50
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


class Maker:
    """Makes the controls of one form; beyond MOST_CONTROLS the rest is asked for as JSON."""

    def __init__(self, root: Any, *, fills_in_defaults: bool = False) -> None:
        self.root = root
        self.fills_in_defaults = fills_in_defaults
        self.left = MOST_CONTROLS

    def place(self, above: Place | None, step: str | int, schema: Any, **more: Any) -> Place:
        """The place of a part below another one."""
        opened = above.shape.references if above is not None else frozenset()
        shape = shape_of(schema, self.root, opened)
        if above is not None and above.shape.is_secret:
            shape = replace(shape, is_secret=True)
        label = str(shape.schema.get("title") or step) if isinstance(step, str) else f"Item {step + 1}"
        return Place((*above.steps, step) if above is not None else (), label, shape, **more)

    def filled(self, place: Place, value: Any) -> "Control":
        """A control that shows a value; MISSING shows the default, when defaults are filled in."""
        if value is MISSING and self.fills_in_defaults:
            value = place.shape.schema.get("default", MISSING)
        control = self._control(place)
        if value is not MISSING and not control.can_show(value):
            control = JsonControl(self, place)
        control.fill(value)
        return control

    def read(self, place: Place, data: Mapping[str, Any]) -> "Control":
        """A control with what was typed."""
        control = JsonControl(self, place) if field_name("json", place.steps) in data else self._control(place)
        control.read(data)
        return control

    def _control(self, place: Place) -> "Control":
        self.left -= 1
        return CONTROLS[place.shape.kind if self.left >= 0 else "json"](self, place)


class Control:
    """One value of the arguments: `value` is what was read or shown, MISSING when it is not given."""

    kind: ClassVar[str]
    prefix: ClassVar[str] = "arg"

    def __init__(self, maker: Maker, place: Place) -> None:
        self.maker, self.place = maker, place
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
        if "\n" in self.text or len(self.text) > LONG_TEXT or _number(schema.get("maxLength")) > LONG_TEXT:
            return "area"
        is_date = self.text == "" or (len(self.text) == 10 and self.text[4] == self.text[7] == "-")
        return "date" if schema.get("format") == "date" and is_date else "text"

    @property
    def input_mode(self) -> str:
        """Which keyboard a phone shows."""
        return {"email": "email", "uri": "url"}.get(str(self.place.shape.schema.get("format")), "text")


def _number(value: Any) -> float:
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
        is_counting = self.place.shape.schema.get("type") == "integer" and _number(least) >= 0 and least is not None
        return "numeric" if is_counting else "text"


class ChoiceControl(Control):
    """One of a few values; each option is the JSON of its value, so that "1" and 1 stay two things."""

    kind = "choice"

    def __init__(self, maker: Maker, place: Place) -> None:
        super().__init__(maker, place)
        self.values = {_key(value): value for value, _ in place.shape.options}
        self.options = [(_key(value), words) for value, words in place.shape.options]

    def can_show(self, value: Any) -> bool:
        """The values to choose from."""
        return _key(value) in self.values

    def fill(self, value: Any) -> None:
        """Choose; a constant that has to be given is chosen at once."""
        if value is MISSING and self.maker.fills_in_defaults and self.place.is_required and len(self.values) == 1:
            (value,) = self.values.values()
        super().fill(value)

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


class GroupControl(Control):
    """An object with known properties, each a control."""

    kind = "group"

    def __init__(self, maker: Maker, place: Place) -> None:
        super().__init__(maker, place)
        schema = place.shape.schema
        found = schema.get("properties")
        self.properties: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        required = schema.get("required")
        self.required = required if isinstance(required, list) else []
        self.children: list[Control] = []
        self.more: MoreControl | None = None
        self.is_root = not place.steps

    def can_show(self, value: Any) -> bool:
        """Objects."""
        return super().can_show(value) or isinstance(value, dict)

    def fill(self, value: Any) -> None:
        """A control for each property, filled with what the object holds."""
        super().fill(value)
        given = value if isinstance(value, dict) else {}
        is_there = isinstance(value, dict) or self.place.is_required or self.place.is_item or self.is_root
        fills_in, self.maker.fills_in_defaults = self.maker.fills_in_defaults, self.maker.fills_in_defaults and is_there
        self.children = [self.maker.filled(place, given.get(name, MISSING)) for name, place in self._places()]
        self.maker.fills_in_defaults = fills_in
        others = {name: part for name, part in given.items() if name not in self.properties}
        if others or self._takes_more():
            self.more = self._more()
            self.more.fill(others or MISSING)
        if value is MISSING:
            self.value = self._collected()

    def show(self, value: Any) -> None:
        """An object without anything has to be said."""
        self.is_empty = value == {} and not (self.place.is_required or self.place.is_item or self.is_root)

    def _places(self) -> Iterator[tuple[str, Place]]:
        for name, schema in self.properties.items():
            yield name, self.maker.place(self.place, name, schema, is_required=name in self.required)

    def _takes_more(self) -> bool:
        schema = self.place.shape.schema
        extra = schema.get("additionalProperties")
        if extra is True or isinstance(extra, Mapping) or schema.get("patternProperties"):
            return True
        return self.is_root and not self.properties and extra is not False

    def _more(self) -> MoreControl:
        shape = shape_of({}, {})
        return MoreControl(self.maker, Place(self.place.steps, "More properties", shape))

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """The object; nothing typed in it and not required, it is not given."""
        self.children = [self.maker.read(place, data) for _, place in self._places()]
        if field_name("more", self.place.steps) in data or self._takes_more():
            self.more = self._more()
            self.more.read(data)
        return self._collected()

    def _collected(self) -> Any:
        pairs = zip(self.properties, self.children, strict=True)
        value = {name: child.value for name, child in pairs if child.value is not MISSING}
        if self.more is not None and isinstance(self.more.value, dict):
            value = {**self.more.value, **value}
        is_there = value or self.is_empty or self.place.is_required or self.place.is_item or self.is_root
        return value if is_there else MISSING

    def below(self) -> Iterator[Control]:
        """The properties."""
        yield from self.children
        if self.more is not None:
            yield self.more


class ListControl(Control):
    """A list of any length, each item a control."""

    kind = "list"

    def __init__(self, maker: Maker, place: Place) -> None:
        super().__init__(maker, place)
        self.items: list[Control] = []

    def can_show(self, value: Any) -> bool:
        """Lists that are short enough to be drawn."""
        return super().can_show(value) or (isinstance(value, list) and len(value) <= min(MOST_ITEMS, self.maker.left))

    def fill(self, value: Any) -> None:
        """A control for each item; as many as there have to be, when nothing is given."""
        super().fill(value)
        items = value if isinstance(value, list) else []
        self.items = [self.maker.filled(self._place(index), item) for index, item in enumerate(items)]
        if value is MISSING and self.place.is_required and self.maker.fills_in_defaults:
            for _ in range(min(int(_number(self.place.shape.schema.get("minItems"))), 5)):
                self.add()
        if value is MISSING:
            self.value = self._collected()

    def show(self, value: Any) -> None:
        """A list without anything has to be said."""
        self.is_empty = value == [] and not self.place.is_required and not self.place.is_item

    def _place(self, index: int) -> Place:
        return self.maker.place(self.place, index, self.place.shape.schema["items"], is_item=True)

    def parsed(self, data: Mapping[str, Any]) -> Any:
        """The list; without items and not required, it is not given."""
        length = str(data.get(self.length_name, "0"))
        number = min(int(length), MOST_ITEMS) if length.isdecimal() and len(length) < 6 else 0
        self.items = [self.maker.read(self._place(index), data) for index in range(number)]
        for item in self.items:
            if item.value is MISSING and not item.has_errors_below:
                item.errors.append("Write a value, or remove the item.")
        return self._collected()

    def _collected(self) -> Any:
        value = [item.value for item in self.items if item.value is not MISSING]
        is_there = self.items or self.is_empty or self.place.is_required or self.place.is_item
        return value if is_there else MISSING

    def add(self) -> None:
        """One more item at the end, with its defaults."""
        if self.can_add:
            maker = Maker(self.maker.root, fills_in_defaults=True)
            maker.left = self.maker.left
            item = maker.filled(self._place(len(self.items)), MISSING)
            self.items.append(item)
            next((control for control in item.walk() if control.kind not in ("group", "list")), item).is_new = True

    def remove(self, index: int) -> None:
        """Take an item out; those behind it move up."""
        depth = len(self.place.steps)
        del self.items[index]
        for number, item in enumerate(self.items):
            item.place = replace(item.place, label=f"Item {number + 1}")
            for control in item.walk():
                steps = control.place.steps
                control.place = replace(control.place, steps=(*steps[:depth], number, *steps[depth + 1 :]))

    @property
    def can_add(self) -> bool:
        """Whether there is room for one more item."""
        return len(self.items) < MOST_ITEMS

    @property
    def length_name(self) -> str:
        """The name of the hidden field that says how many items there are."""
        return field_name("len", self.place.steps)

    def below(self) -> Iterator[Control]:
        """The items."""
        yield from self.items


CONTROLS: dict[str, type[Control]] = {
    control.kind: control
    for control in (TextControl, NumberControl, ChoiceControl, JsonControl, GroupControl, ListControl)
}
