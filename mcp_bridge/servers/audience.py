"""Who hears when what a server offers changes: legacy sessions, and modern `subscriptions/listen` streams."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, SubscriptionsListenRequestParams, SubscriptionsListenResult

from executions.running.targets import Target
from mcp_bridge.calls import own_tools
from mcp_bridge.calls.resources import find
from mcp_bridge.calls.tools import principal_of
from mcp_bridge.catalogue.snapshot import Catalogue, Snapshot
from mcp_bridge.keys.principals import Principal

logger = logging.getLogger(__name__)

MAX_STREAMS = 1000
"""`subscriptions/listen` streams of one server in one process."""

MAX_URIS = 200
"""Resources that one client may subscribe to."""

TELL_SECONDS = 2.0
"""How long a client that reads slowly may hold up the next announcement."""


TOO_MANY_URIS = f"Subscribe to at most {MAX_URIS:,} resources."

EVENTS: tuple[ServerEvent, ...] = (ToolsListChanged(), PromptsListChanged(), ResourcesListChanged())

Described = dict[str, tuple[Mapping[str, Any], str | None]]
Tell = Callable[[ServerEvent], Awaitable[None]]
"""How a client is told of an event: on its session's stream, or on the stream of its `subscriptions/listen`."""


@dataclass(frozen=True, slots=True)
class CatalogueChanges:
    """What is different between two snapshots.

    `lists` has, for each list that changed, the tools that a key must be allowed to notice; None is seen by everybody.
    """

    lists: list[tuple[ServerEvent, frozenset[str | None]]]
    are_resources_others: bool


@dataclass(eq=False, slots=True)
class Listener:
    """One client, what it may see, and what it can know of; `uris` are the resources that it subscribed to.

    `known` is None for a session that was taken up after things have changed: it is told once it `is_listening`.
    `end` ends the stream of a `subscriptions/listen`; a handshake client's ends with its session.
    """

    principal: Principal | None
    known: Snapshot | None
    tell: Tell
    is_listening: Callable[[], bool] = lambda: True
    uris: set[str] = field(default_factory=set)
    end: Callable[[], None] = lambda: None

    def events(self, snapshot: Snapshot, changes: CatalogueChanges) -> list[ServerEvent]:
        """What this client is told now that it knows `snapshot`; `changes` are those since what it knew."""
        before, self.known = self.known, snapshot
        told: list[ServerEvent] = [event for event, guards in changes.lists if any(map(self._passes, guards))]
        watched = sorted(self.uris) if changes.are_resources_others else []
        return told + [ResourceUpdated(uri) for uri in watched if self._differs(before, snapshot, uri)]

    def subscribe(self, uri: str) -> None:
        """Have the client told when what is at the URI changes; raises MCPError when it asks for too many."""
        if len(self.uris) >= MAX_URIS and uri not in self.uris:
            raise MCPError(INVALID_PARAMS, TOO_MANY_URIS)
        self.uris.add(uri)

    def _passes(self, guard: str | None) -> bool:
        return self.principal is None or guard is None or self.principal.may_call(guard)

    def _differs(self, before: Snapshot | None, now: Snapshot, uri: str) -> bool:
        old, new = (snapshot and find(snapshot, self.principal, uri) for snapshot in (before, now))
        return (old and old[0].fingerprint) != (new and new[0].fingerprint)


