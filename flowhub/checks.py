"""System checks of the installation, shown by `manage.py check` and run before serving."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from flows.adapters.addresses import AllowList
from flows.nodes import broken_plugins

OLDEST_SQLITE = (3, 35, 0)

OURS = ("flows", "executions", "mcp_bridge")


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


@register(Tags.database)
def check_history(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """A database stopped amid the migrations that were made one is named; Django would misread or skip it."""
    if not databases:
        return []
    known = MigrationLoader(None, load=False)
    known.load_disk()
    applied = MigrationRecorder(connection).applied_migrations()
    hint = "Run manage.py migrate with FlowHub as of commit 500f129 first, which still has them all."
    return [
        Error(
            f"The database has migrated {app} only in part: {', '.join(missing)} of what {name} stands for never ran.",
            hint=hint,
            id="flowhub.E003",
        )
        for (app, name), migration in sorted(known.disk_migrations.items())
        if app in OURS and (missing := [old for _, old in migration.replaces if (app, old) not in applied])
        if len(missing) < len(migration.replaces)
    ]
