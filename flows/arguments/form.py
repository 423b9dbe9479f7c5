"""The form that a tool's parameters are typed into: fields made from its input schema, or the whole as JSON."""

from collections.abc import Iterable, Mapping
from typing import Any

from flows.arguments.controls import MISSING, Control, JsonControl, Place
from flows.arguments.groups import GroupControl, ListControl, Maker
from flows.arguments.shapes import Shape, shape_of
from flows.engine.errors import Fault
from flows.engine.registry import json_path
from flows.schemas.subschemas import Steps


class ArgumentForm:
    """A tool's parameters as they are typed. `arguments` is what to call with, once `is_valid`."""

    def __init__(self, schema: Any, control: Control) -> None:
        self.schema = schema
        self.control = control
        self.errors: list[str] = []
        self.under = control.place.steps
        self.is_raw = isinstance(control, WholeControl)
        if not control.has_errors_below and not isinstance(control.value, dict | type(MISSING)):
            control.errors.append('Write a JSON object, {"name": "value"}.')

    @classmethod
    def filled(
        cls, schema: Any, arguments: Any = MISSING, *, is_raw: bool = False, under: Steps = ()
    ) -> "ArgumentForm":
        """A form that shows arguments; without any it shows the schema's defaults.

        `under` is put before the names of its fields, where a page has more than one such form.
        """
        maker = Maker(schema, fills_in_defaults=arguments is MISSING, under=under)
        group = GroupControl(maker, _whole_place(schema, under))
        group.fill(arguments)
        if not is_raw:
            return cls(schema, group)
        whole = WholeControl(_whole_place(schema))
        whole.fill(group.value)
        return cls(schema, whole)

    @classmethod
    def typed(cls, schema: Any, data: Mapping[str, Any], *, under: Steps = ()) -> "ArgumentForm":
        """What a browser sent; which kind of form it was can be told from its fields."""
        place = _whole_place(schema, under)
        is_whole = not under and "json" in data
        control = WholeControl(place) if is_whole else GroupControl(Maker(schema, under=under), place)
        control.read(data)
        return cls(schema, control)

    def is_valid(self) -> bool:
        """Whether everything typed can be read; whether it fits the schema is said by `add_faults`."""
        return not self.errors and not self.control.has_errors_below

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the call; what was left empty is left out."""
        return self.control.value or {}

    @property
    def controls(self) -> list[Control]:
        """What is drawn: a control for each parameter, or the one text area."""
        return [self.control] if self.is_raw else list(self.control.below())

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Put each fault at the innermost field that its path leads to."""
        start = len(self.under)
        places = [(json_path(control.place.steps[start:]), control) for control in self.control.walk()]
        for fault in faults:
            found = [(path, control) for path, control in places if path and fault.is_inside(path)]
            path, control = max(found, key=lambda pair: len(pair[0]), default=("", None))
            if control is None:
                self.errors.append(str(fault))
            else:
                rest = fault.path[len(path) :].lstrip(".")
                control.errors.append(f"{rest}: {fault.message}" if rest else fault.message)

    def switched(self, *, is_raw: bool) -> "ArgumentForm":
        """The other kind of form with what was typed; this one, when something in it is no JSON yet."""
        if is_raw == self.is_raw or not self.is_valid():
            return self
        return ArgumentForm.filled(self.schema, self.arguments, is_raw=is_raw)

    def change_list(self, change: str) -> None:
        """`add:<pointer of a list>` adds an item, `remove:<pointer of an item>` takes it out; others do nothing."""
        verb, _, pointer = change.partition(":")
        for control in self.control.walk():
            if not isinstance(control, ListControl):
                continue
            if verb == "add" and control.pointer == pointer:
                control.add()
                return
            for index, item in enumerate(control.items):
                if verb == "remove" and item.pointer == pointer:
                    control.remove(index)
                    return


class WholeControl(JsonControl):
    """All parameters as one JSON object."""

    kind = "json"

    @property
    def name(self) -> str:
        """The one field."""
        return "json"

    @property
    def help(self) -> str:
        """What belongs here."""
        return "One JSON object with all parameters, as a client sends it."

    @property
    def rows(self) -> int:
        """Room for a dozen lines."""
        return max(super().rows, 12)


def _whole_place(schema: Any, under: Steps = ()) -> Place:
    found = shape_of(schema, schema)
    shape = Shape("group", found.schema, "object", references=found.references)
    return Place(under, "Parameters as JSON", shape, is_required=True)
