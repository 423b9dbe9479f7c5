"""Requests that do not reach the SDK: what they are answered, as HTTP and as JSON-RPC."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mcp_types import INVALID_REQUEST

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

RETRY_LATER = {"retry-after": "5"}


class Refused(Exception):
    """A request that is not passed on: HTTP status, what to change, headers, JSON-RPC error code and request id."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: dict[str, str] | None = None,
        *,
        code: int = INVALID_REQUEST,
        data: Any = None,
        request_id: str | int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        self.body = {"jsonrpc": "2.0", "id": request_id, "error": error}


async def refuse(refused: Refused, send: Send) -> None:
    """Answer a request that was refused."""
    body = json.dumps(refused.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))} | refused.headers
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
