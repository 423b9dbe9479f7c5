"""Encryption of secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) under keys that are not in the database.

`settings.VAULT_KEYS` lists the keys, newest first: the first one encrypts, all of them decrypt. What is encrypted
carries the place that it belongs to, so a value copied to another secret's row in the database cannot be read there.
"""

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(ValueError):
    """None of the keys opens this value, or it was encrypted for another place."""


def encrypt(value: str, place: str) -> str:
    """Encrypt text for one place with the newest key."""
    return _fernet().encrypt(json.dumps([place, value]).encode()).decode()


def decrypt(token: str, place: str) -> str:
    """Return the text that was encrypted for this place; raises Unreadable."""
    try:
        kept_place, value = json.loads(_fernet().decrypt(token))
    except InvalidToken:
        raise Unreadable(place) from None
    if kept_place != place:
        raise Unreadable(place)
    return str(value)


def rotated(token: str) -> str:
    """Encrypt the same again with the newest key; raises Unreadable."""
    try:
        return _fernet().rotate(token.encode()).decode()
    except InvalidToken:
        raise Unreadable("no key opens it") from None


def _fernet() -> MultiFernet:
    # Made anew each time: it takes microseconds, and changed settings are seen at once.
    return MultiFernet([Fernet(base64.urlsafe_b64encode(derived(key, b"secrets"))) for key in settings.VAULT_KEYS])


def derived(key: str, purpose: bytes) -> bytes:
    """32 bytes for one purpose from a key, which may be any long random text (RFC 5869).

    What is derived for one purpose tells nothing of what is derived for another.
    """
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"flowhub " + purpose).derive(key.encode())
