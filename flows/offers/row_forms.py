"""Forms that hold as many rows as somebody asked for, without scripts: a button adds or removes one, others save."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from django import forms
from django.http import QueryDict

Form = TypeVar("Form", bound=forms.Form)

SAVE = "save"
"""What the button `do` says that stores; `add:KIND` and `remove:KIND:NUMBER` change how many rows there are."""


class Rows(Generic[Form]):
    """Rows of one kind, each a form of its own; `kind` is what their fields begin with and is in the plural."""

    def __init__(self, kind: str, form: type[Form], most: int) -> None:
        self.kind, self.most = kind, most
        self._form = form
        self.forms: list[Form] = []

    @property
    def is_full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self.forms) >= self.most

    def show(self, values: Sequence[Mapping[str, Any]]) -> None:
        """Show these values, with an empty row where there are none."""
        rows = list(values) or [{}]
        self.forms = [self._form(initial=dict(row), prefix=self._prefix(index)) for index, row in enumerate(rows)]

    def take(self, data: QueryDict) -> None:
        """Take what was sent."""
        self.forms = [self._form(data, prefix=self._prefix(index)) for index in range(self._number(data))]

    def change(self, data: QueryDict, do: str) -> None:
        """Show what was sent, unchecked, with one row more or less when the button was about these rows."""
        rows = [sent_values(self._form, data, f"{self._prefix(index)}-") for index in range(self._number(data))]
        removed = re.fullmatch(rf"remove:{self.kind}:(\d{{1,3}})", do)
        if do == f"add:{self.kind}" and len(rows) < self.most:
            rows.append({})
        elif removed is not None and int(removed[1]) < len(rows):
            del rows[int(removed[1])]
        self.show(rows)

    def _prefix(self, index: int) -> str:
        return f"{self.kind}-{index}"

    def _number(self, data: QueryDict) -> int:
        number = data.get(self.kind, "0")
        return min(int(number), self.most) if number.isascii() and number.isdigit() and len(number) < 4 else 0


def sent_values(form: type[forms.BaseForm], data: QueryDict, prefix: str = "") -> dict[str, Any]:
    """What was sent for the fields of a form, each named `prefix` and its name, to be shown again without a check."""
    fields: Mapping[str, forms.Field] = form.base_fields  # type: ignore[attr-defined]
    return {name: field.widget.value_from_datadict(data, {}, prefix + name) for name, field in fields.items()}
