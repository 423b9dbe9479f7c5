"""The MCP bridge app: flows as MCP tools."""

from django.apps import AppConfig


class McpBridgeConfig(AppConfig):
    """API keys and the MCP endpoint."""

    name = "mcp_bridge"
    verbose_name = "MCP bridge"
