"""A process serves a database only with its keys; a new vault key before the old one is a rotation."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from executions.models import KeyMark
from executions.upkeep import key_marks
from executions.upkeep.key_marks import FOREIGN, ForeignKeys

pytestmark = pytest.mark.django_db

OLD, NEW, OTHER = (letter * 40 for letter in "one")


@pytest.fixture(autouse=True)
def served(settings: Any) -> None:
    """A process has served the database with the old keys."""
    settings.SECRET_KEY, settings.VAULT_KEYS = OLD, [OLD]
    key_marks.check()


@pytest.mark.parametrize(
    ("secret", "vault", "foreign"),
    [
        pytest.param(OTHER, [OLD], key_marks.SECRET, id="secret key"),
        pytest.param(OLD, [OTHER], key_marks.VAULT, id="vault key"),
        pytest.param(OLD, [OTHER, NEW], key_marks.VAULT, id="vault keys"),
    ],
)
def test_other_keys_are_refused_until_they_are_adopted_on_purpose(
    settings: Any, secret: str, vault: list[str], foreign: str
) -> None:
    settings.SECRET_KEY, settings.VAULT_KEYS = secret, vault
    for _ in range(2):
        with pytest.raises(ForeignKeys) as refused:
            key_marks.check()
        assert str(refused.value) == FOREIGN[foreign]
    call_command("adopt_keys", stdout=StringIO())
    key_marks.check()
    settings.SECRET_KEY, settings.VAULT_KEYS = OLD, [OLD]
    with pytest.raises(ForeignKeys):
        key_marks.check()


def test_once_a_process_has_a_newer_vault_key_the_others_need_it_and_the_old_one_may_go(
    settings: Any,
) -> None:
    settings.VAULT_KEYS = [NEW, OLD]
    key_marks.check()
    settings.VAULT_KEYS = [OLD]
    with pytest.raises(ForeignKeys):
        key_marks.check()
    settings.VAULT_KEYS = [NEW]
    key_marks.check()


def test_rotating_what_is_encrypted_makes_the_newest_key_the_database_s(settings: Any) -> None:
    settings.VAULT_KEYS = [NEW, OLD]
    call_command("rotate_secrets", stdout=StringIO())
    settings.VAULT_KEYS = [NEW]
    key_marks.check()
    settings.VAULT_KEYS = [OTHER]
    with pytest.raises(CommandError, match="FLOWHUB_VAULT_KEYS lack"):
        call_command("rotate_secrets", stdout=StringIO())


def test_no_key_is_in_its_mark() -> None:
    marks = dict(KeyMark.objects.values_list("name", "mark"))
    assert marks.keys() == {key_marks.SECRET, key_marks.VAULT}
    assert len({*marks.values(), OLD, OLD.encode().hex()}) == 4
