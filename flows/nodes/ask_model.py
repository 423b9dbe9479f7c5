"""Ask the language model of the client."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.questions import ANSWER_SECONDS, Question, QuestionKind
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.ask_user import ANSWER_WITHIN

MAX_TOKENS = 1000
"""How long a model's answer may be, in tokens, unless the node says otherwise."""
_PRIORITY = {"type": "number", "minimum": 0, "maximum": 1}
_SENT = ("systemPrompt", "temperature", "stopSequences", "modelPreferences")


class AskModel:
    """Has the client's own model answer, with the client's account and consent (MCP, sampling)."""

    type: ClassVar[str] = "ask_model"
    title: ClassVar[str] = "Ask model"
    description: ClassVar[str] = "Asks the language model of the client that called the flow, without a key of yours."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "chat"
    help: ClassVar[str] = (
        "Give a prompt, or messages with roles. The client chooses the model, may show the request to its user first, "
        "and may refuse; modelPreferences only hint. The flow waits, also through a restart of the server, and no node "
        "runs twice. Not every client has a model to lend: the node fails where there is none. llm_chat asks an "
        "endpoint of your own instead."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "prompt": "Summarise in one sentence: {{ trigger.text }}",
        "systemPrompt": "You write plainly.",
        "maxTokens": 200,
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "prompt": {
                "type": "string",
                "title": "Prompt",
                "description": "One message of the user, in place of messages.",
                "minLength": 1,
            },
            "messages": {
                "type": "array",
                "title": "Messages",
                "description": "The conversation so far, oldest first.",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {
                        "role": {"type": "string", "enum": ["user", "assistant"]},
                        "content": {
                            "description": "Text, or a content block: text, image or audio, as MCP writes it.",
                            "type": ["string", "object"],
                            "if": {"type": "object"},
                            "then": {
                                "properties": {
                                    "type": {"enum": ["text", "image", "audio"]},
                                    "text": {"type": "string"},
                                    "data": {"type": "string", "description": "The bytes as base64."},
                                    "mimeType": {"type": "string"},
                                },
                                "required": ["type"],
                                "if": {"properties": {"type": {"const": "text"}}},
                                "then": {"required": ["text"]},
                                "else": {"required": ["data", "mimeType"]},
                                "additionalProperties": False,
                            },
                        },
                    },
                    "required": ["role", "content"],
                    "additionalProperties": False,
                },
            },
            "systemPrompt": {"type": "string", "title": "System prompt"},
            "maxTokens": {
                "type": "integer",
                "title": "Most tokens",
                "description": "How long the answer may be.",
                "minimum": 1,
                "default": MAX_TOKENS,
            },
            "temperature": {"type": "number", "title": "Temperature", "minimum": 0, "maximum": 2},
            "stopSequences": {
                "type": "array",
                "title": "Stop sequences",
                "description": "Texts at which the model stops.",
                "items": {"type": "string"},
            },
            "modelPreferences": {
                "type": "object",
                "title": "Model preferences",
                "description": "Hints for the client's choice; priorities are from 0 to 1.",
                "properties": {
                    "hints": {
                        "type": "array",
                        "description": "Names or parts of names, the first that fits is preferred.",
                        "items": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}},
                            "additionalProperties": False,
                        },
                    },
                    "costPriority": _PRIORITY,
                    "speedPriority": _PRIORITY,
                    "intelligencePriority": _PRIORITY,
                },
                "additionalProperties": False,
            },
            "answerWithin": ANSWER_WITHIN,
        },
        "oneOf": [{"required": ["prompt"]}, {"required": ["messages"]}],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    asks: ClassVar[QuestionKind] = "model"

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Ask, and give out the answer."""
        messages = []
        for message in parameters.get("messages") or [{"role": "user", "content": parameters["prompt"]}]:
            content = message["content"]
            block = {"type": "text", "text": content} if isinstance(content, str) else content
            messages.append({"role": message["role"], "content": block})
        asked = {"messages": messages, "maxTokens": parameters.get("maxTokens", MAX_TOKENS)}
        asked |= {name: parameters[name] for name in _SENT if name in parameters}
        answer = context.ask(Question("model", asked, parameters.get("answerWithin", ANSWER_SECONDS)))
        content = answer.get("content")
        return NodeResult(
            {
                "text": _text(content),
                "content": content,
                "model": answer.get("model"),
                "stopReason": answer.get("stopReason"),
            }
        )

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The text, what it was part of, and what the client says of the model."""
        named = {"type": ["string", "null"]}
        return closed({"text": {"type": "string"}, "content": UNKNOWN, "model": named, "stopReason": named})


def _text(content: Any) -> str:
    """The text blocks of the answer, which is one block or several."""
    blocks = content if isinstance(content, list) else [content]
    texts = [block.get("text") for block in blocks if isinstance(block, Mapping) and block.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))
