"""The message that a client received, stored as what it has beside the flow's answer: large answers are kept once.

`result` is what the flow answered, whatever speaks to the client. What was sent is that and a little more: blocks that
say where to look, `_meta`, the era's `resultType`, a value wrapped as handshake clients were told.
"""

from collections.abc import Mapping
from typing import Any

WRAPPED = "result"
"""The key under which handshake clients get a structured answer that is no object."""

_OF_ANSWER = ("content", "structuredContent", "isError")


def difference(result: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    """What `message` has beside the answer that it was made of; `message_of` puts both together again.

    `{"rest", "blocks", "isWrapped"}`: further keys, further content blocks, whether the structured answer stands under
    WRAPPED; `{"whole": message}` when it cannot be told so, like a prompt made of an answer.
    """
    content, sent = result["content"], message.get("content", [])
    is_plain = message.get("structuredContent") == result.get("structuredContent")
    is_wrapped = not is_plain and message.get("structuredContent") == {WRAPPED: result.get("structuredContent")}
    has_all = [key in message for key in _OF_ANSWER] == [key in result for key in _OF_ANSWER]
    if not (has_all and (is_plain or is_wrapped) and sent[: len(content)] == content):
        return {"whole": dict(message)}
    rest = {key: value for key, value in message.items() if key not in _OF_ANSWER}
    return {"rest": rest, "blocks": sent[len(content) :], "isWrapped": is_wrapped}


def message_of(result: Any, told: Any) -> Any:
    """The message as it was sent, as far as the record holds it; `result` alone where nothing is known of it."""
    if not isinstance(told, Mapping) or not isinstance(result, Mapping):
        return result
    if "whole" in told:
        return told["whole"]
    message = dict(result)
    if isinstance(content := result.get("content"), list) and isinstance(blocks := told.get("blocks"), list):
        message["content"] = [*content, *blocks]
    if told.get("isWrapped") and "structuredContent" in message:
        message["structuredContent"] = {WRAPPED: message["structuredContent"]}
    rest = told.get("rest")
    return {**message, **rest} if isinstance(rest, Mapping) else message
