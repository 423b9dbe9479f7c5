"""The handshake sessions that are open in this process: how they are taken up, how many there are, whose end first.

A session is kept in the database (kept.py), so a client may send each message to another process, and goes on after a
restart. Each process that has it open serves it alone; what a client answers, cancels or sets reaches the others by
Redis (feed.py). Like server.py, this file uses names private to the SDK (mcp 2.3).
"""

import heapq
import json
import logging
import math
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

import anyio
from django.conf import settings
from django.db import DatabaseError
from mcp.server.auth.middleware.bearer_auth import AuthorizationContext
from mcp.server.connection import Connection
from mcp.server.lowlevel.server import Server
from mcp.server.runner import serve_connection
from mcp.server.streamable_http import GET_STREAM_KEY, EventCallback, EventMessage, StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import SessionMessage
from mcp_types import InitializeRequestParams, jsonrpc_message_adapter

from executions.database import in_database
from mcp_bridge.calls.tools import Client
from mcp_bridge.keys.principals import KeyUser, Principal
from mcp_bridge.models import HandshakeSession
from mcp_bridge.servers import kept
from mcp_bridge.servers.audience import TELL_SECONDS, Audience, legacy_tell
from mcp_bridge.servers.resumption import SessionEvents
from mcp_bridge.wire.refusals import RETRY_LATER, Refused
from mcp_bridge.wire.streams import opening

logger = logging.getLogger(__name__)

AT_ONCE = 100
"""One in so many sessions ends when there are too many: to look for them costs more than to end them."""

PUBLIC = "callers without a key"

LEVEL = "log level"
LISTENER = "listener"
"""Where a connection keeps what its client set by `logging/setLevel`, and the one who hears of changes for it."""

_SESSION_ID = re.compile(r"[0-9a-f]{32}")


def holder_of(context: AuthorizationContext | None) -> str:
    """The key, or the client of a person, that a session belongs to."""
    return PUBLIC if context is None else f"{context['client_id']} of {context['subject']}"


@dataclass(frozen=True, slots=True)
class Session:
    """One open session of a hosted server."""

    manager: "FairSessionManager"
    id: str
    holder: str
    transport: "ResumableTransport"

    @property
    def is_idle(self) -> bool:
        """Whether the client has neither a message under way nor a stream open."""
        return self.transport.idle_scope is not None and self.transport._requests_in_flight == 0

    @property
    def only_listens(self) -> bool:
        """Whether all that the client has open is the stream on which it listens."""
        return self.transport._requests_in_flight == 1 and self.transport.is_listening()

    @property
    def idle_since(self) -> float:
        """When its last request ended, by the clock of the loop plus the idle timeout; infinite when it is not idle."""
        scope = self.transport.idle_scope
        return scope.deadline if scope is not None else float("inf")

    def end(self) -> None:
        """Close it here at once; it is taken up again with its next message, if it is kept."""
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
    reread_at: float = math.inf
    """When to look, by the monotonic clock, at what is kept of the session; never, for one that is not kept."""
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

    def is_listening(self) -> bool:
        """Whether the client has a stream open on which it hears of changes."""
        return GET_STREAM_KEY in self._request_streams

    def awaits(self, message: Mapping[str, Any]) -> bool:
        """Whether a notification or answer is about a request that this process has under way with the client."""
        dispatcher: Any = self.connection.outbound if self.connection is not None else None
        params = message.get("params")
        asked = params if isinstance(params, dict) else {}
        match message.get("method"):
            case None:
                table, request_id = "_pending", message.get("id")
            case "notifications/progress":
                table, request_id = "_pending", asked.get("progressToken")
            case "notifications/cancelled":
                table, request_id = "_in_flight", asked.get("requestId")
            case _:
                return True  # it is about none
        return isinstance(request_id, str | int) and coerce_request_id(request_id) in getattr(dispatcher, table, ())

    def remember(self, row: HandshakeSession) -> None:
        """Take over what another process may have stored of the session."""
        self.reread_at = time.monotonic() + kept.REREAD_SECONDS
        if self.connection is not None:
            self.connection.state[LEVEL] = row.level or None
            if (listener := self.connection.state.get(LISTENER)) is not None:
                listener.uris = set(row.uris)

    async def _mint_priming_event(self, stream_id: str, protocol_version: str) -> dict[str, Any] | None:
        event = await super()._mint_priming_event(stream_id, protocol_version)
        if event is not None:
            text = f"id: {event['id']}\r\ndata: \r\nretry: {self._retry_interval}\r\n\r\n"
            opening.get().event = text.encode()
        return None


