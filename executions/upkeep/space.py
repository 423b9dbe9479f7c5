"""The room that executions take on disk, flow by flow, and how what is free goes back to the system."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Func, IntegerField, Sum
from django.db.models.functions import Coalesce

from executions.models import Execution, ExecutionCount, ExecutionQuerySet
from flows.models import Flow, FlowVersion

SAMPLE = 100
"""How many of the oldest and of the newest executions are measured; the others are taken to be like them."""

OTHER_BYTES = 800
"""What the short columns and the index entries of an execution take, roughly."""

LARGEST = 100
"""How many flows `shares` measures."""

PAGES_A_STEP = 256
PAUSE_SECONDS = 0.02
CHECKPOINT_MS = 1_000


@dataclass(frozen=True, slots=True)
class FlowShare:
    """Executions of one flow, or of all deleted flows; `size` is about how many bytes they take."""

    flow: Flow | None
    rows: int
    size: int
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def name(self) -> str:
        """Server and tool name."""
        return f"{self.flow.server.slug}/{self.flow.tool_name}" if self.flow else "(deleted flows)"


@dataclass(frozen=True, slots=True)
class Space:
    """The database on disk in bytes; `free` is what it keeps for later, None where that is not known."""

    size: int
    free: int | None


class Bytes(Func):
    """How many bytes the text of a column holds."""

    template = "OCTET_LENGTH(%(expressions)s::text)"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """SQLite has OCTET_LENGTH only since 3.43."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def size_of_one(executions: ExecutionQuerySet) -> float:
    """How many bytes one of these executions takes on average, from a sample of both ends."""
    payloads = [Coalesce(Bytes(name), 0) for name in ("initial_params", "node_executions", "result", "error_info")]
    measured = executions.annotate(bytes=sum(payloads[1:], payloads[0])).values_list("bytes", flat=True)
    ends = measured.order_by("id"), measured.order_by("-id")
    sizes = [size for end in ends for size in end[:SAMPLE]]
    return OTHER_BYTES + sum(sizes) / len(sizes) if sizes else 0.0


def shares() -> list[FlowShare]:
    """The LARGEST flows by executions, and the deleted flows together; as many queries whatever the number of rows."""
    counts = ExecutionCount.objects.filter(hour=ExecutionCount.ALL_HOURS).values_list("flow_key")
    rows = dict(counts.annotate(rows=Sum("number")).order_by())
    flows = Flow.objects.select_related("server").only("tool_name", "server__slug").in_bulk()
    of_deleted = sum(number for key, number in rows.items() if key not in flows)
    largest = sorted(flows.values(), key=lambda flow: (-rows.get(flow.pk, 0), flow.pk))[:LARGEST]
    found = [_share(flow, rows.get(flow.pk, 0)) for flow in largest]
    return [*found, _share(None, of_deleted)] if of_deleted > 0 else found


def _share(flow: Flow | None, rows: int) -> FlowShare:
    executions = Execution.objects.filter(flow=flow)
    starts = executions.values_list("started_at", flat=True)
    oldest, newest = starts.order_by("id").first(), starts.order_by("-id").first()
    return FlowShare(flow, rows, round(rows * size_of_one(executions)), oldest, newest)


def space() -> Space:
    """How large the whole database is now."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return Space(cursor.fetchone()[0], None)
        page = _pragma("page_size")
        wal = Path(f"{connection.settings_dict['NAME']}-wal")
        log = wal.stat().st_size if wal.exists() else 0
        return Space(_pragma("page_count") * page + log, _pragma("freelist_count") * page)


def _pragma(text: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {text}")
        found = cursor.fetchone()
    return int(found[0]) if found else 0


def give_back() -> Iterator[int]:
    """Return free space to the system while calls run; yields the bytes of each step.

    On SQLite the file shrinks. On PostgreSQL the space serves new executions; a file shrinks where its end is free.
    """
    if connection.vendor == "postgresql":
        yield from _vacuum()
    else:
        yield from _shrink()


def _shrink() -> Iterator[int]:
    page = _pragma("page_size")
    while free := _pragma("freelist_count"):
        began = time.monotonic()
        with connection.cursor() as cursor:
            # `execute` would leave it after the first page, because it returns no columns.
            cursor.executescript(f"PRAGMA incremental_vacuum({PAGES_A_STEP})")
        if (freed := free - _pragma("freelist_count")) <= 0:
            break
        yield freed * page
        time.sleep(max(time.monotonic() - began, PAUSE_SECONDS))
    # While it waits for readers nobody can write, so it must not wait for long. Busy: a later checkpoint does it.
    patience = _pragma("busy_timeout")
    _pragma(f"busy_timeout = {CHECKPOINT_MS}")
    _pragma("wal_checkpoint(TRUNCATE)")
    _pragma(f"busy_timeout = {patience}")


def _vacuum() -> Iterator[int]:
    before = space().size
    for model in (Execution, ExecutionCount, FlowVersion):
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM {connection.ops.quote_name(model._meta.db_table)}")
    yield max(before - space().size, 0)
