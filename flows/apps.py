"""The flows app: what a flow is, and how a graph runs."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """Servers, flows and versions."""

    name = "flows"
    verbose_name = "Flows"

    def ready(self) -> None:
        """An invitation that somebody opened before the login is accepted by it."""
        from django.contrib.auth.signals import user_logged_in

        from flows.members.invitations import accept_at_login  # needs the models

        user_logged_in.connect(accept_at_login, dispatch_uid="flows.invitations")