class Audience:
    """The clients of one server that listen."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._listeners: set[Listener] = set()
        self._handlers: set[ListenHandler] = set()
        self._is_over = False
        self.open_gets = 0
        """GET streams, on which legacy clients listen."""

    @property
    def snapshot(self) -> Snapshot:
        """What is offered now."""
        return self._catalogue.snapshot

    @property
    def is_listening(self) -> bool:
        """Whether anybody would hear an announcement."""
        return bool(self.open_gets or self._handlers)

    def add(self, principal: Principal | None, tell: Tell, is_listening: Callable[[], bool] = lambda: True) -> Listener:
        """Have `tell` called after each change of what the principal sees."""
        listener = Listener(principal, self.snapshot, tell, is_listening)
        self._listeners.add(listener)
        return listener

    def remove(self, listener: Listener) -> None:
        """The client is gone."""
        self._listeners.discard(listener)

    async def listen(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve `subscriptions/listen` until the client hangs up or `end` is called.

        Each stream has a handler and a bus of its own, because each caller sees tools of its own.
        """
        uris = params.notifications.resource_subscriptions or []
        if len(uris) > MAX_URIS:
            raise MCPError(INVALID_PARAMS, TOO_MANY_URIS)
        if self._is_over or len(self._handlers) >= MAX_STREAMS:
            raise MCPError(INTERNAL_ERROR, "This server takes no more listeners now. Wait a little and listen again.")
        bus = InMemorySubscriptionBus()
        handler = ListenHandler(bus)
        listener = self.add(principal_of(ctx), bus.publish)
        listener.uris.update(uris)
        listener.end = handler.close
        self._handlers.add(handler)
        try:
            return await handler(ctx, params)
        finally:
            self._handlers.discard(handler)
            self.remove(listener)

    async def announce(self) -> None:
        """Tell everybody whose lists or resources are others than before, each thing once."""
        snapshot = self.snapshot
        changes: dict[int, CatalogueChanges] = {}  # most listeners know the same snapshot
        telling = []
        for listener in self._listeners:
            known = listener.known
            if known is None and not listener.is_listening():
                continue
            if id(known) not in changes:
                changes[id(known)] = changes_between(known, snapshot)
            events = listener.events(snapshot, changes[id(known)])
            if events:
                telling.append(_tell(listener, events))
        await asyncio.gather(*telling)

    @property
    def principals(self) -> set[Principal]:
        """Who listens with a key."""
        return {each.principal for each in self._listeners if each.principal is not None}

    def end_of(self, principal_ids: Set[str]) -> None:
        """Close the modern streams of these principals."""
        for listener in self._listeners:
            if listener.principal is not None and listener.principal.id in principal_ids:
                listener.end()

    def end(self) -> None:
        """Close the modern streams in good order; the legacy ones end with their sessions."""
        self._is_over = True
        for handler in self._handlers:
            handler.close()


async def _tell(listener: Listener, events: list[ServerEvent]) -> None:
    try:
        async with asyncio.timeout(TELL_SECONDS):
            for event in events:
                await listener.tell(event)
    except Exception as error:  # one client that is half gone must not keep the others from hearing
        logger.debug("a client was not told of a change: %r", error)


def legacy_tell(connection: Connection) -> Tell:
    """How the client of a handshake session is told."""

    async def tell(event: ServerEvent) -> None:
        if isinstance(event, ResourceUpdated):
            await connection.send_resource_updated(event.uri)
        elif isinstance(event, PromptsListChanged):
            await connection.send_prompt_list_changed()
        elif isinstance(event, ResourcesListChanged):
            await connection.send_resource_list_changed()
        else:
            await connection.send_tool_list_changed()

    return tell


def changes_between(before: Snapshot | None, now: Snapshot) -> CatalogueChanges:
    """What clients that know the one snapshot would notice of the other; anything, where none is known."""
    if before is None:
        return CatalogueChanges([(event, frozenset({None})) for event in EVENTS], are_resources_others=True)
    pairs = zip(EVENTS, _described(before), _described(now), strict=True)
    lists = [(event, frozenset(_guards(old, new))) for event, old, new in pairs if old != new]
    return CatalogueChanges(lists, _prints(before) != _prints(now))


def _prints(snapshot: Snapshot) -> dict[str, tuple[str, str | None]]:
    return {uri: (each.fingerprint, _guard(each.target)) for uri, each in snapshot.resources.items()}


def _guards(old: Described, new: Described) -> Iterator[str | None]:
    for key in old.keys() | new.keys():
        if old.get(key) != new.get(key):
            yield from (each[key][1] for each in (old, new) if key in each)


def _described(snapshot: Snapshot) -> tuple[Described, Described, Described]:
    """What is listed, in the order of EVENTS: by key, the words of the list and the tool that guards it."""
    own: Described = {name: (own_tool.wire, name) for name, own_tool in own_tools.offered(snapshot).items()}
    return (
        own | {name: (tool.modern, name) for name, tool in snapshot.tools.items()},
        {name: (prompt.wire, _guard(prompt.target)) for name, prompt in snapshot.prompts.items()},
        {uri: (resource.wire, _guard(resource.target)) for uri, resource in snapshot.resources.items()},
    )


def _guard(target: Target | None) -> str | None:
    return target.tool_name if target else None
