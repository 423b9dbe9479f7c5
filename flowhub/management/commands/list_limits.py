"""`manage.py list_limits`: every limit of the code; with --write into docs/limits.md."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from flowhub import limits


class Command(BaseCommand):
    """Show or write the page of limits."""

    help = "Print every limit with its value, what it limits, and the module that holds it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the page goes."""
        parser.add_argument("--write", action="store_true", help="Write docs/limits.md instead of printing it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the source and say what it holds."""
        page = limits.page(limits.limits(settings.BASE_DIR))
        if options["write"]:
            (settings.BASE_DIR / "docs" / "limits.md").write_text(page)
        else:
            self.stdout.write(page)
