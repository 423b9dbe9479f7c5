"""The executions app: what happened."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Records of calls."""

    name = "executions"
    verbose_name = "Executions"

    def ready(self) -> None:
        """With Redis, pages of other processes hear of what this one records, also of what a command deletes."""
        from executions.live.announcer import announcer  # needs the models

        if announcer.is_shared:
            announcer.listen()
