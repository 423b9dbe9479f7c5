"""The draft as a list of forms, for browsers without scripts: the nodes in order, each parameter a plain field."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from flows.access.acting import acts
from flows.engine.errors import Fault
from flows.engine.graph import TRIGGER, examine
from flows.models import Flow
from flows.nodes import registry
from flows.pages.drawing import handle_of
from flows.pages.editor import can_be_edited
from flows.publishing import versions as publishing
from flows.revisions.conflicts import started_from
from flows.revisions.writes import Stale
from flows.values.json_text import parse_json
from flows.values.scopes import Scope

_PARAMETER = "parameter-"
_LONG = 60
"""Characters of a text that gets a field of several lines."""


class ParameterField(forms.CharField):
    """A parameter as text: a text as it is, any other value as JSON; empty for one that is left out.

    Where a text and other values may stand, what can be read as JSON is JSON, and else a text.
    """

    def __init__(self, name: str, rule: Mapping[str, Any], value: Any) -> None:
        kinds = rule.get("type", "string or anything")
        self.is_text, self.may_be_text = kinds == "string", "string" in kinds
        initial, choices = self._shown(value), rule.get("enum", [])
        widget: forms.Widget = forms.TextInput()
        if self.is_text and choices:
            # What is stored may be something else: an expression, or a fault.
            shown = dict.fromkeys(["", *map(str, choices), initial])
            widget = forms.Select(choices=[(each, each or "(left out)") for each in shown])
        elif len(initial) > _LONG or "\n" in initial:
            widget = forms.Textarea({"rows": min(initial.count("\n") + 3, 16), "spellcheck": "false"})
        title, says = str(rule.get("title", name)), str(rule.get("description", ""))
        super().__init__(label=title, help_text=says, required=False, strip=False, initial=initial, widget=widget)

    def to_python(self, value: Any) -> str:
        """The text with the line ends that it had before a browser sent it."""
        return str(super().to_python(value)).replace("\r\n", "\n")

    def value_of(self, text: str) -> Any:
        """What was written; raises ValidationError for what can be nothing that may stand here."""
        if self.is_text or text.lstrip().startswith("{{"):
            return text
        try:
            return parse_json(text)
        except ValidationError:
            if self.may_be_text:
                return text
            raise ValidationError("Write JSON, or an expression in {{ }}.") from None

    def _shown(self, value: Any) -> str:
        if isinstance(value, str) and (self.is_text or self.value_of(value) == value):
            return value
        indent = 2 if isinstance(value, dict | list) else None
        return "" if value is None else json.dumps(value, indent=indent, ensure_ascii=False)


class NodeForm(forms.Form):
    """One node: its name, whether it is disabled, and its parameters. Only what was changed is written."""

    def __init__(self, node: Mapping[str, Any], data: Any) -> None:
        super().__init__(data, prefix=str(node["id"]))
        self.node = node
        self.fields["name"] = forms.CharField(max_length=200, initial=node.get("name", ""))
        if node.get("type") != TRIGGER:
            self.fields["disabled"] = forms.BooleanField(required=False, initial=node.get("disabled", False))
        registered, given = registry().get(str(node.get("type", ""))), node.get("parameters")
        rules = registered.node_type.parameters_schema.get("properties", {}) if registered else {}
        parameters = given if isinstance(given, dict) else {}
        for name in dict.fromkeys([*rules, *parameters]):
            self.fields[_PARAMETER + name] = ParameterField(name, rules.get(name, {}), parameters.get(name))

    def changed_node(self) -> dict[str, Any]:
        """The node as it is written now; what is wrong with a field becomes an error of the form."""
        node, parameters = dict(self.node), dict(self.node.get("parameters") or {})
        for key in self.changed_data:
            field, value = self.fields[key], self.cleaned_data.get(key)
            if not isinstance(field, ParameterField):
                node[key] = value
                continue
            name = key.removeprefix(_PARAMETER)
            try:
                if value:
                    parameters[name] = field.value_of(value)
                else:
                    parameters.pop(name, None)
            except ValidationError as error:
                self.add_error(key, error)
        if not node.get("disabled"):
            node.pop("disabled", None)
        return node | ({"parameters": parameters} if parameters or "parameters" in self.node else {})


@dataclass(frozen=True, slots=True)
class Row:
    """A node in the list: its form, where its ways out lead, and what is wrong with it."""

    form: NodeForm
    ways: Sequence[tuple[str, str]]
    faults: Sequence[Fault]


@never_cache
@acts(Scope.FLOWS_WRITE)
@require_http_methods(["GET", "POST"])
def outline(request: HttpRequest, flow_id: int) -> HttpResponse:
    """Show the draft as a list of forms, and store what was changed in them, with its faults."""
    flow = Flow.objects.visible_or_404(request.user, pk=flow_id)
    if not can_be_edited(flow.definition):
        return redirect(f"{reverse('flows:build', args=[flow.pk])}?as=json")
    opened, late = flow.definition, None
    entries = [NodeForm(node, request.POST or None) for node in opened["nodes"]]
    if request.method == "POST":
        # Each of them, so that each says what is wrong with it.
        nodes = [form.changed_node() if form.is_valid() else None for form in entries]
        if not any(form.errors for form in entries):
            try:
                flow.definition = {**opened, "nodes": nodes}
                publishing.save_draft(flow, ["definition"], started_from(request.POST))
                messages.success(request, "The draft is saved. Clients see it once you publish it.")
                return redirect("flows:outline", flow.pk)
            except Stale as stale:
                flow.definition, late = opened, stale.current
    faults = publishing.publishing_faults(flow)
    ways = _ways(flow.definition)
    rows = {}
    for index, form in enumerate(entries):
        own = [fault for fault in faults if fault.is_inside(f"definition.nodes[{index}]")]
        rows[form.node["id"]] = Row(form, ways[form.node["id"]], own)
    # A node that is passed over stands where it would be executed.
    enabled = [{key: value for key, value in node.items() if key != "disabled"} for node in flow.definition["nodes"]]
    graph, _ = examine({**flow.definition, "nodes": enabled}, registry())
    ordered = dict.fromkeys([*([node.id for node in graph.order] if graph else []), *rows])
    context = {
        "flow": flow,
        "tab": "build",
        "rows": [rows[key] for key in ordered if key in rows],
        "faults": [fault for fault in faults if not fault.path.startswith("definition.nodes[")],
        "faults_title": "Not ready to be published",
        "revision": late.revision if late else flow.revision,
        "is_late": late is not None,
        "is_wrong": any(form.errors for form in entries),
    }
    return render(request, "flows/outline.html", context, status=412 if late else 200)


def _ways(definition: Mapping[str, Any]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Of each node the ways out that lead somewhere, each with the name of the node that it leads to."""
    names = {node["id"]: str(node["name"]) for node in definition["nodes"]}
    found = defaultdict[str, list[tuple[str, str]]](list)
    for line in definition["connections"]:
        if line["targetNodeId"] in names:
            found[line["sourceNodeId"]].append((handle_of(line), names[line["targetNodeId"]]))
    return found
