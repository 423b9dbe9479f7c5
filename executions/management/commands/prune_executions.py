"""`manage.py prune_executions`: delete executions that are no longer wanted, while calls run."""

import argparse
import re
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from executions.management.progress import ProgressBar
from executions.record.status import TERMINAL, Status
from executions.upkeep import retention, space
from executions.upkeep.retention import Criteria
from executions.upkeep.space import FlowShare
from flows.models import Flow

HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24}
MAX_CHUNK = 5_000
"""Executions that one transaction deletes."""


def age(text: str) -> timedelta:
    """`90d`, `12h`, `2w` or `6m` (months of 30 days)."""
    if not (found := re.fullmatch(r"(\d{1,5})([hdwm])", text)):
        raise argparse.ArgumentTypeError(f"{text!r}: write a number and h, d, w or m (30 days), as 90d")
    return timedelta(hours=int(found[1]) * HOURS[found[2]])


def whole(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}: write a whole number")
    return int(text)


class Command(BaseCommand):
    """Preview, ask, delete in small transactions, give space back."""

    help = (
        "Delete executions by age, number, status or flow; several criteria narrow each other down. "
        "Executions that are pending or pinned stay. Without it everything is kept for ever."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to delete, and how."""
        parser.add_argument("--older-than", type=age, metavar="AGE", help="Started longer ago than 12h, 90d, 2w or 6m.")
        parser.add_argument("--keep", type=whole, metavar="N", help="Spare the newest N of each flow.")
        parser.add_argument("--status", choices=sorted(TERMINAL), help="Only those that ended so.")
        parser.add_argument("--flow", metavar="ID|TOOL", help="Only those of this flow.")
        parser.add_argument("--server", metavar="SLUG", help="The server of --flow, when several have that tool.")
        parser.add_argument("--dry-run", action="store_true", help="Only show what would be deleted.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")
        parser.add_argument("--chunk", type=whole, default=retention.CHUNK, help="Executions a transaction.")
        parser.add_argument("--vacuum", action="store_true", help="Also give the freed space back to the system.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what goes, then let it go."""
        criteria = self._criteria(options)
        if not 1 <= options["chunk"] <= MAX_CHUNK:
            raise CommandError(f"--chunk is a number from 1 to {MAX_CHUNK}.")
        shares = retention.preview(criteria)
        self._show(shares)
        if options["dry_run"]:
            return
        if not (options["yes"] or self._is_wanted(shares)):
            raise CommandError("Nothing was deleted.")
        self._prune(criteria, sum(share.rows for share in shares), options["chunk"])
        if options["vacuum"]:
            self._give_back()

    def _criteria(self, options: dict[str, Any]) -> Criteria:
        older_than, status = options["older_than"], options["status"]
        criteria = Criteria(
            before=timezone.now() - older_than if older_than is not None else None,
            keep=options["keep"],
            status=Status(status) if status else None,
            flow=_flow(options["flow"], options["server"]),
        )
        if criteria.is_empty:
            raise CommandError("Say what to delete: --older-than, --keep, --status or --flow.")
        return criteria

    def _show(self, shares: list[FlowShare]) -> None:
        lines = [("FLOW", "ROWS", "BYTES", "OLDEST", "NEWEST")]
        for share in shares:
            oldest, newest = (f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (share.oldest, share.newest))
            lines.append((share.name, f"{share.rows:,}", _size(share.size), oldest, newest))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for cells in lines if shares else []:
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            self.stdout.write("  ".join(padded).rstrip())
        rows, size = sum(share.rows for share in shares), sum(share.size for share in shares)
        self.stdout.write(f"{rows:,} executions, about {_size(size)}.")

    def _is_wanted(self, shares: list[FlowShare]) -> bool:
        if not shares or not sys.stdin.isatty():
            return True
        return input("Delete them? [y/N] ").strip().lower() in {"y", "yes"}

    def _prune(self, criteria: Criteria, total: int, chunk: int) -> None:
        progress = ProgressBar(self.stdout, "Deleted", total)
        for deleted in retention.prune(criteria, chunk):
            progress.add(deleted)
        if total:
            progress.end()
        if versions := retention.remove_orphaned_versions():
            self.stdout.write(f"Removed {versions} versions of deleted flows.")
        if drafts := retention.remove_orphaned_drafts():
            self.stdout.write(f"Removed {drafts} drafts that ran in nothing that is left.")

    def _give_back(self) -> None:
        before = space.space()
        progress = ProgressBar(self.stdout, "Bytes given back", before.free or 0)
        for freed in space.give_back():
            progress.add(freed)
        if before.free is not None:
            progress.end()
        after = space.space()
        self.stdout.write(f"The database takes {_size(after.size)}; before it took {_size(before.size)}.")
        if after.free and after.free == before.free:
            self.stderr.write("This database file was made without auto_vacuum: stop the server and run VACUUM on it.")


def _flow(text: str | None, server: str | None) -> Flow | None:
    """The flow of an id, or of a tool name that is unique or whose server is given."""
    if text is None:
        if server is not None:
            raise CommandError("--server says which --flow is meant; give both.")
        return None
    found = Flow.objects.select_related("server")
    found = found.filter(pk=int(text)) if text.isdecimal() else found.filter(tool_name=text)
    flows = list(found if server is None else found.filter(server__slug=server))
    if not flows:
        raise CommandError(f"There is no flow {text!r}{f' on server {server!r}' if server else ''}.")
    if len(flows) > 1:
        slugs = ", ".join(sorted(flow.server.slug for flow in flows))
        raise CommandError(f"Several servers have {text!r}: say which with --server ({slugs}).")
    return flows[0]


def _size(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")
