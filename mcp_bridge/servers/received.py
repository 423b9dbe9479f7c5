"""The SDK takes a message as the gateway has read it: its own parsers are more lenient, and each body is parsed once.

Like server.py, this file uses names private to the SDK (mcp 2.3): those by which its two eras parse a body.
"""

import json
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from mcp.server import _streamable_http_modern, streamable_http
from pydantic_core import from_json

_received: ContextVar[list[Any]] = ContextVar("received")


def hand_on(message: Any) -> None:
    """Have the SDK take this for what stands in the next body that it reads in this context."""
    # A list, so that whoever takes it leaves nothing behind for what lives longer than the request.
    _received.set([message])


def _read(body: bytes) -> Any:
    received = _received.get(None)
    return received.pop() if received else from_json(body)


_streamable_http_modern.json = SimpleNamespace(loads=_read, dumps=json.dumps)  # type: ignore[assignment, attr-defined]
streamable_http.pydantic_core = SimpleNamespace(from_json=_read)  # type: ignore[assignment, attr-defined]
