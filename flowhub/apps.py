"""The composition root as a Django app, for its commands, checks and templates."""

import sys
from importlib import import_module

from django.apps import AppConfig
from django.conf import settings

# Two libraries import a driver only to know its names, and do without where it is missing: REST framework PostgreSQL's,
# for columns that no model here has, and throttled-py Redis's, for errors that only Redis makes. Either is a good part
# of a start. Told that there is none, they leave it to whoever connects to such a server.
_DRIVERS = {"rest_framework.compat": "django.contrib.postgres.fields"}
if not settings.REDIS_URL:
    _DRIVERS["throttled"] = "redis"
for _library, _driver in _DRIVERS.items():
    if _driver not in sys.modules:
        sys.modules[_driver] = None  # type: ignore[assignment]
        import_module(_library)
        del sys.modules[_driver]


class FlowHubConfig(AppConfig):
    """FlowHub itself."""

    name = "flowhub"
    verbose_name = "FlowHub"

    def ready(self) -> None:
        """Register the system checks."""
        from flowhub import checks  # noqa: F401  (imported for its registrations)
