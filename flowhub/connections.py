"""Connections of `manage.py serve`: uvicorn's, for peers that send or read too slowly, or without an end.

uvicorn waits for a head, and for a reader, for as long as it takes; and httptools takes a head of any size, and no body
behind one that offers another protocol.
"""

import asyncio
import sys
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 128 * 1024
"""A head that is longer than this is refused before it is whole; for MCP the gateway allows less."""

HEAD_SECONDS = 30.0
"""How long a head may take to arrive, from its first byte or from the beginning of the connection."""

CHECK_SECONDS = 15.0
LEAST_BYTES = 64 * 1024
"""A peer for whom more is waiting than the socket takes has to read this much between two checks."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class _Joined:
    """The transport of one answer: its head is sent with what is written next, if that comes in the same turn of the
    event loop. uvicorn writes both apart, and to send is a good part of what a quick answer costs.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send; what is written first, by the end of this turn."""
        if self._head is None:
            self._head = data
            self._loop.call_soon(self._send_head)
        elif self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is left, and end the connection."""
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)


class Connection(HttpToolsProtocol):
    """One connection. It ends by itself when its peer keeps memory for nothing."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_bytes = 0
        self._awaits_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._waiting_bytes = 0
        self._data = b""
        self._leaves_offer = False

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
        self._data = data
        super().data_received(data)
        if not self._awaits_head or self.transport.is_closing():
            return
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end)
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self.logger.warning("A head of more than %d bytes was refused.", MAX_HEAD_BYTES)
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._awaits_head, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """The head is here."""
        self._stop_waiting()
        is_offered = self.parser.should_upgrade()
        self._leaves_offer = is_offered and not self._should_upgrade()
        if not self._leaves_offer:
            super().on_headers_complete()
            if not is_offered:
                self.cycle.transport = _Joined(self.transport, self.loop)  # type: ignore[assignment] # all it uses

    def on_message_complete(self) -> None:
        """The body is here too; but for a head that is going to be read once more."""
        if not self._leaves_offer:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Go on without the other protocol, as RFC 9110, 7.8 lets a server do: Java and `curl --http2` offer HTTP/2.

        The parser has stopped behind the head and takes the body for that protocol's, so another one reads the head
        again, without the offer. uvicorn calls this while it handles the parser's exception, which says where that was.
        """
        stop = sys.exception()
        rest = self._data[stop.args[0] :] if isinstance(stop, httptools.HttpParserUpgrade) else b""
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                value = b"close" if b"close" in value.lower() else b"keep-alive"
            if name not in (b"upgrade", b"http2-settings"):
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(b"".join([*head, b"\r\n", rest]))

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
