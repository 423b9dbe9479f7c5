"""All processes of one database have the same keys: a mark of each is kept there, from which the key cannot be told."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from executions.models import KeyMark
from flows.adapters import vault

SECRET, VAULT = "FLOWHUB_SECRET_KEY", "FLOWHUB_VAULT_KEYS"

FOREIGN = {
    SECRET: (
        "FLOWHUB_SECRET_KEY is not the one that the other processes of this database have: logins, keys of calls and "
        "questions that wait would not hold here. Set it to theirs, or copy the file secret_key of their FLOWHUB_DATA. "
        "If it was changed on purpose, end all processes and run manage.py adopt_keys: everybody then logs in anew."
    ),
    VAULT: (
        "FLOWHUB_VAULT_KEYS lack the key that secrets in this database are encrypted with. Set them to those of the "
        "other processes, or copy the file vault.key of their FLOWHUB_DATA; a new key comes first, before the old one. "
        "If the key is lost for good, run manage.py adopt_keys: every secret must then be set anew."
    ),
}


class ForeignKeys(ValueError):
    """This process has not the keys of the database; the message says what to do."""


def _keys() -> dict[str, Sequence[str]]:
    """The keys of this process by name; the first of each is the one in use."""
    return {SECRET: [settings.SECRET_KEY], VAULT: settings.VAULT_KEYS}


def _mark(name: str, key: str) -> str:
    return vault.derived(key, f"mark of {name}".encode()).hex()


def check() -> None:
    """Raise ForeignKeys for keys that are not the database's; the first process gives it its own.

    A newer vault key before the database's is a rotation: from then on that one is wanted of whoever starts.
    """
    with transaction.atomic():
        for name, keys in _keys().items():
            marks = [_mark(name, key) for key in keys]
            kept, _ = KeyMark.objects.select_for_update().get_or_create(name=name, defaults={"mark": marks[0]})
            if kept.mark not in marks:
                raise ForeignKeys(FOREIGN[name])
            if kept.mark != marks[0]:
                KeyMark.objects.filter(name=name).update(mark=marks[0])


def adopt() -> None:
    """Have the database belong to processes with the keys of this one."""
    for name, keys in _keys().items():
        KeyMark.objects.update_or_create(name=name, defaults={"mark": _mark(name, keys[0])})
