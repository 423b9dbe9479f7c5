"""Tool names that FlowHub's own tools have in every server; no flow may take them."""

from django.core.exceptions import ValidationError

GET_RESULT = "get_result"
"""The tool that fetches the end of a call which took longer than its client was to wait."""

PREFIX = "flowhub_"
LIST_EXECUTIONS, GET_EXECUTION = AGENT_TOOLS = (f"{PREFIX}list_executions", f"{PREFIX}get_execution")
"""The tools with which agents look at the executions of their own key."""

WHY = f"FlowHub's own tools are named {GET_RESULT} and {PREFIX}...; choose another name."


def is_reserved(tool_name: str) -> bool:
    """Whether a flow may not have this tool name."""
    return tool_name == GET_RESULT or tool_name.startswith(PREFIX)


def not_reserved(tool_name: str) -> None:
    """A validator of tool names; raises ValidationError for one that is FlowHub's own."""
    if is_reserved(tool_name):
        raise ValidationError(WHY, code="reserved")
