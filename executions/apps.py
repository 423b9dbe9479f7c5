"""The executions app: what happened."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Records of calls."""

    name = "executions"
    verbose_name = "Executions"

    def ready(self) -> None:
        """Pages hear of rights that end; with Redis those of other processes also of what this one records."""
        from executions.live import rights  # needs the models
        from executions.live.announcer import announcer

        rights.watch()
        if announcer.is_shared:
            announcer.listen()
