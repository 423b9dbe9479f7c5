"""What packages above this one lend to the nodes of flows; each fills it in when Django is ready."""

from flows.engine.node import ToolCaller

tools: ToolCaller | None = None
"""Calls the tools of other MCP servers."""
