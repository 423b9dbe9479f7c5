"""The executions app: what happened."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Records of calls."""

    name = "executions"
    verbose_name = "Executions"

    def ready(self) -> None:
        """Pages hear of rights that end, and executions follow a server that changes hands.

        With Redis, pages of other processes hear of what this one records, also of what a command deletes.
        """
        from executions.ledger import owners  # these need the models
        from executions.live import rights
        from executions.live.announcer import announcer
        from flows.members.changes import when_handed_over

        rights.watch()
        when_handed_over(owners.handed_over)
        if announcer.is_shared:
            announcer.listen()
