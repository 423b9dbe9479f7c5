"""The MCP bridge app: flows as MCP tools."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_save


class McpBridgeConfig(AppConfig):
    """API keys and the MCP endpoint."""

    name = "mcp_bridge"
    verbose_name = "MCP bridge"

    def ready(self) -> None:
        """Let nodes call the tools of other MCP servers, and this process tell the others of changes."""
        from executions.record import ports  # apps are not ready before
        from mcp_bridge.upstream.client import UpstreamTools

        ports.tools = UpstreamTools()
        # People are changed in the admin, on pages of packages and by commands: one place sees them all.
        post_save.connect(_end_of_others, sender=settings.AUTH_USER_MODEL)
        if settings.REDIS_URL:
            from flows.publishing import announcements
            from mcp_bridge.servers import feed  # Redis's client takes most of a second to import

            announcements.subscribe(feed.publish)


def _end_of_others(sender: Any, instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """Disconnect the clients of a person who was switched off, or has another password than when they were let in."""
    if not raw:
        from mcp_bridge.models import ConnectedClient  # apps are not ready before

        ConnectedClient.objects.end_outdated(instance)
