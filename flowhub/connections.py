"""Connections of `manage.py serve`: uvicorn's, for peers that send or read too slowly, or without an end.

uvicorn waits for a head, and for a reader, for as long as it takes; and httptools takes a head of any size.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 128 * 1024
"""A head that is longer than this is refused before it is whole; for MCP the gateway allows less."""

HEAD_SECONDS = 30.0
"""How long a head may take to arrive, from its first byte or from the beginning of the connection."""

CHECK_SECONDS = 15.0
LEAST_BYTES = 64 * 1024
"""A peer for whom more is waiting than the socket takes has to read this much between two checks."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """One connection. It ends by itself when its peer keeps memory for nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._awaits_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._waiting_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a head, but not for ever."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is left to wait for."""
        self._stop_waiting()
        self._read_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head are counted."""
        super().data_received(data)
        if not self._awaits_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.logger.warning("A head of more than %d bytes was refused.", MOST_HEAD_BYTES)
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._awaits_head, self._head_bytes = True, 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end)

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._stop_waiting()
        super().on_headers_complete()

    def _stop_waiting(self) -> None:
        self._awaits_head, self._head_bytes = False, 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self) -> None:
        self._head_timer = None
        self.transport.close()

    def pause_writing(self) -> None:
        """More is waiting for the peer than the socket takes."""
        super().pause_writing()
        self._waiting_bytes = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(CHECK_SECONDS, self._check_reader)

    def resume_writing(self) -> None:
        """The peer has read."""
        self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _check_reader(self) -> None:
        """End the connection of a peer that has read nearly nothing; what was to be sent is not kept for it."""
        waiting = self.transport.get_write_buffer_size()
        if self._waiting_bytes - waiting < LEAST_BYTES:
            self.logger.warning("A connection was ended: its peer left %d bytes unread.", waiting)
            self.transport.abort()
            return
        self._waiting_bytes = waiting
        self._write_timer = self.loop.call_later(CHECK_SECONDS, self._check_reader)
