"""The MCP bridge app: flows as MCP tools."""

from django.apps import AppConfig
from django.conf import settings


class McpBridgeConfig(AppConfig):
    """API keys and the MCP endpoint."""

    name = "mcp_bridge"
    verbose_name = "MCP bridge"

    def ready(self) -> None:
        """Let nodes call the tools of other MCP servers, and this process tell the others of changes."""
        from executions.record import ports  # apps are not ready before
        from mcp_bridge.upstream.client import UpstreamTools

        ports.tools = UpstreamTools()
        if settings.REDIS_URL:
            from flows.publishing import announcements
            from mcp_bridge.servers import feed  # Redis's client takes most of a second to import

            announcements.subscribe(feed.publish)
