"""Groups and lists of the form made from a tool's input schema, and the maker of all its controls."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flows.arguments.controls import (
    MISSING,
    ChoiceControl,
    ChoicesControl,
    Control,
    JsonControl,
    MoreControl,
    NumberControl,
    Place,
    TextControl,
    number_or_0,
)
from flows.arguments.shapes import field_name, shape_of
from flows.schemas.subschemas import Steps

MAX_CONTROLS = 300
"""Fields of one form; what is beyond is asked for as JSON."""
MAX_ITEMS = 50
"""Items of a list that have fields of their own; a longer one is asked for as JSON."""


class Maker:
    """Makes the controls of one form; beyond MAX_CONTROLS the rest is asked for as JSON."""

    def __init__(self, root: Any, *, fills_in_defaults: bool = False, under: Steps = ()) -> None:
        self.root = root
        self.under = under
        self.fills_in_defaults = fills_in_defaults
        self.left = MAX_CONTROLS

    def place(self, above: Place | None, step: str | int, schema: Any, **more: Any) -> Place:
        """The place of a part below another one."""
        opened = above.shape.references if above is not None else frozenset()
        shape = shape_of(schema, self.root, opened)
        if above is not None and above.shape.is_secret:
            shape = replace(shape, is_secret=True)
        label = str(shape.schema.get("title") or step) if isinstance(step, str) else f"Item {step + 1}"
        return Place((*above.steps, step) if above is not None else (), label, shape, **more)

    def filled(self, place: Place, value: Any) -> Control:
        """A control that shows a value; MISSING shows the default, when defaults are filled in."""
        if value is MISSING and self.fills_in_defaults:
            value = _default_of(place)
        control = self._control(place)
        if value is not MISSING and not control.can_show(value):
            control = JsonControl(place)
        control.fill(value)
        return control

    def read(self, place: Place, data: Mapping[str, Any]) -> Control:
        """A control with what was typed."""
        control = JsonControl(place) if field_name("json", place.steps) in data else self._control(place)
        control.read(data)
        return control

    def _control(self, place: Place) -> Control:
        self.left -= 1
        kind = place.shape.kind if self.left >= 0 else "json"
        return CONTAINERS[kind](self, place) if kind in CONTAINERS else FIELDS[kind](place)


def _default_of(place: Place) -> Any:
    """The schema's default; a constant that has to be given is chosen at once."""
    options = place.shape.options
    only = options[0][0] if len(options) == 1 and (place.is_required or place.is_item) else MISSING
    return place.shape.schema.get("default", only)


class GroupControl(Control):
    """An object with known properties, each a control."""

    kind = "group"

    def __init__(self, maker: Maker, place: Place) -> None:
        super().__init__(place)
        self.maker = maker
        schema = place.shape.schema
        found = schema.get("properties")
        self.properties: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        required = schema.get("required")
        self.required = required if isinstance(required, list) else []
        self.children: list[Control] = []
        self.more: MoreControl | None = None
        self.is_root = place.steps == maker.under

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
        return MoreControl(Place(self.place.steps, "More properties", shape))

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
        super().__init__(place)
        self.maker = maker
        self.items: list[Control] = []

    def can_show(self, value: Any) -> bool:
        """Lists that are short enough to be drawn."""
        return super().can_show(value) or (isinstance(value, list) and len(value) <= min(MAX_ITEMS, self.maker.left))

    def fill(self, value: Any) -> None:
        """A control for each item; as many as there have to be, when nothing is given."""
        super().fill(value)
        items = value if isinstance(value, list) else []
        self.items = [self.maker.filled(self._place(index), item) for index, item in enumerate(items)]
        if value is MISSING and self.place.is_required and self.maker.fills_in_defaults:
            for _ in range(min(int(number_or_0(self.place.shape.schema.get("minItems"))), 5)):
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
        number = min(int(length), MAX_ITEMS) if length.isdecimal() and len(length) < 6 else 0
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
            maker = Maker(self.maker.root, fills_in_defaults=True, under=self.maker.under)
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
        return len(self.items) < MAX_ITEMS

    @property
    def length_name(self) -> str:
        """The name of the hidden field that says how many items there are."""
        return field_name("len", self.place.steps)

    def below(self) -> Iterator[Control]:
        """The items."""
        yield from self.items


FIELDS: dict[str, type[Control]] = {
    control.kind: control for control in (TextControl, NumberControl, ChoiceControl, ChoicesControl, JsonControl)
}
CONTAINERS: dict[str, type[GroupControl | ListControl]] = {"group": GroupControl, "list": ListControl}
