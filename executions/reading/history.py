"""The history of a flow, of an owner or of everybody, page by page, at a cost that does not grow with its length.

Totals come from the counters. For a page far back the counters by hour say in which hour it begins, so the database
skips at most the executions of that one hour instead of everything newer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import F, Q, Sum

from executions.ledger.counts import start_of
from executions.models import Execution, ExecutionCount, ExecutionQuerySet
from executions.reading.filters import ExecutionFilter, Found
from executions.reading.paging import Page, page_number
from executions.reading.statistics import status_counts
from executions.record.status import Status
from flows.models import Flow, servers_shared_with

NEAR = 2_000
"""Rows that are quicker skipped by the database than found through the counters."""


@dataclass(frozen=True, slots=True)
class History:
    """Executions, newest first: those of a flow, or all that a user may see; `status` narrows them down."""

    executions: ExecutionQuerySet
    keys: Q
    """Which counters count them."""
    status: Status | None = None
    owner_id: int | None = None
    """Whose they are, where they are all that one person owns."""

    @classmethod
    def of_flow(cls, flow: Any, user: Any) -> "History":
        """A flow's history, for who may see the flow."""
        return cls(Execution.objects.of_flow(flow, user), Q(flow_key=flow.pk))

    @classmethod
    def visible_to(cls, user: Any) -> "History":
        """All that `user` may see, of deleted flows too."""
        executions = Execution.objects.visible_to(user)
        if getattr(user, "key_limits", None) is not None:
            return cls(executions, Q(flow_key__in=list(Flow.objects.visible_to(user).values_list("pk", flat=True))))
        if user.is_superuser:
            return cls(executions, Q())
        own, shared = Q(owner_key=user.pk or 0), servers_shared_with(user) if user.pk else ()
        if not shared:
            return cls(executions, own, owner_id=user.pk or 0)
        flows = Flow.objects.filter(server__in=shared).values_list("pk", flat=True)
        return cls(executions, own | Q(flow_key__in=list(flows)))

    def in_status(self, status: Status | None) -> "History":
        """The same history, of one status or of all."""
        return replace(self, status=status)

    def totals(self) -> dict[str, int]:
        """How many executions there are of each status, and of `all`; `status` does not matter."""
        counts = ExecutionCount.objects.filter(self.keys, hour=ExecutionCount.ALL_HOURS)
        found = dict(counts.values_list("status").annotate(total=Sum("number")).order_by())
        by_status = {status.value: max(found.get(status.value, 0), 0) for status in Status}
        return {"all": sum(by_status.values())} | by_status

    def page(self, number: object, limit: int, totals: Mapping[str, int] | None = None) -> Page[Execution]:
        """One page; `number` may be any text, and beyond the end it means the last page."""
        return Listing(self).page(number, limit, totals or self.totals())

    def rows(self, offset: int, limit: int) -> list[Execution]:
        """Rows of the list from `offset`, without their JSON."""
        rows = self.narrowed().for_list().with_version_number().newest_first()
        if offset > NEAR:
            hour, skipped = self._hour_of(offset)
            if hour is None:
                return []
            rows, offset = rows.started(before=start_of(hour + 1)), offset - skipped
        return list(rows[offset : offset + limit])

    def narrowed(self) -> ExecutionQuerySet:
        """The executions of the status."""
        if self.status is None:
            return self.executions
        if self.owner_id is None or self.status == Status.FULFILLED or connection.vendor != "sqlite":
            return self.executions.in_status(self.status)
        # SQLite keeps no statistics: it would ask all of the owner's executions for their status. Few are pending or
        # failed, so it must read their own small index, and ask those for their owner; a sum has no index.
        few = Execution.objects.in_status(self.status)
        return few.alias(its_owner=F("owner_id") + 0).filter(its_owner=self.owner_id)

    def _hour_of(self, offset: int) -> tuple[int | None, int]:
        """The hour that holds the row at `offset`, and how many rows are newer than that hour."""
        counts = ExecutionCount.objects.filter(self.keys, hour__gte=0)
        if self.status is not None:
            counts = counts.filter(status=self.status)
        hours = counts.values_list("hour").annotate(total=Sum("number")).order_by("-hour")
        skipped = 0
        for hour, total in hours.iterator(chunk_size=1000):
            if skipped + total > offset:
                return hour, skipped
            skipped += total
        return None, skipped


@dataclass(frozen=True, slots=True)
class Listing:
    """A history as somebody asks for it: through the counters where they know, else by reading what was `found`."""

    history: History
    found: Found | None = None

    @classmethod
    def of(cls, history: History, chosen: ExecutionFilter) -> "Listing":
        """What a valid filter leaves of a history."""
        status = chosen.form.cleaned_data["status"]
        wanted = history.in_status(Status(status) if status else None)
        if not chosen.narrows:
            return cls(wanted)
        searched = history.in_status(Status.ERROR) if chosen.wants_errors else history
        return cls(wanted, chosen.find(searched.narrowed()))

    @property
    def searched(self) -> int | None:
        """How many of the newest executions were looked at, when older ones were left out; None when all were."""
        return self.found.searched if self.found else None

    def counts(self) -> dict[str, int]:
        """How many there are of each status, whatever status is chosen, and of `all`."""
        return status_counts(self.found.any_status) if self.found else self.history.totals()

    def total(self, counts: Mapping[str, int]) -> int:
        """How many rows the list has."""
        return counts[self.history.status.value if self.history.status else "all"]

    def rows(self, offset: int, limit: int) -> list[Execution]:
        """Rows of the list from `offset`, without their JSON."""
        if self.found is None:
            return self.history.rows(offset, limit)
        rows = self.found.executions.for_list().with_version_number().newest_first()
        return list(rows[offset : offset + limit])

    def page(self, number: object, limit: int, counts: Mapping[str, int]) -> Page[Execution]:
        """One page; `number` may be any text, and beyond the end it means the last page."""
        total = self.total(counts)
        at = page_number(number, total, limit)
        return Page(self.rows((at - 1) * limit, limit) if total else [], total, at, limit)
