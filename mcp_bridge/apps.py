"""The MCP bridge app: flows as MCP tools."""

from django.apps import AppConfig


class McpBridgeConfig(AppConfig):
    """API keys and the MCP endpoint."""

    name = "mcp_bridge"
    verbose_name = "MCP bridge"

    def ready(self) -> None:
        """Let nodes call the tools of other MCP servers."""
        from executions.lending import lending  # apps are not ready before
        from mcp_bridge.upstream import UpstreamTools

        lending.tools = UpstreamTools()
