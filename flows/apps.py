"""The flows app: what a flow is, and how a graph runs."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    """Servers, flows and versions."""

    name = "flows"
    verbose_name = "Flows"
