"""The SDK's low-level server for one slug, and how it takes a message as the gateway has read it.

The SDK's own parsers are more lenient, and each body is parsed once. Like sessions.py, this file uses names private to
the SDK (mcp 2.3): those by which its two eras parse a body, and a session's state.
"""

import json
from collections.abc import Sequence
from contextvars import ContextVar
from functools import partial
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from mcp.server import _streamable_http_modern, streamable_http
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, EmptyResult, SetLevelRequestParams
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from mcp_bridge.calls import asking, completion, prompts, reports, resources, results, tools, ui_resources
from mcp_bridge.catalogue.snapshot import Catalogue
from mcp_bridge.keys.principals import KeyUser
from mcp_bridge.servers.audience import Audience
from mcp_bridge.servers.resumption import RETRY_MILLISECONDS
from mcp_bridge.servers.sessions import LEVEL, LISTENER, FairSessionManager, Sessions
from mcp_bridge.wire.refusals import Message, Receive

_MAX_FAULTS = 5
"""Faults of a message's params that its answer names."""

_received: ContextVar[list[Any]] = ContextVar("received")


def hand_on(message: Any, body: bytes, receive: Receive) -> Receive:
    """What the SDK receives in this context: a body, which it takes for this message, and then what comes after it."""
    # A list, so that whoever takes it leaves nothing behind for what lives longer than the request.
    _received.set([message])
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return whole.pop() if whole else await receive()

    return replay


def _read(body: bytes) -> Any:
    received = _received.get(None)
    return received.pop() if received else from_json(body)


def _written(message: Any, **options: Any) -> str:
    """In a third of the time; what is no Unicode takes the usual way."""
    try:
        return to_json(message, ensure_ascii=True).decode()
    except PydanticSerializationError:
        return json.dumps(message, **options)


_streamable_http_modern.json = SimpleNamespace(loads=_read, dumps=_written)  # type: ignore[assignment, attr-defined]
streamable_http.pydantic_core = SimpleNamespace(from_json=_read)  # type: ignore[assignment, attr-defined]


class FlowServer(Server[Any]):
    """A server whose legacy clients are told that what it offers may change."""

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """The session manager asks without options and would get `listChanged: false`."""
        options = notification_options or NotificationOptions(
            prompts_changed=True, resources_changed=True, tools_changed=True
        )
        return super().create_initialization_options(options, experimental_capabilities, extensions)


def build(catalogue: Catalogue, audience: Audience) -> Server[Any]:
    """Make the server of a slug; its handlers read the snapshot of the moment, and `audience` hears of changes."""

    def reading(handler: Any) -> Any:
        return partial(handler, catalogue)

    async def on_call_tool(ctx: Any, params: Any) -> Any:
        return results.for_writer(await tools.call(catalogue, ctx, params))

    async def on_set_level(ctx: Any, params: SetLevelRequestParams) -> EmptyResult:
        ctx.session._connection.state[LEVEL] = params.level
        await _change(ctx, level=params.level)
        return EmptyResult()

    async def on_subscribe_resource(ctx: Any, params: Any) -> Any:
        resources.known_resource(catalogue, ctx, params.uri)
        listener = ctx.session._connection.state[LISTENER]
        listener.subscribe(params.uri)
        await _change(ctx, uris=sorted(listener.uris))
        return {}

    async def on_unsubscribe_resource(ctx: Any, params: Any) -> Any:
        listener = ctx.session._connection.state[LISTENER]
        listener.uris.discard(params.uri)
        await _change(ctx, uris=sorted(listener.uris))
        return {}

    def input_schema(name: str) -> Any:
        """For the check of `Mcp-Param-*` headers, which comes before the call: of a tool that the caller may see."""
        user, tool = auth_context_var.get(), catalogue.snapshot.tools.get(name)
        may_see = not isinstance(user, KeyUser) or user.principal.may_call(name)
        return tool.modern["inputSchema"] if tool is not None and may_see else None

    server = FlowServer(
        catalogue.snapshot.slug,
        title=catalogue.snapshot.name,
        version=settings.VERSION,
        instructions=catalogue.snapshot.instructions or None,
        on_list_tools=reading(tools.list_tools),
        on_call_tool=on_call_tool,
        on_list_prompts=reading(prompts.list_prompts),
        on_get_prompt=reading(prompts.get_prompt),
        on_list_resources=reading(resources.list_resources),
        on_list_resource_templates=reading(resources.list_templates),
        on_read_resource=reading(resources.read_resource),
        on_subscribe_resource=on_subscribe_resource,
        on_unsubscribe_resource=on_unsubscribe_resource,
        on_completion=reading(completion.propose),
        on_subscriptions_listen=audience.listen,
        get_tool_input_schema=input_schema,
    )
    server.extensions[ui_resources.EXTENSION_ID] = {}
    # Not by the constructor, which warns that 2026-07-28 has done away with it: for handshake clients it stays.
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, on_set_level)
    # The SDK's own is left out: its spans go nowhere unless an exporter is installed, and it costs on every message.
    server.middleware[:] = [_serve, asking.boundary(catalogue.snapshot.slug)]
    return server


async def _serve(ctx: Any, call_next: Any) -> Any:
    """Middleware of the SDK's server: what the session set is known, one that is opened is kept, and params that do not
    fit are answered with what to change (-32602).
    """
    connection = ctx.session._connection
    reports.session_level.set(connection.state.get(LEVEL))
    try:
        answer = await call_next(ctx)
        if answer and ctx.method == "initialize" and ctx.request is not None:  # as a notification it opens nothing
            agreed = {**ctx.params, "protocolVersion": answer["protocolVersion"]}
            await ctx.request.scope[asking.SESSIONS].keep(connection, tools.principal_of(ctx), agreed)
        return answer
    except ValidationError as error:
        raise MCPError(INVALID_PARAMS, f"The params of {ctx.method} do not fit. {_said(error)}") from None


def _said(error: ValidationError) -> str:
    """Where and what, without the values: they may be secret, and as long as the message."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_place(fault['loc'])}: {fault['msg']}." for fault in faults[:_MAX_FAULTS]]
    more = len(faults) - len(lines)
    return " ".join(lines + ([f"And {more} more."] if more else []))


def _place(location: Sequence[str | int]) -> str:
    return ".".join(map(str, location)) or "params"


async def _change(ctx: Any, **values: Any) -> None:
    """Have other processes know what the client of a session has set."""
    await ctx.request.scope[asking.SESSIONS].change(ctx.session._connection.session_id, **values)


def build_manager(server: Server[Any], sessions: Sessions, audience: Audience) -> FairSessionManager:
    """The session manager of a server: both eras, streams where needed, host checks left to the gateway."""
    return FairSessionManager(
        server,
        sessions,
        audience,
        json_response=False,
        stateless=False,
        security_settings=None,
        max_request_body_size=settings.MAX_BODY_BYTES,
        retry_interval=RETRY_MILLISECONDS,
    )
