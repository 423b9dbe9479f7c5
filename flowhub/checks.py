"""System checks of the installation, shown by `manage.py check` and run before serving."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection

from flows.adapters.addresses import AllowList
from flows.nodes import broken_plugins

OLDEST_SQLITE = (3, 35, 0)


@register
def check_plugins(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A node type of a third-party package that cannot be loaded is named, and skipped."""
    hint = "Update or uninstall the package; flows that use the node type cannot run."
    return [Warning(f"Node type left out: {plugin}", hint=hint, id="flowhub.W001") for plugin in broken_plugins()]


@register(Tags.security)
def check_outbound(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The allow-list of private addresses must be readable."""
    try:
        AllowList.parse(settings.OUTBOUND_ALLOW)
    except ValueError as error:
        return [Error(f"FLOWHUB_OUTBOUND_ALLOW: {error}", hint="Write host:port, host:port.", id="flowhub.E001")]
    return []


@register(Tags.database)
def check_sqlite(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The ledger's statements need a SQLite of 2021 or later."""
    if connection.vendor == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return [Error(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 is the oldest.", id="flowhub.E002")]
    return []
