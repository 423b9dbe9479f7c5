"""The form of a resource: its words and its URI, and one of a text, a file and a flow."""

import base64
import binascii
import mimetypes
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from flows.engine.errors import Fault
from flows.models import Resource
from flows.offers.checks import FIELD_OF_KEY
from flows.offers.editor import AS_TYPED, OfferEditor, OfferForm
from flows.offers.resources import MAX_BYTES
from flows.values.json_form_field import JsonFormField
from flows.values.uri_templates import variables_of

_TEXTUAL = ("text/", "application/json", "application/xml", "application/yaml", "application/javascript")


class ResourceForm(OfferForm):
    """A resource; what is not chosen among text, file and flow is not kept."""

    without_flow = "no flow"
    answer = forms.ChoiceField(
        label="What is found there",
        choices=[("text", "a text"), ("file", "a file"), ("flow", "what a flow answers")],
        widget=forms.RadioSelect,
        help_text="A URI with variables is answered by a flow.",
    )
    file = forms.FileField(required=False, allow_empty_file=True)
    completions = JsonFormField(
        rows=3,
        is_object=True,
        required=False,
        label="Proposals for the variables",
        help_text='Clients offer them while somebody types: {"order_id": ["A-10481", "A-10482"]}.',
    )
    annotations = JsonFormField(
        rows=2, is_object=True, required=False, help_text='Hints for clients: {"audience": ["user"], "priority": 0.5}.'
    )
    field_order = ["uri", "name", "title", "description", "mime_type", "answer", "text", "file", "flow"]

    class Meta(OfferForm.Meta):
        model = Resource
        fields = [
            "uri",
            "name",
            "title",
            "description",
            "mime_type",
            "text",
            "flow",
            "completions",
            "annotations",
            "is_active",
        ]
        labels = OfferForm.Meta.labels | {"mime_type": "Media type"}
        help_texts = OfferForm.Meta.help_texts | {
            "text": "",
            "flow": "",
            "mime_type": "As text/markdown or image/png. Empty: text/plain, or what the name of a file says.",
        }
        widgets = {
            **OfferForm.Meta.widgets,
            "uri": forms.TextInput(AS_TYPED),
            "text": forms.Textarea({"rows": 10, "class": "code", "spellcheck": "false"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        self.fields["text"].strip = False  # type: ignore[attr-defined]
        self.fields["answer"].initial = "flow" if row.flow_id else "file" if row.blob else "text"
        self.fields["file"].help_text = "Keep it empty to leave the file as it is." if row.blob else ""
        self._kept = row.blob

    def clean_text(self) -> str:
        """Browsers send every line break as two characters."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    def clean_file(self) -> bytes | None:
        """The bytes of the file; None when none was chosen."""
        file = self.cleaned_data["file"]
        if not isinstance(file, UploadedFile):
            return None
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(f"The file has more than {MAX_BYTES // 1024} KiB.")
        self._guessed = mimetypes.guess_type(file.name or "")[0] or ""
        content: bytes = file.read()
        return content

    def clean(self) -> dict[str, Any]:
        """What is not chosen is not kept; what is chosen is there."""
        cleaned = super().clean() or self.cleaned_data
        answer, content = cleaned.get("answer"), cleaned.get("file")
        if answer != "flow":
            cleaned["flow"] = None
        elif not cleaned.get("flow"):
            self.add_error("flow", "Choose the flow that answers.")
        if answer != "text":
            cleaned["text"] = ""
        elif not cleaned.get("text"):
            self.add_error("text", "Write a text.")
        if answer == "file" and content is None and not self._kept and "file" not in self.errors:
            self.add_error("file", "Choose a file.")
        return cleaned

    def _post_clean(self) -> None:
        """The model's own checks, with the file in its place."""
        super()._post_clean()  # type: ignore[misc]
        content, row = self.cleaned_data.get("file"), self.instance
        row.blob = self._kept if self.cleaned_data.get("answer") == "file" else ""
        if self.cleaned_data.get("answer") == "file" and content is not None:
            row.mime_type = row.mime_type or self._guessed
            row.text, row.blob = as_stored(content, row.mime_type)


class ResourceEditor(OfferEditor[Resource]):
    """A resource as it is edited: one form."""

    def __init__(self, resource: Resource, data: QueryDict | None = None, files: Any = None) -> None:
        self.form = ResourceForm(data, files, instance=resource)
        self.is_to_be_saved = self.is_changed = data is not None

    def forms(self) -> Sequence[forms.BaseForm]:
        """The one form."""
        return [self.form]

    def filled(self) -> Resource:
        """The resource as the form has left it."""
        resource: Resource = self.form.instance
        return resource

    def place(self, fault: Fault) -> None:
        """At the field that holds it, with the path inside of that field."""
        key = fault.path.split(".")[0].split("[")[0]
        name = "file" if key == "blob" else FIELD_OF_KEY.get(key, key)
        inside = fault.path.removeprefix(key).lstrip(".")
        message = f"{inside}: {fault.message}" if inside else fault.message
        self.form.add_error(name if name in self.form.fields else None, message)

    def preview(self, stored: Resource, query: QueryDict) -> dict[str, Any]:
        """What clients get, as a content block; of a template its variables."""
        if stored.is_template:
            return {"variables": variables_of(stored.uri)}
        if stored.flow or not stored.is_answered:
            return {}
        body = {"blob": stored.blob} if stored.blob else {"text": stored.text}
        inner = {"uri": stored.uri, "mimeType": stored.mime_type} | body
        return {"result": {"content": [{"type": "resource", "resource": inner}]}, "size": stored.size}


def with_kept_file(sent: QueryDict, files: MultiValueDict[str, UploadedFile]) -> QueryDict:
    """What was sent, with a file among its texts, so that the page of a conflict keeps it; from there it comes back.

    A file that came back is put among `files` again.
    """
    file, kept = files.get("file"), sent.get("file-base64")
    if file is not None and (file.size or 0) <= MAX_BYTES:
        sent = sent.copy()
        sent["file-name"], sent["file-base64"] = file.name or "file", base64.b64encode(file.read()).decode()
        file.seek(0)
    elif kept is not None:
        with suppress(binascii.Error):
            files["file"] = SimpleUploadedFile(sent.get("file-name", "file"), base64.b64decode(kept, validate=True))
    return sent


def as_stored(content: bytes, mime_type: str) -> tuple[str, str]:
    """The text or the base64 of a file: a text where its media type says so and it is one."""
    textual = mime_type.lower().startswith(_TEXTUAL) or mime_type.lower().endswith(("+json", "+xml"))
    if textual:
        try:
            return content.decode(), ""
        except UnicodeDecodeError:
            pass
    return "", base64.b64encode(content).decode()
