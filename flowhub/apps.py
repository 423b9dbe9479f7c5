"""The composition root as a Django app, for its commands, checks and templates."""

from django.apps import AppConfig


class FlowHubConfig(AppConfig):
    """FlowHub itself."""

    name = "flowhub"
    verbose_name = "FlowHub"

    def ready(self) -> None:
        """Register the system checks."""
        from flowhub import checks  # noqa: F401  (imported for its registrations)
