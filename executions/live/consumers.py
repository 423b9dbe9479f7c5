"""The sockets of open pages. A socket says which executions changed; the page then asks for them as it always does."""

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Any

from channels.auth import get_user
from channels.generic.websocket import AsyncWebsocketConsumer

from executions.database import in_database
from executions.live.announcer import announcer, group_of_flow, group_of_person, group_of_user
from flows.models import Flow, servers_shared_with

RECHECK_SECONDS = 60.0
"""How long a socket may outlive the login, or the permission, that it was opened with, where nobody says that it ended;
usually somebody does (`executions.live.rights`)."""

NOT_LOGGED_IN = 4401
NOT_FOUND = 4404


MAX_SHARED_FLOWS = 200
"""Flows of servers that others own, of whose executions the list of all hears while it is open."""


def _shared_groups(user: Any) -> set[str]:
    flows = Flow.objects.filter(server__in=servers_shared_with(user)).order_by("pk")
    return {group_of_flow(pk) for pk in flows.values_list("pk", flat=True)[:MAX_SHARED_FLOWS]}


class _Refused(Exception):
    """Nobody may watch this, or not any more; `code` closes the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _sees_flow(user: Any, flow_id: int) -> bool:
    return Flow.objects.visible_to(user).filter(pk=flow_id).exists()


class FlowSocket(AsyncWebsocketConsumer):
    """A socket in a group for as long as its person may see what its address names."""

    group = ""
    person = ""
    """The group of all sockets of its person."""
    user: Any = None
    _keeper: asyncio.Task[None] | None = None

    def group_for(self, user: Any, flow_id: int | None) -> str:
        """The group of those who watch a flow, which `user` may see, or all that `user` may see."""
        raise NotImplementedError

    async def entered(self, group: str) -> None:
        """What is to be done once the socket is in its group."""

    async def stayed(self) -> None:
        """What is to be done now and then while it is there."""

    async def left(self, group: str) -> None:
        """What is to be done once it is not there any more."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one socket and leave nothing behind, however it ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._leave()

    async def connect(self) -> None:
        """Join the group of what the address names, for who may see it."""
        # Accepted before it is refused: browsers learn the close code only of a socket that was open.
        await self.accept()
        announcer.attach()
        try:
            group = await self._permitted_group()
            self.person = group_of_person(self.user.pk)
            await self.channel_layer.group_add(self.person, self.channel_name)
            await self._permitted_group()  # what ended meanwhile was told to nobody
        except _Refused as refused:
            await self.close(refused.code)
            return
        await self.channel_layer.group_add(group, self.channel_name)
        self.group = group
        self._keeper = asyncio.get_running_loop().create_task(self._stay_permitted())
        await self.entered(group)
        # From here on nothing is missed; the page asks once for what changed before.
        await self.send(json.dumps({"watching": True}))

    async def _permitted_group(self) -> str:
        # The session is read anew: the one in the scope is as old as the socket.
        session = self.scope["session"].__class__(self.scope["session"].session_key)
        self.user = await get_user({"session": session})
        if not self.user.is_authenticated:
            raise _Refused(NOT_LOGGED_IN)
        flow_id = self.scope["url_route"]["kwargs"].get("flow_id")
        if flow_id is not None and not await in_database(partial(_sees_flow, self.user, flow_id)):
            raise _Refused(NOT_FOUND)
        return self.group_for(self.user, flow_id)

    async def rights_changed(self, message: dict[str, Any]) -> None:
        """Look at once whether the person may still watch this."""
        if self.group and await self._is_still_permitted():
            await self.stayed()

    async def _is_still_permitted(self) -> bool:
        """Whether it is; else the socket is closed."""
        try:
            if await self._permitted_group() != self.group:
                raise _Refused(NOT_FOUND)
        except _Refused as refused:
            await self.close(refused.code)
            return False
        return True

    async def _stay_permitted(self) -> None:
        """Look now and then; joining again keeps the groups from forgetting the socket after a day."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if not await self._is_still_permitted():
                return
            for group in (self.group, self.person):
                await self.channel_layer.group_add(group, self.channel_name)
            await self.stayed()

    async def _leave(self) -> None:
        person, self.person = self.person, ""
        if person:
            with suppress(Exception):  # as below
                await self.channel_layer.group_discard(person, self.channel_name)
        if not self.group:
            return
        group, self.group = self.group, ""
        if self._keeper is not None:
            self._keeper.cancel()
        # Whatever the channel layer raises, it forgets the socket by itself after a while.
        with suppress(Exception):
            await self.left(group)
            await self.channel_layer.group_discard(group, self.channel_name)


class ExecutionsConsumer(FlowSocket):
    """Watches the executions of one flow, or all that the user may see; what the browser sends is ignored.

    Of servers that others own, those are the flows of the first MAX_SHARED_FLOWS, looked up anew now and then.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shared: set[str] = set()

    def group_for(self, user: Any, flow_id: int | None) -> str:
        """Of the flow, or of the user."""
        return group_of_user(user) if flow_id is None else group_of_flow(flow_id)

    async def entered(self, group: str) -> None:
        """Have the announcer collect what changes."""
        announcer.watch(group)
        await self.stayed()

    async def stayed(self) -> None:
        """Watch the flows that are shared with the person now, and no others."""
        wanted = set()
        if self.group == group_of_user(self.user) and not self.user.is_superuser:
            wanted = await in_database(partial(_shared_groups, self.user))
        for group in self._shared - wanted:
            self._shared.remove(group)
            announcer.unwatch(group)
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in wanted:
            if group not in self._shared:
                self._shared.add(group)
                announcer.watch(group)
            await self.channel_layer.group_add(group, self.channel_name)

    async def left(self, group: str) -> None:
        """With the last one that watches a group nothing is collected for it any more."""
        announcer.unwatch(group)
        while self._shared:
            each = self._shared.pop()
            announcer.unwatch(each)
            await self.channel_layer.group_discard(each, self.channel_name)

    async def executions_changed(self, message: dict[str, Any]) -> None:
        """Pass on what the announcer says."""
        await self.send(json.dumps({"executions": message["executions"], "more": message["more"]}))
