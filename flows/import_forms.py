"""The form that takes a file of flows, chosen or pasted."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from flows.transfer import MAX_BYTES


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
