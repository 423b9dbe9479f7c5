"""Call a tool of another MCP server."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from flows.engine.errors import Fault, NodeFailed
from flows.engine.expressions import as_text
from flows.engine.node import MAIN, Json, NodeContext, NodeResult, ToolAnswer
from flows.engine.shapes import UNKNOWN, Shape, closed
from flows.nodes.credentials import AUTH, Credential, credential_faults, credential_for

DEFAULT_TIMEOUT = 60
PINNED = ("title", "description", "inputSchema", "outputSchema", "annotations")
"""What a tool says of itself that is kept, as digests, when it is chosen."""
_SHOWN = 1_000


class McpTool:
    """Calls a tool over Streamable HTTP; its output is the tool's text, JSON value and content blocks."""

    type: ClassVar[str] = "mcp_tool"
    title: ClassVar[str] = "MCP tool"
    description: ClassVar[str] = (
        "Calls a tool of another MCP server and gives out {text, structured, content}. Whoever calls this flow stays "
        "unknown to that server: only the authentication of this node is sent."
    )
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "plug"
    help: ClassVar[str] = (
        "The other server has to speak Streamable HTTP. A tool that fails, fails this node with its own words. Private "
        "addresses are refused unless an operator allows them. Choose the tool in the editor: then it is pinned, and "
        "one that says something else of itself later is not called."
    )
    example: ClassVar[Mapping[str, Json]] = {
        "url": "https://tools.example.com/mcp",
        "tool": "search",
        "arguments": {"query": "{{ trigger.query }}"},
    }
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "url": {
                "type": "string",
                "title": "URL",
                "x-destination": True,
                "x-credential": True,
                "description": "The server's address for Streamable HTTP: https://tools.example.com/mcp.",
                "minLength": 1,
                "maxLength": 2048,
            },
            "auth": AUTH,
            "headers": {
                "type": "object",
                "title": "Headers",
                "x-credential": True,
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
            "tool": {"type": "string", "title": "Tool", "minLength": 1, "maxLength": 200},
            "arguments": {"type": "object", "title": "Arguments"},
            "pinned": {
                "type": "object",
                "title": "The tool as it was chosen",
                "description": (
                    "Digests (SHA-256) of what the tool said of itself then; the editor fills them in. Once the other "
                    "server says something else of it, the node fails and names what has changed, before it calls."
                ),
                "x-literal": True,
                "properties": {name: {"type": "string", "pattern": "^[0-9a-f]{64}$"} for name in PINNED},
                "additionalProperties": False,
                "minProperties": 1,
            },
            "toolSchema": {
                "type": "object",
                "title": "The tool's schema",
                "description": (
                    "Its input schema as it was when this node was set up. With it, arguments that no longer fit "
                    "because the tool has changed are refused with what changed. Descriptions can be left out of it."
                ),
            },
            "timeout": {
                "type": "number",
                "title": "Timeout",
                "description": "Seconds for connecting and the whole call, at most 300.",
                "exclusiveMinimum": 0,
                "maximum": 300,
                "default": DEFAULT_TIMEOUT,
            },
        },
        "required": ["url", "tool"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """What is wrong with the credential."""
        return credential_faults(parameters)

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Call the tool; raises NodeFailed without an answer, and with the tool's own words when it failed."""
        if context.tools is None:
            raise NodeFailed("No tools of other servers can be called from this execution.")
        url, tool, tools = parameters["url"], parameters["tool"], context.tools
        headers = {name.lower(): as_text(value) for name, value in parameters.get("headers", {}).items()}

        async def called(credential: Credential) -> ToolAnswer:
            return await tools.call(
                with_query(url, credential.query),
                tool,
                parameters.get("arguments", {}),
                headers=credential.with_headers(headers),
                timeout=float(parameters.get("timeout", DEFAULT_TIMEOUT)),
                schema=parameters.get("toolSchema"),
                pinned=parameters.get("pinned"),
            )

        credential = await credential_for(parameters, context)
        try:
            answer = await called(credential)
        except NodeFailed as failed:
            status = failed.detail.get("status") if isinstance(failed.detail, dict) else None
            if not credential.kept or status != 401:
                raise
            # The token may have been taken back before its time; what was refused for that has not been done.
            answer = await called(await credential_for(parameters, context, credential))
        output = {"text": answer.text, "structured": answer.structured, "content": answer.content}
        if answer.is_error:
            said = answer.text[:_SHOWN] or "it did not say why"
            raise NodeFailed(f"The tool {tool!r} of {urlsplit(url).hostname} failed: {said}", detail=output)
        return NodeResult(output)

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The tool's answer; what its JSON value holds, the tool's input schema does not tell."""
        content = {"type": "array", "items": {"type": "object"}}
        return closed({"text": {"type": "string"}, "structured": UNKNOWN, "content": content})


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The URL with more query parameters."""
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}" if query else url
