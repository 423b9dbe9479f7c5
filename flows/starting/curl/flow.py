"""The flow that a request becomes, once it is chosen what its values are."""

import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flows.engine.expressions import has_expression
from flows.starting.curl.draft import PARTS, Draft, Steps
from flows.starting.curl.readings import as_type
from flows.starting.new_flow import Case, NewFlow
from flows.starting.parts import chain, node
from flows.values.http_methods import ANNOTATIONS


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a value becomes: the tool's parameter of this name."""

    name: str
    type: str
    description: str


def new_flow_of(draft: Draft, chosen: Mapping[str, Parameter], secret_names: Mapping[str, str]) -> NewFlow:
    """The flow: `chosen` are the values that become parameters, by their keys, `secret_names` those of credentials.

    Its name, tool name and description are for the person to say. None of the credentials is in it.
    """
    parameters: dict[str, Any] = copy.deepcopy(draft.parameters)
    properties: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for value in draft.values:
        if parameter := chosen.get(value.key):
            _put(parameters, value.steps, f"{{{{ trigger.{parameter.name} }}}}")
            properties[parameter.name] = {"type": parameter.type, "description": parameter.description}
            if value.value is not None:
                arguments[parameter.name] = as_type(value.value, parameter.type)
    for credential in draft.credentials:
        name = secret_names[credential.key]
        _put(parameters, credential.steps, f"{credential.before}{{{{ secrets.{name} }}}}")
    for name, text in list(parameters["path"].items()):
        if not has_expression(text):
            parameters["url"] = parameters["url"].replace(
                f"{{{name}}}", quote(parameters["path"].pop(name), safe=":@!$&'()*+,;=")
            )
    if parts := parameters.pop(PARTS, None):
        _write_parts(parameters, parts)
    for key in ("path", "query", "headers"):
        if not parameters[key]:
            del parameters[key]
    return NewFlow(
        {
            "input_schema": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
            "annotations": ANNOTATIONS.get(draft.method, {}),
            "definition": chain(
                node("trigger", "trigger", "Call", 0),
                node("request", "http_request", draft.name, 1, **parameters),
                node("answer", "return", "Answer", 2, **_answer(draft)),
            ),
        },
        # Every argument is there but those of placeholders in the address, which nobody has a value of.
        (Case("As in the command", arguments),) if arguments.keys() == properties.keys() else (),
    )


def _answer(draft: Draft) -> dict[str, Any]:
    if draft.method == "HEAD":
        return {"json": {"status": "{{ request.status }}", "headers": "{{ request.headers }}"}}
    accepts = draft.parameters["headers"].get("accept", "")
    return {"json" if "json" in accepts or "bodyJson" in draft.parameters else "text": "{{ request.body }}"}


def _write_parts(parameters: dict[str, Any], parts: list[list[str]]) -> None:
    """The fields of a form as one text (RFC 7578); its boundary cannot be guessed, so that no value can end a field."""
    boundary = f"flowhub-{secrets.token_hex(12)}"
    parameters["headers"]["content-type"] = f"multipart/form-data; boundary={boundary}"
    fields = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{quote(name, safe=" -_.[]")}"\r\n\r\n{text}\r\n'
        for name, text in parts
    ]
    parameters["bodyText"] = "".join([*fields, f"--{boundary}--\r\n"])


def _put(target: Any, steps: Steps, value: Any) -> None:
    for step in steps[:-1]:
        target = target[step]
    target[steps[-1]] = value
