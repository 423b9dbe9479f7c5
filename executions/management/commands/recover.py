"""`manage.py recover`: end executions whose process died or whose deadline passed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from executions.ledger import counts
from executions.running import recovery


class Command(BaseCommand):
    """The sweep that serving processes also do every few seconds."""

    help = "End executions of dead processes (interrupted) and executions past their deadline (timeout)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Look only, or also count anew."""
        parser.add_argument("--dry-run", action="store_true", help="Say what would be ended, change nothing.")
        parser.add_argument("--recount", action="store_true", help="Also make the counters anew, after a restore.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep once and say what was ended."""
        swept = recovery.sweep(dry_run=options["dry_run"])
        verb = "Would end" if options["dry_run"] else "Ended"
        self.stdout.write(f"{verb} {swept.interrupted} interrupted and {swept.timed_out} overdue executions.")
        if options["recount"] and not options["dry_run"]:
            counts.recount()
            self.stdout.write("Counted anew.")
