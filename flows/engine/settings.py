"""How a node is executed: for how long, how often, and what follows when it fails for good."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

OnError = Literal["stop", "continue", "handle"]

ERROR = "error"
"""The extra handle of a node whose `onError` is `handle`."""

MAX_SECONDS = 86_400
"""The longest timeout of a node, and the longest wait before an attempt: a day."""
MAX_ATTEMPTS = 10
"""Attempts of one node."""
_SECONDS = {"type": "number", "minimum": 0, "maximum": MAX_SECONDS}

SETTINGS_SCHEMA: Mapping[str, Any] = {
    "title": "NodeSettings",
    "type": "object",
    "properties": {
        "timeoutSeconds": {
            "type": "number",
            "minimum": 0.001,
            "maximum": MAX_SECONDS,
            "description": "How long one attempt may take; without it, as long as the flow may.",
        },
        "retries": {
            "type": "object",
            "properties": {
                "attempts": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_ATTEMPTS,
                    "description": "How often the node is tried in all.",
                },
                "backoffSeconds": _SECONDS
                | {"default": 1, "description": "The wait after the first attempt; it doubles with each further one."},
                "maxBackoffSeconds": _SECONDS | {"default": 60, "description": "The longest such wait."},
                "jitter": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "default": 0.2,
                    "description": "The share of each wait that is left to chance, so that many calls do not come back "
                    "at one moment.",
                },
            },
            "required": ["attempts"],
            "additionalProperties": False,
        },
        "onError": {
            "type": "string",
            "enum": ["stop", "continue", "handle"],
            "default": "stop",
            "description": (
                "When the node fails for good: stop ends the flow; continue goes on at main, and handle at the extra "
                'handle error, both with {"error": {"message": ..., "kind": ..., "nodeName": ...}} as the output.'
            ),
        },
    },
    "additionalProperties": False,
}
"""JSON Schema of a node's `settings` in a definition."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node's settings; `attempts` counts the first one, waits are in seconds, `jitter` is a share, 0 to 1."""

    timeout_seconds: float | None = None
    attempts: int = 1
    backoff_seconds: float = 1.0
    max_backoff_seconds: float = 60.0
    jitter: float = 0.2
    on_error: OnError = "stop"

    def pause_after(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after the attempt of that number, 1 for the first; at least what the failure `asked` for."""
        longest = min(self.max_backoff_seconds, self.backoff_seconds * float(2 ** (attempt - 1)))
        pause = longest * (1 - self.jitter * random.random())  # noqa: S311 - it hides nothing
        return max(pause, asked or 0.0)


def read(raw: Mapping[str, Any]) -> NodeSettings | None:
    """The settings that a definition spells, which fit SETTINGS_SCHEMA; None when they change nothing."""
    retries = raw.get("retries", {})
    settings = NodeSettings(
        timeout_seconds=raw.get("timeoutSeconds"),
        attempts=int(retries.get("attempts", 1)),
        backoff_seconds=retries.get("backoffSeconds", 1.0),
        max_backoff_seconds=retries.get("maxBackoffSeconds", 60.0),
        jitter=retries.get("jitter", 0.2),
        on_error=raw.get("onError", "stop"),
    )
    changes_something = settings.timeout_seconds is not None or settings.attempts > 1 or settings.on_error != "stop"
    return settings if changes_something else None
