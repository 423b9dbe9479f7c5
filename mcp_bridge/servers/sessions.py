"""How many handshake sessions a process keeps, and whose end when there are too many.

Like server.py, this file uses names private to the SDK (mcp 2.3).
"""

import heapq
import logging
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import anyio
from django.conf import settings
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.connection import Connection
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http import GET_STREAM_KEY, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from mcp_bridge.calls.tools import Client
from mcp_bridge.keys.principals import KeyUser
from mcp_bridge.servers.resumption import SessionEvents
from mcp_bridge.wire.refusals import RETRY_LATER, Refused
from mcp_bridge.wire.streams import opening

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""One in so many sessions ends when there are too many: to look for them costs more than to end them."""

PUBLIC = "callers without a key"


def holder_of(context: AuthorizationContext | None) -> str:
    """The key, or the client of a person, that a session belongs to."""
    return PUBLIC if context is None else f"{context['client_id']} of {context['subject']}"


@dataclass(frozen=True, slots=True)
class Session:
    """One open session of a hosted server."""

    manager: "FairSessionManager"
    id: str
    holder: str
    transport: StreamableHTTPServerTransport

    @property
    def is_idle(self) -> bool:
        """Whether the client has neither a message under way nor a stream open."""
        return self.transport.idle_scope is not None and self.transport._requests_in_flight == 0

    @property
    def only_listens(self) -> bool:
        """Whether all that the client has open is the stream on which it listens."""
        return self.transport._requests_in_flight == 1 and GET_STREAM_KEY in self.transport._request_streams

    @property
    def idle_since(self) -> float:
        """When its last request ended, by the clock of the loop plus the idle timeout; infinite when it is not idle."""
        scope = self.transport.idle_scope
        return scope.deadline if scope is not None else float("inf")

    def end(self) -> None:
        """Forget it at once: its id answers 404, and the client has to initialize again."""
        self.manager.forget(self.id)
        if self.transport.idle_scope is not None:
            self.transport.idle_scope.cancel()


class Sessions:
    """The sessions of all servers of one event loop."""

    def __init__(self) -> None:
        self._managers: WeakSet[FairSessionManager] = WeakSet()

    def add(self, manager: "FairSessionManager") -> None:
        """Count the sessions of a server too."""
        self._managers.add(manager)

    def __len__(self) -> int:
        return sum(len(manager) for manager in self._managers)

    def make_room(self, holder: str) -> None:
        """Have room for one more session of `holder`; raises Refused (503) when nobody's can end for it.

        Whoever holds most gives way: longest idle first, and to others also those that only listen. So one key cannot
        keep the others out, and may use all that is there while nobody else wants it.
        """
        if len(self) < settings.MAX_SESSIONS:
            return
        sessions = [session for manager in self._managers for session in manager]
        counts = Counter(session.holder for session in sessions)
        greediest = max(counts, key=lambda name: (counts[name], name == holder))
        spare = [
            session
            for session in sessions
            if session.holder == greediest and (session.is_idle or (greediest != holder and session.only_listens))
        ]
        if not spare:
            raise Refused(503, "This server has as many sessions as it may. Wait a little and try again.", RETRY_LATER)
        ended = heapq.nsmallest(max(1, settings.MAX_SESSIONS // AT_ONCE), spare, key=lambda session: session.idle_since)
        for session in ended:
            session.end()
        logger.warning("%d sessions are open; ended the %d longest idle of %s", len(sessions), len(ended), greediest)


class ResumableTransport(StreamableHTTPServerTransport):
    """Says how to come back in the same write as the first event: an event of its own costs 4% of a quick call.

    It also knows its client, whose plain calls do not pass through it.
    """

    connection: Connection | None = None
    """That of the handshake, from its first message on."""
    direct: frozenset[str] = frozenset()
    """The ids of requests under way that do not pass through here."""
    _client: tuple[Any, Client] | None = None

    @property
    def client(self) -> Client | None:
        """Who has shaken hands; None before that."""
        connection = self.connection
        said = connection.client_params if connection is not None else None
        if connection is None or said is None:
            return None
        if self._client is None or self._client[0] is not said:
            self._client = said, Client.of(connection.protocol_version, said.client_info, said.capabilities)
        return self._client[1]

    async def _mint_priming_event(self, stream_id: str, protocol_version: str) -> dict[str, Any] | None:
        event = await super()._mint_priming_event(stream_id, protocol_version)
        if event is not None:
            text = f"id: {event['id']}\r\ndata: \r\nretry: {self._retry_interval}\r\n\r\n"
            opening.get().event = text.encode()
        return None


class FairSessionManager(StreamableHTTPSessionManager):
    """The SDK's session manager, with one limit for all servers together and a store of events for each session."""

    def __init__(self, server: Server[Any], sessions: Sessions, **options: Any) -> None:
        super().__init__(server, max_sessions=None, **options)
        self._sessions = sessions
        sessions.add(self)

    def __len__(self) -> int:
        return len(self._server_instances)

    def __iter__(self) -> Iterator[Session]:
        for session_id, transport in self._server_instances.items():
            yield Session(self, session_id, holder_of(self._session_owners.get(session_id)), transport)

    def is_under_way(self, session_id: str, request_id: str | int) -> bool:
        """Whether a request of that id is not answered yet; the SDK would mix the answers of two of them up."""
        transport = self._server_instances.get(session_id)
        if not isinstance(transport, ResumableTransport):
            return False
        return str(request_id) in transport._request_streams or str(request_id) in transport.direct

    def note(self, connection: Connection) -> None:
        """Know the connection of a session that is being opened."""
        transport = self._server_instances.get(connection.session_id or "")
        if isinstance(transport, ResumableTransport):
            transport.connection = connection

    def client_of(self, session_id: str, user: KeyUser | None) -> Client | None:
        """The client of a session that is open, and open to this caller; None where the SDK has to say what is wrong.

        The SDK's manager and transport check the same before they read a message.
        """
        transport = self._server_instances.get(session_id)
        if not isinstance(transport, ResumableTransport) or transport.is_terminated:
            return None
        if self._session_owners.get(session_id) != (None if user is None else user.context):
            return None
        is_ending = transport.idle_scope is None or transport.idle_scope.cancel_called
        return None if is_ending else transport.client

    @contextmanager
    def holding(self, session_id: str, request_id: str | int) -> Iterator[None]:
        """A request of a session that does not pass through its transport: meanwhile the session is not idle."""
        transport = self._server_instances[session_id]
        scope = transport.idle_scope
        # As `client_of` has found.
        assert isinstance(transport, ResumableTransport)  # noqa: S101
        assert scope is not None  # noqa: S101
        transport.direct |= {str(request_id)}
        transport._requests_in_flight += 1
        scope.deadline = math.inf
        try:
            yield
        finally:
            transport.direct -= {str(request_id)}
            transport._requests_in_flight -= 1
            if not transport._requests_in_flight and transport._idle_timeout is not None:
                scope.deadline = anyio.current_time() + transport._idle_timeout

    def is_open(self, session_id: str) -> bool:
        """Whether the client of a session has a message under way, or a stream open."""
        transport = self._server_instances.get(session_id)
        return transport is not None and transport._requests_in_flight > 0

    def end_of(self, client_id: str) -> None:
        """End every session of a key."""
        for session in list(self):
            if session.holder.startswith(f"{client_id} of "):
                session.end()

    def forget(self, session_id: str) -> None:
        """Answer 404 to the id from now on."""
        self._server_instances.pop(session_id, None)
        self._session_owners.pop(session_id, None)

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        self._sessions.make_room(holder_of(requestor))
        transport = super()._admit_session(requestor)
        if transport is not None:
            transport.__class__ = ResumableTransport
            transport._event_store = SessionEvents()
        return transport

    async def _discard_session(self, session_id: str, transport: StreamableHTTPServerTransport) -> None:
        if isinstance(transport._event_store, SessionEvents):
            transport._event_store.close()
        await super()._discard_session(session_id, transport)
