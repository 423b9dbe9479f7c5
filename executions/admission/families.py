"""How many executions one call from outside has started: flows that call each other can double with each level."""

import asyncio
from itertools import count

from executions.admission.allowances import MAX_FAMILY
from executions.admission.doors import doors
from executions.admission.sharing import sharing


class Numbers(count):  # type: ignore[type-arg] # it takes no type at run time
    """Counts the executions of a family that this process starts.

    `root` is the id of the first one, `most` how many there may be.
    """

    root = ""
    most = MAX_FAMILY
    started = 0
    is_shared = False
    """Whether other processes may run some of it, because a node calls FlowHub by its own address."""
    _told = 0

    async def has_room(self) -> bool:
        """Count one more; whether there may be that many, in all processes together where there is Redis."""
        started: int = next(self)
        self.started = started
        if self.is_shared and doors.leases is not None and sharing.is_on:
            started = await asyncio.to_thread(sharing.counted, self._tell, lambda: started)
        return started <= self.most

    def share(self) -> None:
        """Other processes may start more from now on."""
        if not self.is_shared:
            self.is_shared = True
            if doors.leases is not None and self.started:
                self._told = self.started
                doors.leases.tell(self.root, self.started)

    def _tell(self) -> int:
        assert doors.leases is not None  # noqa: S101 - asked before
        started = self.started
        number = doors.leases.family(self.root, started - self._told)
        self._told = started
        return number
