"""`manage.py adopt_keys`: the keys of this process are the database's from now on."""

from typing import Any

from django.core.management.base import BaseCommand

from executions.upkeep import key_marks


class Command(BaseCommand):
    """For keys that were changed on purpose, or lost; a vault key that is put before the old one needs no command."""

    help = "Let processes with this FLOWHUB_SECRET_KEY and these FLOWHUB_VAULT_KEYS serve, and no others."

    def handle(self, *args: Any, **options: Any) -> None:
        """Keep the marks of these keys; nothing is encrypted again."""
        key_marks.adopt()
        self.stdout.write("Processes with these keys serve from now on. Start every other one again with them.")
