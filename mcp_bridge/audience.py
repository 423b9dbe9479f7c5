"""Who hears when the tools of a server change: legacy sessions, and modern `subscriptions/listen` streams."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, SubscriptionsListenRequestParams, SubscriptionsListenResult

from mcp_bridge.auth import Principal
from mcp_bridge.catalogue import Offer, Snapshot
from mcp_bridge.tools import principal_of

logger = logging.getLogger(__name__)

MOST_STREAMS = 1000
"""`subscriptions/listen` streams of one server in one process."""

TELL_SECONDS = 2.0
"""How long a client that reads slowly may hold up the next announcement."""


@dataclass(eq=False, slots=True)
class Listener:
    """One client, what it may see, and the tools that it can know of."""

    principal: Principal | None
    known: Snapshot
    tell: Callable[[], Awaitable[None]]

    def misses(self, snapshot: Snapshot) -> bool:
        """Whether the list of this client is another one now; it is told either way that it knows `snapshot`."""
        names = changed_names(self.known, snapshot)
        self.known = snapshot
        return any(self.principal is None or self.principal.may_call(name) for name in names)


class Audience:
    """The clients of one server that listen."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._listeners: set[Listener] = set()
        self._handlers: set[ListenHandler] = set()
        self._is_over = False
        self.open_gets = 0
        """GET streams, on which legacy clients listen."""

    @property
    def is_listening(self) -> bool:
        """Whether anybody would hear an announcement."""
        return bool(self.open_gets or self._handlers)

    def add(self, principal: Principal | None, tell: Callable[[], Awaitable[None]]) -> Listener:
        """Have `tell` called after each change of what the principal sees."""
        listener = Listener(principal, self._offer.snapshot, tell)
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
        if self._is_over or len(self._handlers) >= MOST_STREAMS:
            raise MCPError(INTERNAL_ERROR, "This server takes no more listeners now. Wait a little and listen again.")
        bus = InMemorySubscriptionBus()
        handler = ListenHandler(bus)
        listener = self.add(principal_of(ctx), lambda: bus.publish(ToolsListChanged()))
        self._handlers.add(handler)
        try:
            return await handler(ctx, params)
        finally:
            self._handlers.discard(handler)
            self.remove(listener)

    async def announce(self) -> None:
        """Tell everybody whose list is another one than before, once."""
        snapshot = self._offer.snapshot
        concerned = [listener for listener in self._listeners if listener.misses(snapshot)]
        await asyncio.gather(*map(_tell, concerned))

    def end(self) -> None:
        """Close the modern streams in good order; the legacy ones end with their sessions."""
        self._is_over = True
        for handler in self._handlers:
            handler.close()


async def _tell(listener: Listener) -> None:
    try:
        async with asyncio.timeout(TELL_SECONDS):
            await listener.tell()
    except Exception as error:  # one client that is half gone must not keep the others from hearing
        logger.debug("a client was not told of changed tools: %r", error)


def changed_names(before: Snapshot, now: Snapshot) -> set[str]:
    """The tools that came, went or are described in other words."""
    old, new = _described(before), _described(now)
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def _described(snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    return {name: tool.modern for name, tool in snapshot.tools.items()}
