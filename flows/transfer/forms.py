"""The forms that take a file, chosen or pasted, and what to make of an OpenAPI document."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.template.defaultfilters import pluralize

from flows.transfer.files import MAX_BYTES, MAX_FLOWS
from flows.transfer.openapi import Alternative, Document, Operation, address_of, alternatives_of, operations_of


class SourceForm(forms.Form):
    """A file or a text; `source` is what it says."""

    file = forms.FileField(required=False, allow_empty_file=True)
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste it",
        widget=forms.Textarea({"class": "code", "rows": 10, "spellcheck": "false", "autocapitalize": "off"}),
    )

    def clean_file(self) -> str:
        """What the file says; nothing without one."""
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile):
            return ""
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(f"The file has more than {MAX_BYTES // 1024:,} KiB.")
        try:
            return str(file.read(), "utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError("The file is not text in UTF-8.") from None

    def clean(self) -> dict[str, Any]:
        """One of the two."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned["file"]) == bool(cleaned["text"]):
            raise ValidationError("Choose a file or paste its text, one of the two.")
        return cleaned

    @property
    def source(self) -> str:
        """The text that was given."""
        return str(self.cleaned_data["file"] or self.cleaned_data["text"])


class OperationsForm(forms.Form):
    """Where the other system of an OpenAPI document is, and which of its operations become flows."""

    address = forms.CharField(max_length=2000, help_text="What the paths of the operations are appended to.")

    def __init__(self, data: QueryDict | None = None, *, document: Document, source: str) -> None:
        super().__init__(data)
        self.document, self.source = document, source
        self.given = data.getlist("operation") if data is not None else None
        if alternatives := alternatives_of(document):
            self.fields["credentials"] = credentials_field(alternatives)
        said = address_of(document)
        if urlsplit(said).scheme:
            self.fields["address"].initial = said
        else:
            where = f"only {said}" if said else "not where it is"
            self.fields["address"].help_text = f"The document says {where}: write the whole address, https://..."

    def clean_address(self) -> str:
        """An address that requests can be sent to."""
        address = str(self.cleaned_data["address"]).rstrip("/")
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError("Write a whole address, https://api.example.com/v1.")
        return address

    def clean(self) -> dict[str, Any]:
        """At least one operation, and no more than a file may hold."""
        cleaned = super().clean() or self.cleaned_data
        if not 0 < len(self.chosen) <= MAX_FLOWS:
            raise ValidationError(f"Choose at least one operation, and at most {MAX_FLOWS}.")
        return cleaned

    @cached_property
    def operations(self) -> list[Operation]:
        """Every operation of the document, at the address that was given."""
        given = self.cleaned_data if hasattr(self, "cleaned_data") else {}
        address = given.get("address") or address_of(self.document) or "https://"
        return operations_of(self.document, address, given.get("credentials", ""))

    @cached_property
    def keys(self) -> set[str]:
        """What was chosen; before that, everything that can be made and is not deprecated."""
        if self.given is not None:
            return set(self.given)
        able = [operation for operation in self.operations if operation.flow and not operation.is_deprecated]
        return {operation.key for operation in able[:MAX_FLOWS]}

    @property
    def chosen(self) -> list[Operation]:
        """The chosen operations that can be made."""
        return [operation for operation in self.operations if operation.key in self.keys and operation.flow]


def credentials_field(alternatives: Sequence[Alternative]) -> forms.ChoiceField:
    """Which of several ways to show who calls is taken; an operation that does not know it takes its own first."""
    choices = [
        (each.key, f"{each.words}, {each.operations:,} operation{pluralize(each.operations)}") for each in alternatives
    ]
    return forms.ChoiceField(
        required=False,
        label="Authentication",
        choices=[("", "What each operation names first"), *choices],
        help_text="How the flows show the other system who sends their requests.",
    )
