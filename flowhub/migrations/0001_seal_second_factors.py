"""What codes of second factors are made of is encrypted; the library that stores it left it in clear."""

from collections.abc import Callable
from typing import Any

from django.db import migrations

from flowhub.accounts import PLACE, with_codes
from flows.adapters import vault


def _all(apps: Any, change: Callable[[str], str]) -> None:
    rows = apps.get_model("mfa", "Authenticator").objects
    for row in rows.filter(type__in=["totp", "recovery_codes"]).iterator():
        rows.filter(pk=row.pk).update(data=with_codes(row.data, change))


def seal(apps: Any, schema_editor: Any) -> None:
    """Encrypt them with the newest key."""
    _all(apps, lambda text: vault.encrypt(text, PLACE))


def open_again(apps: Any, schema_editor: Any) -> None:
    """As the library stores them by itself; raises Unreadable when no key opens one."""
    _all(apps, lambda text: vault.decrypt(text, PLACE))


class Migration(migrations.Migration):
    """Rows of another app, which knows of no encryption."""

    dependencies = [("mfa", "0003_authenticator_type_uniq")]

    operations = [migrations.RunPython(seal, open_again)]
