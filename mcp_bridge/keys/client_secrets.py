"""How the secrets of OAuth clients are stored."""

import hashlib
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher
from django.utils.crypto import constant_time_compare


class ClientSecretHasher(BasePasswordHasher):
    """One round of SHA-256 with a salt: these are 128 random characters, which nobody guesses at any speed.

    A password's million rounds would be half a second of a processor for each stranger who registers a client.
    """

    algorithm = "client_secret"

    def encode(self, password: str, salt: str) -> str:
        """The salt and the hash, as Django's hashers store them."""
        return f"{self.algorithm}${salt}${hashlib.sha256((salt + password).encode()).hexdigest()}"

    def decode(self, encoded: str) -> dict[str, str]:
        """The parts of what `encode` gave."""
        algorithm, salt, hashed = encoded.split("$", 2)
        return {"algorithm": algorithm, "salt": salt, "hash": hashed}

    def verify(self, password: str, encoded: str) -> bool:
        """Whether it is the secret that was stored."""
        return constant_time_compare(encoded, self.encode(password, self.decode(encoded)["salt"]))

    def safe_summary(self, encoded: str) -> dict[Any, Any]:
        """What may be shown of it."""
        return {"algorithm": self.algorithm}

    def must_update(self, encoded: str) -> bool:
        """Never: what is random enough stays so."""
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to even out: all take as long."""
