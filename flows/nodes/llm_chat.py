"""Ask a language model behind an OpenAI-compatible chat endpoint."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flows.engine.aside import aside
from flows.engine.errors import NodeFailed
from flows.engine.node import MAIN, HttpResponse, Json, NodeContext, NodeResult
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.credentials import credential_of
from flows.schemas.compiled import SchemaError, compile_once
from flows.values.http_status import is_final, retry_after

DEFAULT_TIMEOUT = 120
_SHOWN = 300
_TOO_LONG = ("context_length", "context length", "maximum context", "too many tokens", "too long")


class LlmChat:
    """Sends messages to a model; its output is the answer, read as JSON if a schema asks for it, and what it used."""

    type: ClassVar[str] = "llm_chat"
    title: ClassVar[str] = "LLM chat"
    description: ClassVar[str] = "Asks a language model at an OpenAI-compatible chat endpoint and gives out its answer."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "chat"
    help: ClassVar[str] = (
        "Works with every endpoint that speaks the OpenAI chat protocol. With a schema for the answer, the output "
        "has the answer as JSON too, and an answer that does not fit it fails the node. Keep the key in a secret of "
        "the server."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "baseUrl": "https://llm.example.com/v1",
        "secret": "{{ secrets.LLM_KEY }}",
        "model": "small",
        "messages": [{"role": "user", "content": "In one sentence: {{ fetch.body.text }}"}],
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "baseUrl": {
                "type": "string",
                "title": "Base URL",
                "x-destination": True,
                "description": "Where the API begins, https://llm.example.com/v1; /chat/completions is added.",
                "minLength": 1,
                "maxLength": 2048,
            },
            "secret": {
                "type": "string",
                "title": "API key",
                "x-credential": True,
                "description": "{{ secrets.NAME }}. Sent as a bearer token; leave it out where no key is needed.",
                "minLength": 1,
            },
            "model": {"type": "string", "title": "Model", "minLength": 1},
            "messages": {
                "type": "array",
                "title": "Messages",
                "description": "The conversation so far, oldest first.",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "role": {"type": "string", "enum": ["system", "user", "assistant"]},
                        "content": {"type": "string"},
                    },
                    "required": ["role", "content"],
                    "additionalProperties": False,
                },
            },
            "temperature": {"type": "number", "title": "Temperature", "minimum": 0, "maximum": 2},
            "maxTokens": {
                "type": "integer",
                "title": "Most tokens",
                "description": "How long the answer may be. Without it: as long as the endpoint allows.",
                "minimum": 1,
            },
            "answerSchema": {
                "type": "object",
                "title": "Schema of the answer",
                "description": "JSON Schema. With it the model is asked for JSON, and the output has it under json.",
            },
            "timeout": {
                "type": "number",
                "title": "Timeout",
                "description": "Seconds for the whole answer, at most 600.",
                "exclusiveMinimum": 0,
                "maximum": 600,
                "default": DEFAULT_TIMEOUT,
            },
        },
        "required": ["baseUrl", "model", "messages"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Ask the model; raises NodeFailed that names cause and cure when there is no answer of use."""
        if context.http is None:
            raise NodeFailed("No HTTP client was lent to this execution.")
        auth = {"type": "bearer", "secret": parameters["secret"]} if "secret" in parameters else None
        response = await context.http.request(
            "POST",
            parameters["baseUrl"].rstrip("/") + "/chat/completions",
            headers={"content-type": "application/json", **credential_of(auth).headers},
            content=await aside(lambda: json.dumps(_asked(parameters)).encode(), parameters),
            timeout=float(parameters.get("timeout", DEFAULT_TIMEOUT)),
        )
        return NodeResult(await aside(partial(_output, parameters, response), response.body))

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The text and what it took; the JSON too when a schema asks for it, which the endpoint may not keep to."""
        counts = {"type": ["integer", "null"]}
        known: dict[str, Shape] = {
            "text": {"type": "string"},
            "model": {"type": "string"},
            "finishReason": {"type": ["string", "null"]},
            "usage": closed({"promptTokens": counts, "completionTokens": counts, "totalTokens": counts}),
        }
        return closed(known | ({"json": UNKNOWN} if "answerSchema" in parameters else {}))


def _asked(parameters: Mapping[str, Json]) -> dict[str, Json]:
    asked = {"model": parameters["model"], "messages": parameters["messages"]}
    if "temperature" in parameters:
        asked["temperature"] = parameters["temperature"]
    if "maxTokens" in parameters:
        asked["max_tokens"] = parameters["maxTokens"]
    if "answerSchema" in parameters:
        schema = {"name": "answer", "schema": parameters["answerSchema"], "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    return asked


def _answer(parameters: Mapping[str, Json], response: HttpResponse) -> dict[str, Any]:
    """The endpoint's answer as an object; raises NodeFailed for a refusal and for what is no JSON object."""
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        answer = None
    host = urlsplit(parameters["baseUrl"]).hostname
    if not 200 <= response.status < 300:
        raise _refused(parameters, response, answer)
    if not isinstance(answer, dict):
        raise NodeFailed(
            f"{host} did not answer with a JSON object, so it is no chat endpoint: check the base URL, which usually "
            f"ends with /v1. It said: {_start(response)}"
        )
    return answer


