"""Forms of the dashboard: a flow's draft and a server."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from flows.engine.errors import Fault
from flows.engine.graph import MAX_DEPTH, MAX_NODES, too_deep
from flows.models import Flow, Server
from flows.publishing import versions
from flows.revisions.merge import can_be_merged
from flows.values.json_form_field import JsonFormField

FIELD_OF_PATH = {
    "toolName": "tool_name",
    "definition": "definition",
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "toolDescription": "tool_description",
    "annotations": "annotations",
}
"""Which form field holds what a fault's path begins with."""


class FlowForm(forms.ModelForm):
    """A flow's draft. Everything that would keep it from being published is a fault of the form.

    With `takes_faults`, those of its definition are no errors: what two people have put together is stored as it is.
    """

    input_schema = JsonFormField(rows=12, help_text="JSON Schema of the parameters that clients send.")
    output_schema = JsonFormField(
        rows=5, required=False, help_text="JSON Schema that the JSON answer has to fit; empty for none."
    )
    annotations = JsonFormField(
        rows=4, is_object=True, required=False, help_text='MCP tool annotations, {"readOnlyHint": true}.'
    )
    definition = JsonFormField(rows=46, help_text="Nodes and connections.")
    faults: tuple[Fault, ...] = ()

    class Meta:
        model = Flow
        fields = [
            "name",
            "tool_name",
            "tool_description",
            "when_to_use",
            "when_not_to_use",
            "timeout_seconds",
            "answer_seconds",
            "input_schema",
            "output_schema",
            "annotations",
            "definition",
        ]
        labels = {"timeout_seconds": "Timeout, seconds", "answer_seconds": "Answer within, seconds"}
        widgets = {name: forms.Textarea({"rows": 3}) for name in ("tool_description", "when_to_use", "when_not_to_use")}

    def __init__(self, *args: Any, takes_faults: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.takes_faults = takes_faults

    def full_clean(self) -> None:
        """After the model's own checks: the graph and the schemas, as `publish` checks them."""
        super().full_clean()
        if not self.is_bound:
            return
        try:
            # Django leaves this constraint out, because the server is no field of this form.
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error("tool_name", error.messages)
        broken = set(self.errors)
        faults = [fault for fault in versions.faults_of(self.instance) if _field_of(fault) not in broken]
        self.faults = tuple(faults)
        taken = {"definition"} if self.takes_faults and _is_storable(self.instance.definition) else set()
        for name in dict.fromkeys(name for fault in faults if (name := _field_of(fault)) not in taken):
            count = sum(_field_of(fault) == name for fault in faults)
            self.add_error(name, f"{count} fault{'' if count == 1 else 's'}, listed beside the form.")


def _is_storable(definition: Any) -> bool:
    """Whether a definition with faults has the shape of one, and is no larger than one may be."""
    if not can_be_merged(definition) or too_deep(definition, MAX_DEPTH):
        return False
    return len(definition.get("nodes", ())) <= MAX_NODES and len(definition.get("connections", ())) <= MAX_NODES * 20


def _field_of(fault: Fault) -> str | None:
    return FIELD_OF_PATH.get(fault.path.split(".")[0])


class ServerForm(forms.ModelForm):
    """An MCP server's address and who may call it."""

    class Meta:
        model = Server
        fields = [
            "name",
            "slug",
            "description",
            "access",
            "agent_tools",
            "links_failures",
            "is_published",
            "calls_per_minute",
            "calls_at_once",
            "stranger_calls_per_minute",
            "stranger_calls_at_once",
        ]
        labels = {
            "is_published": "Published",
            "agent_tools": "Tools for looking at executions",
            "links_failures": "Addresses in failures",
            "calls_per_minute": "Calls a minute",
            "calls_at_once": "Calls at once",
            "stranger_calls_per_minute": "Calls a minute without a key",
            "stranger_calls_at_once": "Calls at once without a key",
        }
        help_texts = {
            "stranger_calls_per_minute": "From one address without an API key. "
            f"Empty: {settings.MAX_STRANGER_CALLS_PER_MINUTE:,}.",
            "stranger_calls_at_once": "From one address without an API key, in each process. "
            f"Empty: {settings.MAX_STRANGER_CALLS_AT_ONCE:,}.",
        }
        widgets = {"access": forms.RadioSelect, "description": forms.Textarea({"rows": 3})}
