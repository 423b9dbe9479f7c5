"""`manage.py rotate_secrets`: encrypt everything encrypted again with the newest of FLOWHUB_VAULT_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from executions.upkeep import key_marks, rotation
from flowhub.accounts import rotate_second_factors
from flows.publishing import versions


class Command(BaseCommand):
    """Run it after a new key was put first; then the old ones can go."""

    help = "Encrypt every secret again with the newest key. Afterwards the older keys are not needed any more."

    def handle(self, *args: Any, **options: Any) -> None:
        """Rotate what can be decrypted and name the rest; ends with an error when there is a rest."""
        try:
            key_marks.check()  # the newest key is the one that is wanted from now on
        except key_marks.ForeignKeys as error:
            raise CommandError(str(error)) from None
        number, unreadable = versions.rotate_secrets()
        kept, lost = rotation.rotate()
        factors, locked_out = rotate_second_factors()
        self.stdout.write(f"Encrypted {number} secrets with the newest key.")
        self.stdout.write(f"Encrypted {kept} kept answers and waiting executions with the newest key.")
        self.stdout.write(f"Encrypted {factors} second factors with the newest key.")
        if lost:
            self.stderr.write(f"No key opens {lost} kept answers or waiting executions; they expire within a day.")
        rest = [f"{secret.name} of {secret.server.slug}" for secret in unreadable]
        rest += [f"the second factors of {name}" for name in sorted(locked_out)]
        if rest:
            raise CommandError(f"No key opens these; restore their key or set them anew: {', '.join(rest)}.")