def _output(parameters: Mapping[str, Json], response: HttpResponse) -> dict[str, Json]:
    answer = _answer(parameters, response)
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, ended = message.get("content"), choice.get("finish_reason")
    if isinstance(message.get("refusal"), str):
        raise NodeFailed(f"The model refused to answer: {message['refusal'][:_SHOWN]}", detail=answer)
    if not isinstance(text, str):
        raise NodeFailed(
            "The endpoint's answer holds no text of the model (choices[0].message.content).", detail=answer
        )
    output: dict[str, Json] = {
        "text": text,
        "model": answer.get("model", parameters["model"]),
        "finishReason": ended,
        "usage": _usage(answer.get("usage")),
    }
    if "answerSchema" not in parameters:
        return output
    return output | {"json": _read(_json(text, ended, output), parameters["answerSchema"], output)}


def _usage(usage: Any) -> dict[str, Json]:
    counted = usage if isinstance(usage, dict) else {}
    return {
        "promptTokens": counted.get("prompt_tokens"),
        "completionTokens": counted.get("completion_tokens"),
        "totalTokens": counted.get("total_tokens"),
    }


def _json(text: str, ended: Any, output: Json) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        cure = (
            "it was cut at the most tokens allowed; allow more"
            if ended == "length"
            else "the model or its endpoint may not keep to schemas; choose another, or ask for JSON in the messages"
        )
        raise NodeFailed(f"The model's answer is not JSON ({error}): {cure}.", detail=output) from None


def _read(found: Json, schema: Json, output: Json) -> Json:
    """The model's JSON as arguments of a call are read; what does not fit fails, so that a retry asks once more."""
    try:
        read, faults = compile_once(schema).accept(found)
    except SchemaError:
        return found  # the endpoint knows schemas that are not known here
    if faults:
        said = "; ".join(map(str, faults))
        message = (
            f"The model's answer does not fit the schema: {said}. Ask again, or say in the messages what is needed."
        )
        raise NodeFailed(message, detail=output | {"json": found})
    return read


def _refused(parameters: Mapping[str, Json], response: HttpResponse, answer: Any) -> NodeFailed:
    """What a status means, and what to change."""
    host, status = urlsplit(parameters["baseUrl"]).hostname, response.status
    said = _said(answer) or _start(response)
    if status in (401, 403):
        named = "the API key" if "secret" in parameters else "a request without an API key"
        cause = f"{host} refused {named}; check the secret, and whether it may use the model {parameters['model']!r}"
    elif status == 404:
        cause = f"{host} has no model {parameters['model']!r}, or no such address; check the model and the base URL"
    elif status == 413 or (status == 400 and any(sign in said.lower() for sign in _TOO_LONG)):
        cause = (
            f"The messages are too long for {parameters['model']!r}; shorten them, or choose a model that takes more"
        )
    elif status == 429:
        after = retry_after(response.headers.get("retry-after", ""))
        wait = " later" if after is None else f" after {after:.0f} s"
        cause = f"{host} takes no more requests now (rate or quota); try again{wait}, or raise the limit there"
    elif status >= 500:
        cause = f"{host} failed; try again later"
    else:
        cause = f"{host} did not take the request"
    return NodeFailed(
        f"{cause}. It answered {status}: {said}",
        detail={"status": status, "error": answer or said},
        is_final=is_final(status),
        retry_after=retry_after(response.headers.get("retry-after", "")),
    )


def _said(answer: Any) -> str:
    """The message of an error as OpenAI's API writes it, or as others do."""
    error = answer.get("error", answer) if isinstance(answer, dict) else None
    parts = [error.get("code"), error.get("message")] if isinstance(error, dict) else [error]
    return ": ".join(part[:_SHOWN] for part in parts if isinstance(part, str))


def _start(response: HttpResponse) -> str:
    text = " ".join(response.body[: 4 * _SHOWN].decode(errors="replace").split())
    return text[:_SHOWN] or "nothing"
