"""Rules about names: what clients take, and what tells a model something."""

import re
from collections.abc import Iterator

from flows.review.lint.subject import Note, Subject, at

_WIDEST = re.compile(r"[A-Za-z0-9_-]{1,64}")
_IN_MCP = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")

MAX_WITH_PREFIX = 64
"""Characters of a tool's name with what Claude Code puts before it."""

VAGUE_TOOLS = frozenset(
    {
        *("action", "api", "api_call", "call", "data", "do", "execute", "flow", "function", "get", "handle", "helper"),
        *("main", "process", "query", "run", "search", "task", "test", "tool", "tool_1", "update", "workflow"),
    }
)
VAGUE_PARAMETERS = frozenset(
    {
        *(
            "arg",
            "args",
            "argument",
            "body",
            "data",
            "field",
            "info",
            "input",
            "item",
            "json",
            "obj",
            "object",
            "param",
        ),
        *(
            "parameter",
            "params",
            "payload",
            "request",
            "string",
            "stuff",
            "temp",
            "text",
            "thing",
            "tmp",
            "val",
            "value",
        ),
    }
)


def characters(subject: Subject) -> Iterator[Note]:
    """Letters, digits, underscores, hyphens and dots, 1 to 128 of them.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools (Tool Names)
    """
    if not _IN_MCP.fullmatch(subject.name):
        yield "name", "use 1 to 128 letters, digits, underscores, hyphens and dots: MCP allows no other tool names"


def widest(subject: Subject) -> Iterator[Note]:
    """At most 64 characters, as OpenAI's API takes, and no dot, which Claude's refuses too (it takes 128 characters).

    https://platform.openai.com/docs/api-reference/chat/create (tools, function, name),
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (name)
    """
    if _IN_MCP.fullmatch(subject.name) and not _WIDEST.fullmatch(subject.name):
        yield (
            "name",
            "use at most 64 letters, digits, underscores and hyphens: OpenAI's API takes no more, and Claude's no dots",
        )


def with_server(subject: Subject) -> Iterator[Note]:
    """`mcp__<server>__<tool>`, which Claude Code makes of both names, has room for 64 characters.

    That is OpenAI's limit, and was Claude's: https://github.com/anthropics/claude-code/issues/20643,
    https://github.com/microsoft/vscode/issues/243602. Cursor leaves out tools from about the same length on:
    https://github.com/ComposioHQ/composio/issues/2788
    """
    whole = f"mcp__{subject.server_slug}__{subject.name}"
    if len(whole) > MAX_WITH_PREFIX:
        over = len(whole) - MAX_WITH_PREFIX
        yield (
            "name",
            (
                f"shorten the tool's name or the server's slug by {over}: some clients call the tool {whole!r}, "
                f"{len(whole)} characters, and some models' APIs take {MAX_WITH_PREFIX}; Cursor leaves it out"
            ),
        )


def vague(subject: Subject) -> Iterator[Note]:
    """A name says what is done to what: `find_invoices`, not `run`.

    https://www.anthropic.com/engineering/writing-tools-for-agents (namespacing, naming)
    """
    if subject.name.lower() in VAGUE_TOOLS:
        yield "name", f"{subject.name!r} does not say what is done to what; a verb and a thing do, as find_invoices"


def parameter_characters(subject: Subject) -> Iterator[Note]:
    """Claude's API refuses a tool with a parameter whose name has other characters, and with it the whole request.

    Only the first level is checked. https://github.com/beautyfree/appstore-connect-mcp/issues/2 quotes the answer.
    """
    properties = subject.root.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not _KEY.fullmatch(name):
            yield (
                at("properties", name),
                "use 1 to 64 letters, digits, underscores, dots and hyphens: Claude's API refuses other names",
            )


def parameter_vague(subject: Subject) -> Iterator[Note]:
    """A parameter's name says what it holds: `user_id`, not `value`; so do the properties that an object names.

    Names further inside are those of whatever the object is given to.
    https://www.anthropic.com/engineering/writing-tools-for-agents (`user_id` instead of `user`)
    """
    for parameter in subject.parameters:
        is_vague = len(parameter.name) == 1 or parameter.name.lower() in VAGUE_PARAMETERS
        if parameter.is_argument and is_vague and not parameter.rule.get("properties"):
            yield parameter.path, f"{parameter.name!r} does not say what it holds; a name as order_id does"
