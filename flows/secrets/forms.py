"""Forms of a server's secrets; none of them gives a value back."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.models import MAX_SECRET, SECRET_NAME, Server


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


class NewSecretForm(SecretValueForm):
    """A secret that the server does not have yet."""

    name = forms.CharField(
        validators=[SECRET_NAME],
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        help_text="Capital letters, digits and underscores: API_KEY.",
    )
    field_order = ["name", "value"]

    def __init__(self, *args: Any, server: Server, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.server = server

    def clean_name(self) -> str:
        """A name that is free in the server."""
        name = str(self.cleaned_data["name"])
        if self.server.secrets.filter(name=name).exists():
            raise ValidationError("This server has a secret of that name; give it a new value instead.")
        return name
