"""The form for a new API key."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from flows.models import Server

LIFETIMES = [("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "Never")]


class KeyForm(forms.Form):
    """Who uses the key, which servers it opens, and how long it lasts."""

    name = forms.CharField(max_length=100, help_text="Who or what uses it; shown with every call.")
    lifetime = forms.ChoiceField(label="Expires after", choices=LIFETIMES, required=False, initial="90")
    servers = forms.ModelMultipleChoiceField(
        Server.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every server that you may see.",
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["servers"].queryset = Server.objects.visible_to(user)  # type: ignore[attr-defined]

    @property
    def expires_at(self) -> datetime | None:
        """When the key ends, or None."""
        days = self.cleaned_data["lifetime"]
        return timezone.now() + timedelta(days=int(days)) if days else None
