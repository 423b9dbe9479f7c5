"""Stands between a server and PostgreSQL, and can lose the answer to one commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg import conninfo

from tests.faults.databases import POSTGRES


class Middleman:
    """Passes bytes on in both directions."""

    def __init__(self) -> None:
        self.port = 0
        self.lost = asyncio.Event()
        self._statement: bytes | None = None

    def lose_the_answer_to(self, statement: bytes) -> None:
        """Break the connection of the next transaction that holds `statement`, once PostgreSQL has committed it."""
        self._statement = statement
        self.lost.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the server under test."""
        parts = conninfo.conninfo_to_dict(POSTGRES)
        upstream = await asyncio.open_connection(parts.get("host", "127.0.0.1"), int(parts.get("port", 5432)))
        committing = asyncio.Event()
        pumps = {
            asyncio.create_task(self._ask(reader, upstream[1], committing)),
            asyncio.create_task(self._answer(upstream[0], writer, committing)),
        }
        try:
            _, pending = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pending:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            writer.close()
            upstream[1].close()

    async def _ask(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, committing: asyncio.Event) -> None:
        holds_it = False
        while chunk := await source.read(1 << 20):
            holds_it = holds_it or (self._statement is not None and self._statement in chunk)
            if holds_it and b"COMMIT" in chunk:
                self._statement = None
                committing.set()
            target.write(chunk)
            await target.drain()

    async def _answer(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, committing: asyncio.Event
    ) -> None:
        while chunk := await source.read(1 << 20):
            if committing.is_set() and b"COMMIT" in chunk:
                self.lost.set()
                return
            target.write(chunk)
            await target.drain()


@asynccontextmanager
async def middleman() -> AsyncIterator[Middleman]:
    """A middleman that listens on a free port of its own."""
    between = Middleman()
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(server.wait_closed(), 1)
