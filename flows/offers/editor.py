"""What the forms of prompts and resources share: words, the flow that answers, and how what was sent is stored."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from django import forms
from django.forms import BaseForm
from django.http import QueryDict

from flows.engine.errors import DefinitionError, Fault
from flows.models import Prompt, Resource
from flows.offers.changes import save_offer

AS_TYPED = {"autocomplete": "off", "spellcheck": "false"}
"""Attributes of an input that takes no prose."""

Edited = TypeVar("Edited", Prompt, Resource)


class OfferForm(forms.ModelForm):
    """What is said of a prompt or resource, and the flow that answers it, if one does."""

    without_flow: ClassVar[str]
    """What the list of flows says for none."""

    class Meta:
        labels = {"is_active": "Clients see it"}
        help_texts = {"is_active": ""}
        widgets: dict[str, forms.Widget] = {"description": forms.Textarea({"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["flow"]
        field.queryset, field.empty_label = self.instance.server.flows.all(), self.without_flow


class OfferEditor(ABC, Generic[Edited]):
    """A prompt or resource as it is edited: `form` is shown, `is_to_be_saved` says what the button was for."""

    form: OfferForm
    is_to_be_saved: bool
    is_changed: bool
    """Whether the forms show what was sent and is not stored."""

    def save(self, expected: Collection[int] | None) -> bool:
        """Store what was sent; False leaves the reasons in the forms. Raises Stale, see `flows.revisions`."""
        are_valid = [form.is_valid() for form in self.forms()]  # each of them, to show all that is wrong
        if not all(are_valid):
            return False
        try:
            save_offer(self.filled(), expected=expected)
        except DefinitionError as error:
            for fault in error.faults:
                self.place(fault)
            return False
        return True

    @abstractmethod
    def forms(self) -> Sequence[forms.BaseForm]:
        """All the forms that were sent."""

    def rows(self) -> Mapping[str, Sequence[BaseForm]]:
        """The forms that stand in rows, by what their fields' names begin with."""
        return {}

    @abstractmethod
    def filled(self) -> Edited:
        """The prompt or resource as the valid forms have it."""

    @abstractmethod
    def place(self, fault: Fault) -> None:
        """Show a fault where it can be mended."""

    @abstractmethod
    def preview(self, stored: Edited, query: QueryDict) -> dict[str, Any]:
        """What the page needs to show what clients get; `query` may hold samples."""
