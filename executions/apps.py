"""The executions app: what happened."""

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Records of calls."""

    name = "executions"
    verbose_name = "Executions"
