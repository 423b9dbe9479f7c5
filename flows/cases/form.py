"""The form of a saved case: its name, and what is expected of the call."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.cases.expectations import Expectation
from flows.values.json_text import parse_json

OUTCOMES = (("succeeds", "Succeeds"), ("fails", "Fails"), ("any", "Either"))
COMPARISONS = (
    ("", "Any answer"),
    ("equals", "JSON equals"),
    ("contains", "JSON contains"),
    ("textContains", "Text contains"),
)


class CaseForm(forms.Form):
    """A case beside the parameters that it is called with; `expectation` is what was chosen, once it is valid."""

    name = forms.CharField(max_length=100, label="Case name")
    outcome = forms.ChoiceField(choices=OUTCOMES, widget=forms.RadioSelect, initial="succeeds", label="The call")
    compare = forms.ChoiceField(choices=COMPARISONS, required=False, label="Expected answer")
    value = forms.CharField(
        required=False,
        strip=False,
        label="Expected",
        widget=forms.Textarea({"class": "code", "rows": 5, "spellcheck": "false"}),
        help_text="JSON contains: every key and item written here is in the answer, which may hold more.",
    )
    error_contains = forms.CharField(required=False, label="Error contains", help_text="Part of its text, or nothing.")

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, prefix="case", **kwargs)

    @classmethod
    def showing(cls, name: str, expectation: Expectation) -> "CaseForm":
        """A form that shows a case."""
        is_text = expectation.compare == "textContains"
        return cls(
            initial={
                "name": name,
                "outcome": expectation.outcome,
                "compare": expectation.compare or "",
                "value": expectation.value if is_text else _as_text(expectation.value),
                "error_contains": expectation.error_contains,
            }
        )

    @classmethod
    def after(cls, result: Any, is_error: bool) -> "CaseForm":
        """A form that proposes to expect what a call gave."""
        answer = result.get("structuredContent") if isinstance(result, dict) else None
        outcome = "fails" if is_error else "succeeds"
        return cls(initial={"outcome": outcome, "value": _as_text(answer)})

    @classmethod
    def unchecked(cls, data: Any) -> "CaseForm":
        """What was typed so far, which nobody asked to save yet."""
        names = cls.base_fields
        return cls(initial={name: data[f"case-{name}"] for name in names if f"case-{name}" in data})

    def clean(self) -> dict[str, Any]:
        """JSON where JSON is compared, and some text where text is."""
        cleaned = super().clean() or self.cleaned_data
        compare, value = cleaned.get("compare"), cleaned.get("value", "")
        if cleaned.get("outcome") == "succeeds" and compare:
            try:
                text = value.replace("\r\n", "\n")
                if not text.strip():
                    raise ValidationError("Write what is expected, or choose “Any answer”.")
                cleaned["expected"] = text if compare == "textContains" else parse_json(text)
            except ValidationError as error:
                self.add_error("value", error)
        return cleaned

    @property
    def expectation(self) -> Expectation:
        """What was chosen, without what does not belong to the outcome."""
        outcome = self.cleaned_data["outcome"]
        if outcome == "fails":
            return Expectation(outcome, error_contains=self.cleaned_data["error_contains"])
        if outcome == "any" or not self.cleaned_data["compare"]:
            return Expectation(outcome)
        return Expectation(outcome, self.cleaned_data["compare"], self.cleaned_data["expected"])


def _as_text(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
