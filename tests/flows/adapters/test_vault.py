"""The vault: what is encrypted for one place can be read there, with its key, and nowhere else."""

import importlib
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from flowhub import settings as flowhub_settings
from flows.adapters import vault
from tests.flows.secrets.test_secrets import KEYS, VALUE


class TestVault:
    def test_what_is_encrypted_comes_back_and_cannot_be_read_without_the_key(self, settings: Any) -> None:
        settings.VAULT_KEYS = KEYS[1:]
        token = vault.encrypt(VALUE, "1/A")
        assert VALUE not in token
        assert vault.decrypt(token, "1/A") == VALUE
        settings.VAULT_KEYS = KEYS[:1]
        with pytest.raises(vault.Unreadable):
            vault.decrypt(token, "1/A")

    def test_it_cannot_be_read_in_another_place(self) -> None:
        with pytest.raises(vault.Unreadable):
            vault.decrypt(vault.encrypt(VALUE, "1/A"), "2/A")

    def test_older_keys_still_decrypt_and_rotation_makes_them_unnecessary(self, settings: Any) -> None:
        settings.VAULT_KEYS = KEYS[1:]
        token = vault.encrypt(VALUE, "1/A")
        settings.VAULT_KEYS = KEYS
        assert vault.decrypt(token, "1/A") == VALUE
        rotated = vault.rotated(token)
        settings.VAULT_KEYS = KEYS[:1]
        assert vault.decrypt(rotated, "1/A") == VALUE

    def test_a_key_that_can_be_guessed_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLOWHUB_VAULT_KEYS", f"{KEYS[0]},short")
        with pytest.raises(ImproperlyConfigured, match="32 or more random characters"):
            importlib.reload(flowhub_settings)

    def test_the_kept_key_is_for_its_owner_alone(self) -> None:
        path = flowhub_settings.DATA_DIR / "vault.key"
        assert path.stat().st_mode & 0o777 == 0o600
