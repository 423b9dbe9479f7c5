"""Prompts of a server: what may be stored, and what is sent."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.db.models.functions import Length

from flows.engine.errors import Fault
from flows.engine.expressions import compile_value, has_expression, paths_in
from flows.engine.paths import did_you_mean
from flows.models import PROMPT_NAME, OfferQuerySet, Prompt
from flows.offers.checks import flow_faults, json_faults, text_faults
from flows.schemas.compiled import CompiledSchema, compile_schema
from flows.values.content_blocks import BLOCK_SCHEMA, block_faults, sent

MAX_BYTES = 256 * 1024
"""Of a prompt's messages, and of its arguments, written as JSON."""

MAX_BYTES_OF_SERVER = 512 * 1024
"""Of all its prompts: every process holds them ready."""

ROOT = "arguments"
"""What an expression in a message begins with."""

_TOO_LARGE = "have {size} KiB as JSON; {most} are allowed"
_ARGUMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TEXT = {"type": "string", "maxLength": 2000}
ARGUMENTS_SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "maxItems": 50,
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "title": _TEXT,
            "description": _TEXT,
            "required": {"type": "boolean"},
            "completions": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 1000},
        },
        "required": ["name"],
        "additionalProperties": False,
    },
}
"""The JSON Schema of a prompt's arguments."""

MESSAGES_SCHEMA: Mapping[str, Any] = {
    "type": "array",
    "maxItems": 100,
    "items": {
        "type": "object",
        "properties": {"role": {"enum": ["user", "assistant"]}, "content": BLOCK_SCHEMA},
        "required": ["role", "content"],
        "additionalProperties": False,
    },
}
"""The JSON Schema of a prompt's messages."""

Messages = list[dict[str, Any]]


class MessageError(ValueError):
    """A prompt cannot be sent with these arguments; the message says which value does not fit where."""


# --- What may be stored -----------------------------------------------------------------------------------------------


def prompt_faults(prompt: Prompt) -> list[Fault]:
    """Everything that keeps a prompt from being stored, each at its path in the JSON of REST and of files."""
    faults = list(text_faults(prompt))
    try:
        PROMPT_NAME(prompt.name)
    except ValidationError as error:
        faults.append(Fault("name", " ".join(error.messages)))
    if not prompt.description.strip():
        faults.append(Fault("description", "say in one or two sentences what the prompt is for"))
    misfits = json_faults("arguments", prompt.arguments, _arguments_schema(), MAX_BYTES, _TOO_LARGE)
    faults += misfits or _argument_faults(prompt)
    if prompt.flow is None:
        return [*faults, *_message_faults(prompt)]
    if prompt.messages:
        faults.append(Fault("messages", "a flow answers this prompt: remove the messages, or the flow"))
    return faults if misfits else [*faults, *flow_faults(prompt)]


def size_faults(prompt: Prompt, others: OfferQuerySet) -> Iterator[Fault]:
    """Whether there is room for the prompt beside the other ones of its server."""
    taken = others.aggregate(taken=Sum(Length("messages") + Length("arguments")))["taken"] or 0
    if taken + len(json.dumps([prompt.messages, prompt.arguments])) > MAX_BYTES_OF_SERVER:
        most, has = MAX_BYTES_OF_SERVER // 1024, taken // 1024
        yield Fault("messages", f"the prompts of a server hold {most} KiB as JSON in all; the others have {has}")


@cache
def _arguments_schema() -> CompiledSchema:
    return compile_schema(dict(ARGUMENTS_SCHEMA))


@cache
def _messages_schema() -> CompiledSchema:
    return compile_schema(dict(MESSAGES_SCHEMA))


def _argument_faults(prompt: Prompt) -> Iterator[Fault]:
    seen = Counter[str]()
    for index, argument in enumerate(prompt.arguments):
        if not _ARGUMENT.fullmatch(argument["name"]):
            wanted = "a letter, then letters, digits, hyphens and underscores, at most 64 of them"
            yield Fault(f"arguments[{index}].name", f"{argument['name'][:100]!r} is no name: use {wanted}")
        seen[argument["name"]] += 1
        if seen[argument["name"]] == 2:
            yield Fault(f"arguments[{index}].name", f"there is an argument {argument['name']!r} already")


def _message_faults(prompt: Prompt) -> list[Fault]:
    if not prompt.messages:
        return [Fault("messages", "write at least one message, or choose a flow that answers")]
    faults = json_faults("messages", prompt.messages, _messages_schema(), MAX_BYTES, _TOO_LARGE)
    if faults:
        return faults
    names = [each.get("name", "") for each in prompt.arguments if isinstance(each, dict)]
    faults = list(_expression_faults(prompt.messages, names))
    for index, message in enumerate(prompt.messages):
        faults += block_faults(_with_samples(message["content"]), f"messages[{index}].content")
    return faults


def _expression_faults(messages: Any, names: Sequence[str]) -> Iterator[Fault]:
    for place, path in paths_in(messages, "messages"):
        if isinstance(path, Fault):
            yield path
        elif path.root != ROOT or len(path.steps) != 1 or not isinstance(path.steps[0], str):
            yield Fault(place, f"{{{{ {path.source} }}}}: write {{{{ arguments.NAME }}}}, the name of an argument")
        elif path.steps[0] not in names:
            has = ", ".join(names) or "none"
            hint = did_you_mean(path.steps[0], names)
            yield Fault(place, f"the prompt has no argument {path.steps[0]!r}. It has: {has}.{hint}")


def _with_samples(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block with something that fits wherever the value is known only with the arguments."""
    samples = {"data": "AA==", "blob": "AA==", "uri": "a:b", "mimeType": f"{block['type']}/x"}
    known = {key: samples.get(key, value) if has_expression(value) else value for key, value in block.items()}
    return known | ({"resource": _with_samples(block["resource"] | {"type": "text"})} if "resource" in block else {})


# --- What is sent -----------------------------------------------------------------------------------------------------


def message_maker(messages: Messages, names: Sequence[str]) -> Callable[[Mapping[str, str]], Messages]:
    """A function from arguments to messages; an argument that is not given is an empty text.

    The function raises MessageError when an argument makes a block that no client could read.
    """
    fill = compile_value(messages)

    def make(arguments: Mapping[str, str]) -> Messages:
        scope = {ROOT: dict.fromkeys(names, "") | dict(arguments)}
        filled = fill(scope) if fill else messages
        made = [{"role": message["role"], "content": sent(message["content"])} for message in filled]
        for index, message in enumerate(made):
            for fault in block_faults(message["content"], f"messages[{index}].content"):
                raise MessageError(str(fault))
        return made

    return make
