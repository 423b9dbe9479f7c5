"""The forms that take a file, chosen or pasted, and the address of an API."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import pluralize

from flows.transfer.openapi import MAX_DOCUMENT_BYTES


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
        if (file.size or 0) > MAX_DOCUMENT_BYTES:
            raise ValidationError(f"The file has more than {MAX_DOCUMENT_BYTES // 1024 // 1024} MiB.")
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


class AddressForm(forms.Form):
    """Where the other system of an OpenAPI document is, how to show it who calls, and how bodies are written.

    `said` is what the document says of the address; `ways` are its alternatives as JSON, `kinds` the media types that
    bodies leave to choose from.
    """

    address = forms.CharField(max_length=2000, help_text="What the paths of the operations are appended to.")

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        initial: Mapping[str, str],
        said: str,
        ways: Sequence[Any] = (),
        kinds: Sequence[Any] = (),
    ) -> None:
        address = initial["address"]
        super().__init__(data, initial={**initial, "address": address if urlsplit(address).scheme else ""})
        if ways:
            what = "How the flows show the other system who sends their requests."
            self.fields["credentials"] = _choice(ways, "Authentication", what)
        if kinds:
            what = "What the flows send as body, where operations take several media types."
            self.fields["media_type"] = _choice([(kind, kind, number) for kind, number in kinds], "Body", what)
        if not urlsplit(said).scheme:
            where = f"only {said}" if said else "not where it is"
            self.fields["address"].help_text = f"The document says {where}: write the whole address, https://..."

    def clean_address(self) -> str:
        """An address that requests can be sent to."""
        return whole_address(self.cleaned_data["address"])


def _choice(offered: Sequence[Any], label: str, help_text: str) -> forms.ChoiceField:
    """One of several for the whole document; an operation that does not know it takes its own first."""
    choices = [(key, f"{words}, {number:,} operation{pluralize(number)}") for key, words, number in offered]
    choices = [("", "What each operation names first"), *choices]
    return forms.ChoiceField(required=False, label=label, choices=choices, help_text=help_text)


def whole_address(text: str) -> str:
    """An address that requests can be sent to, without a slash at its end; raises ValidationError."""
    address = text.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValidationError("Write a whole address, https://api.example.com/v1.")
    return address
