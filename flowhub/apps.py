"""The composition root as a Django app, for its commands, checks and templates."""

import sys

from django.apps import AppConfig

# REST framework looks for the columns that only PostgreSQL has, which imports PostgreSQL's driver, on SQLite too. No
# model has one; told that there are none, it does without, and the driver is imported by a database that needs it.
_COLUMNS = "django.contrib.postgres.fields"
if _COLUMNS not in sys.modules:
    sys.modules[_COLUMNS] = None  # type: ignore[assignment]
    import rest_framework.compat  # noqa: F401

    del sys.modules[_COLUMNS]


class FlowHubConfig(AppConfig):
    """FlowHub itself."""

    name = "flowhub"
    verbose_name = "FlowHub"

    def ready(self) -> None:
        """Register the system checks."""
        from flowhub import checks  # noqa: F401  (imported for its registrations)
