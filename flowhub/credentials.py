"""The demo's login and key, kept in the data folder so that a second start prints the same ones."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a newcomer needs to log in and to call the demo server."""

    username: str
    password: str
    key: str


def path() -> Path:
    """The file, readable by its owner alone."""
    return Path(settings.DATA_DIR) / "demo.json"


def read() -> Credentials | None:
    """The kept credentials; None before the demo was loaded."""
    try:
        return Credentials(**json.loads(path().read_text()))
    except FileNotFoundError:
        return None


def write(credentials: Credentials) -> None:
    """Keep the credentials (0600), replacing the file in one step."""
    draft = path().with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(credentials), file)
    draft.replace(path())
