"""Forms of a server's secrets; none of them gives a value back."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.engine.destinations import allowed_origins
from flows.models import MAX_SECRET, SECRET_NAME, Server


class OriginsField(forms.CharField):
    """Where a secret may be sent, one origin a line; its value is the list of them."""

    widget = forms.Textarea({"class": "code", "rows": 3, "spellcheck": "false", "autocapitalize": "off"})

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Every line in its one form."""
        try:
            return allowed_origins(super().clean(value).splitlines())
        except ValueError as error:
            raise ValidationError(f"{error}.") from None


class OriginsForm(forms.Form):
    """Where a secret may be sent."""

    origins = OriginsField(
        required=False,
        label="Allowed origins",
        help_text="One a line: https://api.example.com, or https://*.example.com for the hosts below it. A request "
        "takes the value nowhere else. Empty: wherever the author of a flow sends it, never where a caller says.",
    )


class SecretValueForm(forms.Form):
    """The value of a secret: it goes in and is not given back, also not in a form with an error."""

    value = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_SECRET,
        widget=forms.PasswordInput({"autocomplete": "new-password", "spellcheck": "false"}),
        help_text=(
            "One line, stored encrypted and never shown again. Left empty, the secret is empty, as a password "
            "is where the user name is the key. The REST API takes values of several lines."
        ),
    )


class NewSecretForm(SecretValueForm, OriginsForm):
    """A secret that the server does not have yet."""

    name = forms.CharField(
        validators=[SECRET_NAME],
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        help_text="Capital letters, digits and underscores: API_KEY.",
    )
    field_order = ["name", "value", "origins"]

    def __init__(self, *args: Any, server: Server, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server = server

    def clean_name(self) -> str:
        """A name that is free in the server."""
        name = str(self.cleaned_data["name"])
        if self.server.secrets.filter(name=name).exists():
            raise ValidationError("This server has a secret of that name; give it a new value instead.")
        return name
