"""The sockets of pages on which a draft is built: who else is at it, and that it was stored.

The sockets of a flow know of each other by what they tell their group, so that it works with several processes too. A
page says that it has stored something; the others then ask for the draft, as they do when they get the focus.
"""

import json
import time
from contextlib import suppress
from typing import Any

from executions.database import in_database
from executions.live import consumers
from flows.models import Flow
from flows.values.scopes import Scope

STORED = "stored"
"""What a page sends; everything else is ignored."""


class BuildersConsumer(consumers.FlowSocket):
    """Tells a page of the others that are open on the same draft, and when one of them has stored it.

    The browser gets `{"others": [{"name": text or null, "isYou": bool}]}`, and `{"stored": true}`. Names are told to
    who sees everything; a person's own further pages are told as such.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._others: dict[str, tuple[float, dict[str, Any]]] = {}
        """By their channels: when they were last heard of, and who they are."""

    def group_for(self, user: Any, flow_id: int | None) -> str:
        """Of the flow."""
        return f"flows.builders.{flow_id}"

    async def entered(self, group: str) -> None:
        """Tell the others, and have them answer."""
        await self.channel_layer.group_send(group, self._here(asks=True))

    async def stayed(self) -> None:
        """Tell the others again; those whose process ended without a word are forgotten."""
        await self.channel_layer.group_send(self.group, self._here(asks=False))
        oldest = time.monotonic() - 2.5 * consumers.RECHECK_SECONDS
        if gone := [channel for channel, (heard, _) in self._others.items() if heard < oldest]:
            for channel in gone:
                del self._others[channel]
            await self._tell()

    async def left(self, group: str) -> None:
        """Tell those who stay."""
        await self.channel_layer.group_send(group, {"type": "builders.left", "channel": self.channel_name})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Tell the others that the draft was stored; of who may not store one, nothing is passed on."""
        if self.group and text_data == STORED and await in_database(self._may_store):
            message = {"type": "builders.stored", "channel": self.channel_name}
            with suppress(Exception):  # each channel layer has errors of its own; the others hear of it later then
                await self.channel_layer.group_send(self.group, message)

    async def builders_here(self, message: dict[str, Any]) -> None:
        """Somebody is there; whoever came just now does not know of this one yet."""
        channel = message["channel"]
        if channel == self.channel_name:
            return
        is_new = channel not in self._others
        self._others[channel] = time.monotonic(), message["person"]
        if message["asks"]:
            await self.channel_layer.send(channel, self._here(asks=False))
        if is_new:
            await self._tell()

    async def builders_left(self, message: dict[str, Any]) -> None:
        """Somebody is there no more."""
        if self._others.pop(message["channel"], None):
            await self._tell()

    async def builders_stored(self, message: dict[str, Any]) -> None:
        """Somebody has stored the draft."""
        if message["channel"] != self.channel_name:
            await self.send(json.dumps({"stored": True}))

    def _may_store(self) -> bool:
        flow_id = self.scope["url_route"]["kwargs"]["flow_id"]
        return Flow.objects.visible_to(self.user, Scope.FLOWS_WRITE).filter(pk=flow_id).exists()

    def _here(self, *, asks: bool) -> dict[str, Any]:
        person = {"id": self.user.pk, "name": self.user.get_username()}
        return {"type": "builders.here", "channel": self.channel_name, "person": person, "asks": asks}

    async def _tell(self) -> None:
        others = [person for _, person in self._others.values()]
        shown = [
            {"name": each["name"] if self.user.is_superuser else None, "isYou": each["id"] == self.user.pk}
            for each in others
        ]
        await self.send(json.dumps({"others": shown}))