class FairSessionManager(StreamableHTTPSessionManager):
    """The SDK's session manager, with one limit for all servers together, a store of events for each session, and
    sessions that are kept in the database.
    """

    def __init__(self, server: Server[Any], sessions: Sessions, audience: Audience, **options: Any) -> None:
        super().__init__(server, max_sessions=None, **options)
        self._sessions = sessions
        self._audience = audience
        sessions.add(self)

    def __len__(self) -> int:
        return len(self._server_instances)

    def __iter__(self) -> Iterator[Session]:
        for session_id in self._server_instances:
            transport = self._transport(session_id)
            if transport is not None:
                yield Session(self, session_id, holder_of(self._session_owners.get(session_id)), transport)

    def _transport(self, session_id: str) -> ResumableTransport | None:
        """That of a session which is open here."""
        transport = self._server_instances.get(session_id)
        return transport if isinstance(transport, ResumableTransport) else None

    def is_under_way(self, session_id: str, request_id: str | int) -> bool:
        """Whether a request of that id is not answered yet; the SDK would mix the answers of two of them up."""
        transport = self._transport(session_id)
        if transport is None:
            return False
        return str(request_id) in transport._request_streams or str(request_id) in transport.direct

    async def keep(self, connection: Connection, principal: Principal | None, handshake: Mapping[str, Any]) -> None:
        """Store a session that is being opened, with the params on which both sides agreed.

        Where that fails, or the client says too much of itself, the session ends with this process.
        """
        session_id, snapshot = connection.session_id or "", self._audience.snapshot
        transport = self._transport(session_id)
        if transport is None:
            return
        self._attach(transport, connection, principal)
        if len(json.dumps(handshake)) > kept.MAX_HANDSHAKE_BYTES:
            return
        row = HandshakeSession(
            id=session_id,
            server_id=snapshot.server_id,
            holder=holder_of(self._session_owners.get(session_id)),
            handshake=handshake,
            offered=snapshot.mark,
        )
        most = kept.MAX_OF_STRANGERS if row.holder == PUBLIC else kept.MAX_OF_HOLDER
        try:
            await in_database(partial(kept.keep, row, most))
            transport.reread_at = time.monotonic() + kept.REREAD_SECONDS
        except DatabaseError as error:
            logger.warning("a session of %s ends with this process: %s", row.holder, error)

    async def take_up(self, session_id: str, user: KeyUser | None) -> None:
        """Have a session open here, if it is kept and the caller's; if not, the SDK answers 404. Raises DatabaseError.

        One that is open is looked at again from time to time: its client may have ended it at another process.
        """
        transport, context = self._transport(session_id), None if user is None else user.context
        reread_at = 0.0 if transport is None else transport.reread_at
        is_strange = transport is not None and self._session_owners.get(session_id) != context
        if time.monotonic() < reread_at or is_strange or not _SESSION_ID.fullmatch(session_id):
            return
        of_caller = session_id, self._audience.snapshot.server_id, holder_of(context)
        row = await in_database(partial(kept.find, *of_caller))
        if row is None:
            if (gone := self._transport(session_id)) is not None:
                Session(self, session_id, of_caller[2], gone).end()
            return
        async with self._session_creation_lock:
            if session_id not in self._server_instances:
                await self._open_again(row, context, None if user is None else user.principal)
        if (transport := self._transport(session_id)) is not None:
            transport.remember(row)

    async def _open_again(
        self, row: HandshakeSession, context: AuthorizationContext | None, principal: Principal | None
    ) -> None:
        """As the SDK opens a session, with the handshake that it had."""
        transport = self._admit_session(context)
        assert isinstance(transport, ResumableTransport)  # noqa: S101 (as `_admit_session` makes it)
        self.forget(transport.mcp_session_id or "")
        transport.mcp_session_id = row.id

        async def serve(*, task_status: Any) -> None:
            async with transport.connect() as streams:
                # A client that pipelines another handshake sees it done, as in the SDK's loop.
                dispatcher: Any = JSONRPCDispatcher(*streams, inline_methods=frozenset({"initialize"}))
                connection = Connection.for_loop(dispatcher, session_id=row.id)
                connection.client_params = InitializeRequestParams.model_validate(row.handshake, by_name=False)
                connection.protocol_version = str(connection.client_params.protocol_version)
                connection.initialized.set()
                self._attach(transport, connection, principal)
                if row.offered != self._audience.snapshot.mark:
                    connection.state[LISTENER].known = None
                task_status.started()
                try:
                    with transport.idle_scope or anyio.CancelScope():
                        state = self._lifespan_state
                        await serve_connection(self.app, dispatcher, connection=connection, lifespan_state=state)
                except Exception:
                    logger.exception("session %s crashed", row.id)
                finally:
                    await self._discard_session(row.id, transport)

        tasks: Any = self._task_group
        await tasks.start(serve)
        self._server_instances[row.id] = transport
        if context is not None:
            self._session_owners[row.id] = context

    def _attach(self, transport: ResumableTransport, connection: Connection, principal: Principal | None) -> None:
        """Know the connection of a session, and have its client told of changes until it ends."""
        if transport.connection is connection:
            return
        transport.connection = connection
        # Another process may ask the same client something: no two requests to it have one id.
        dispatcher: Any = connection.outbound
        dispatcher._next_id = secrets.randbits(48)
        listener = self._audience.add(principal, legacy_tell(connection), transport.is_listening)
        connection.state[LISTENER] = listener
        connection.exit_stack.callback(self._audience.remove, listener)

    async def change(self, session_id: str, **values: Any) -> None:
        """Store what a client has set since the handshake, and tell the other processes."""
        await in_database(partial(kept.change, session_id, **values))
        await self._tell(session_id, {"changed": True})

    async def end(self, session_id: str, user: KeyUser | None) -> None:
        """Forget for good what is kept of a session that is the caller's; the SDK closes it here."""
        context = None if user is None else user.context
        if session_id in self._server_instances and self._session_owners.get(session_id) == context:
            await in_database(partial(kept.end, session_id))
            await self._tell(session_id, {"ended": True})

    async def pass_around(self, session_id: str, message: Mapping[str, Any]) -> None:
        """Give the other processes an answer, a cancellation or progress of which this one knows no request."""
        transport = self._transport(session_id)
        if transport is not None and not transport.awaits(message):
            await self._tell(session_id, {"message": message})

    async def _tell(self, session_id: str, word: Mapping[str, Any]) -> None:
        if settings.REDIS_URL:
            from mcp_bridge.servers import feed  # its import takes most of a second

            await feed.publish_of_session({"server": self._audience.snapshot.slug, "session": session_id, **word})

    async def hear(self, word: Mapping[str, Any]) -> None:
        """Do what another process has told of a session."""
        transport = self._transport(word["session"])
        if transport is None:
            return
        if "ended" in word:
            Session(self, word["session"], "", transport).end()
        elif "after" in word:
            if isinstance(transport._event_store, SessionEvents) and transport._event_store.has(word["after"]):
                tasks: Any = self._task_group
                tasks.start_soon(self._replay_for, transport, word["after"], word["to"])
        elif "changed" in word:
            transport.reread_at = 0.0
        elif transport.awaits(word["message"]) and transport._read_stream_writer is not None:
            message = jsonrpc_message_adapter.validate_python(word["message"], by_name=False)
            with anyio.move_on_after(TELL_SECONDS):
                await transport._read_stream_writer.send(SessionMessage(message))

    async def _replay_elsewhere(self, transport: ResumableTransport, event_id: str, send: EventCallback) -> None:
        """Have the process that sent an event send what followed it, and send that on."""
        from mcp_bridge.servers import feed  # its import takes most of a second

        word = {"server": self._audience.snapshot.slug, "session": transport.mcp_session_id, "after": event_id}
        async for event in feed.answers_to(word):
            message = jsonrpc_message_adapter.validate_python(event["message"], by_name=False)
            await send(EventMessage(message, event["id"]))

    async def _replay_for(self, transport: ResumableTransport, event_id: str, to: str) -> None:
        """The same at the process that has it; meanwhile the client counts as there."""
        from mcp_bridge.servers import feed

        transport._requests_in_flight += 1
        try:
            async with feed.answering(to) as answer:

                async def send(event: EventMessage) -> None:
                    await answer(
                        {
                            "id": event.event_id,
                            "message": event.message.model_dump(by_alias=True, mode="json", exclude_unset=True),
                        }
                    )

                assert transport._event_store is not None  # noqa: S101 (as `hear` has found)
                await transport._event_store.replay_events_after(event_id, send)
        finally:
            transport._requests_in_flight -= 1

    async def reread_subscriptions(self) -> None:
        """Know what clients that listen here have subscribed to at other processes. Raises DatabaseError."""
        listening = {session.id: session.transport.connection for session in self if session.transport.is_listening()}
        uris = await in_database(partial(kept.uris_of, listening)) if listening else {}
        for session_id, connection in listening.items():
            if connection is not None and session_id in uris:
                connection.state[LISTENER].uris = set(uris[session_id])

    def client_of(self, session_id: str, user: KeyUser | None) -> Client | None:
        """The client of a session that is open, and open to this caller; None where the SDK has to say what is wrong.

        The SDK's manager and transport check the same before they read a message.
        """
        transport = self._transport(session_id)
        if transport is None or transport.is_terminated:
            return None
        if self._session_owners.get(session_id) != (None if user is None else user.context):
            return None
        is_ending = transport.idle_scope is None or transport.idle_scope.cancel_called
        return None if is_ending else transport.client

    @contextmanager
    def holding(self, session_id: str, request_id: str | int) -> Iterator[None]:
        """A request of a session that does not pass through its transport: meanwhile the session is not idle."""
        transport = self._transport(session_id)
        # As `client_of` has found.
        assert transport is not None  # noqa: S101
        scope = transport.idle_scope
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
        transport = self._transport(session_id)
        return transport is not None and transport._requests_in_flight > 0

    def end_of(self, client_id: str) -> None:
        """End every session of a key."""
        for session in list(self):
            if session.holder.startswith(f"{client_id} of "):
                session.end()

    def forget(self, session_id: str) -> None:
        """Know the id no longer."""
        self._server_instances.pop(session_id, None)
        self._session_owners.pop(session_id, None)

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        self._sessions.make_room(holder_of(requestor))
        transport = super()._admit_session(requestor)
        if transport is not None:
            transport.__class__ = ResumableTransport
            elsewhere = partial(self._replay_elsewhere, transport) if settings.REDIS_URL else None  # type: ignore[arg-type] # since above
            transport._event_store = SessionEvents(elsewhere)
        return transport

    async def _discard_session(self, session_id: str, transport: StreamableHTTPServerTransport) -> None:
        if isinstance(transport._event_store, SessionEvents):
            transport._event_store.close()
        await super()._discard_session(session_id, transport)
