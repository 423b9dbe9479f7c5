"""Read settings from the environment; nonsense is refused with a sentence that says what to write."""

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable's text without surrounding blanks, or `default` when unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """A yes or no: 1/true/yes/on or 0/false/no/off; raises ImproperlyConfigured for anything else."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r}: write 1 or 0.")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`; raises ImproperlyConfigured for anything else."""
    value = text(name)
    if not value:
        return default
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name}={value!r}: write a whole number of at least {least}.")
    return int(value)


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    """One of `choices`; raises ImproperlyConfigured that lists them for anything else."""
    value = text(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r}: write one of {', '.join(choices)}.")
    return value


def names(name: str, default: Sequence[str] = ()) -> list[str]:
    """A list separated by commas."""
    return [part.strip() for part in text(name).split(",") if part.strip()] or list(default)


def origins(name: str) -> list[str]:
    """Origins as browsers send them, separated by commas; raises ImproperlyConfigured for one that is none."""
    listed = names(name)
    for origin in listed:
        scheme, _, host = origin.partition("://")
        usual = {"http": ":80", "https": ":443"}.get(scheme)
        if (
            usual is None
            or not re.fullmatch(r"([a-z0-9_.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", host)
            or host.endswith(usual)
        ):
            example = "https://app.example.com or http://localhost:5173"
            raise ImproperlyConfigured(f"{name}: {origin!r} is no origin; write scheme, host and port, {example}.")
    return listed


def private_folder(path: Path) -> Path:
    """Make the folder (0700) if it is missing and return it."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True)
    return path


def kept_secret(path: Path) -> str:
    """A random secret kept in a file only its owner may read (0600), made on first use.

    The file appears whole, under a name that is taken once: of two processes that start together both get one secret.
    """
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()
