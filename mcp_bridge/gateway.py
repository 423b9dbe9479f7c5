"""The ASGI door to MCP: `/mcp/<slug>` -> head -> key -> body -> a plain call, or the SDK. Everything else -> Django."""

import logging
from functools import partial
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import DatabaseError
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware

from executions.admission.addresses import address_of
from executions.admission.allowances import OverLimit
from flows.adapters import lineage
from flows.engine.aside import in_thread
from flows.engine.limits import LARGE
from flows.values.scopes import Scope as KeyScope
from mcp_bridge.calls import direct
from mcp_bridge.calls.asking import SESSIONS
from mcp_bridge.calls.tools import COUNTS_AS, OVER_LIMIT, look
from mcp_bridge.keys.principals import TooManyGuesses, key_ring
from mcp_bridge.servers.host import Hosted, current_host
from mcp_bridge.servers.server import hand_on
from mcp_bridge.wire import batches, bodies, headers, origins, streams
from mcp_bridge.wire.headers import SESSION, Headers
from mcp_bridge.wire.refusals import RETRY_LATER, App, Receive, Refused, Scope, Send, refuse
from mcp_bridge.wire.streams import ResponseStream, opening

logger = logging.getLogger(__name__)

PREFIX = "/mcp/"


class Gateway:
    """The top of the ASGI application: MCP requests go to the SDK, all others to `django`."""

    def __init__(self, django: App) -> None:
        self.django = django
        self.is_draining = False
        """Set once the process is about to end: calls under way go on, new ones are sent elsewhere."""
        self.under_way = 0
        """MCP messages that are not answered yet; streams on which a client only listens do not count."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; what is wrong with a request is said before anything is done for it."""
        origin = origins.asked_by(scope) if settings.ALLOWED_ORIGINS else None
        if origin is not None:
            send = origins.readable(origin, send)
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif origin is not None and origins.is_preflight(scope):
            await origins.answer_preflight(send)
        elif scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            # For Django's views; at MCP, sessions outlive requests, so each message is asked for its own header.
            sent = [value for name, value in scope.get("headers", ()) if name == lineage.HEADER.encode()]
            if sent:
                lineage.arrived.set(lineage.read(sent[0].decode("latin-1")))
            await self.django(scope, receive, send)
        elif self.is_draining:
            await refuse(Refused(503, "This server is about to stop.", RETRY_LATER), send)
        else:
            messages = int(scope["method"] == "POST")
            self.under_way += messages
            try:
                head = headers.read(scope)
                headers.check(scope, head)
                hosted = await _admit(scope, head)
                if messages:
                    await _pass_messages(scope, receive, send, head, hosted)
                else:
                    await _pass_on(scope, receive, send, head, hosted)
            except Refused as refused:
                await refuse(refused, send)
            except bodies.Gone:
                logger.info("a client hung up before its message to %s was complete", scope["path"])
            finally:
                self.under_way -= messages

    def drain(self) -> None:
        """Take no new calls, and end the streams of `subscriptions/listen`, which count as calls under way."""
        self.is_draining = True
        current_host().end_listening()

    def end_streams(self) -> None:
        """End the streams on which clients only listen; for a process that has answered everything."""
        streams.end_all()


async def _lifespan(receive: Receive, send: Send) -> None:
    """Django's handler does not know the lifespan protocol; daphne does not speak it."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await current_host().aclose()
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _admit(scope: Scope, head: Headers) -> Hosted:
    """The server that is asked for, with the session of a handshake open; who asks is put into the scope."""
    slug = scope["path"].removeprefix(PREFIX).removesuffix("/")
    scheme, _, key = head.get("authorization", "").partition(" ")
    try:
        user = await key_ring.user_for(key.strip(), scope) if scheme.lower() == "bearer" else None
        hosted = await current_host().get(slug) if slug and "/" not in slug else None
    except TooManyGuesses as refused:
        raise Refused(429, str(refused), {"retry-after": str(refused.seconds)}) from None
    except DatabaseError as error:
        raise _unreachable(scope, error) from None
    # Whether there is such a server is told to nobody who may not use it.
    snapshot = hosted.snapshot if hosted is not None else None
    if user is not None:
        is_let_in = snapshot is not None and user.principal.may_use(snapshot.server_id, snapshot.owner_id)
    else:
        is_let_in = snapshot is not None and snapshot.is_public and not head.get("authorization")
    if hosted is None or not is_let_in:
        logger.warning("call of /mcp/%.100r without a key that opens it", slug)
        message = (
            "Nobody is let in here without an API key that opens a published server at this address, or a client "
            "that has signed in to it. Check both: the address, and the header Authorization: Bearer fh_..."
        )
        # Who sent no key is told of no error in it (RFC 6750, 3.1).
        wrong = ', error="invalid_token"' if head.get("authorization") else ""
        # Where to sign in (RFC 9728, 5.1), also to what is not there.
        about = f"{headers.origin_of(scope, head)}/.well-known/oauth-protected-resource{PREFIX}{quote(slug[:64], '')}"
        where = f', resource_metadata="{about}", scope="{KeyScope.CALL}"'
        raise Refused(401, message, {"www-authenticate": f'Bearer realm="flowhub"{wrong}{where}'})
    if user is None:
        scope[COUNTS_AS] = address_of(scope)
    elif KeyScope.CALL not in user.principal.scopes:
        message = f"This API key lacks the scope {KeyScope.CALL}, so it calls no tools. Give it that under Keys."
        challenge = f'Bearer realm="flowhub", error="insufficient_scope", scope="{KeyScope.CALL}"'
        raise Refused(403, message, {"www-authenticate": challenge})
    else:
        scope["user"], scope[COUNTS_AS] = user, user.principal.id
    if head.is_legacy and SESSION in head:
        await _take_up(head[SESSION], scope, hosted)
    return hosted


async def _take_up(session: str, scope: Scope, hosted: Hosted) -> None:
    """Have a handshake session open in this process, or over for all of them."""
    user = scope.get("user")
    try:
        await hosted.manager.take_up(session, user)
        if scope["method"] == "DELETE":
            await hosted.manager.end(session, user)
    except DatabaseError as error:
        raise _unreachable(scope, error) from None


def _unreachable(scope: Scope, error: DatabaseError) -> Refused:
    logger.error("a message to %.100r was refused: %s", scope["path"], error)
    message = "The database does not answer, so nothing was run. Wait a little and try again."
    return Refused(503, message, RETRY_LATER)


async def _pass_messages(scope: Scope, receive: Receive, send: Send, head: Headers, hosted: Hosted) -> None:
    """Answer what was posted, or hand it to the SDK, once it is here, whole and well formed.

    Its memory is counted until it is answered. A large one of a stranger who is over a limit is not read: what it asks
    for is not known, but it is no message that a client begins with.
    """

    async def serve_one(message: Any, body: bytes, receive: Receive, send: Send) -> None:
        try:
            await _serve(scope, receive, send, head, hosted, message, body)
        except Refused as refused:
            await refuse(refused, send)

    if "user" not in scope and bodies.may_be_large(head):
        try:
            await look(hosted.snapshot, scope[COUNTS_AS])
        except OverLimit as over:
            data, later = {"retryAfterSeconds": over.seconds}, {"retry-after": str(over.seconds)}
            raise Refused(429, str(over), later, code=OVER_LIMIT, data=data) from None
    with bodies.Share(current_host().room, scope[COUNTS_AS]) as share:
        body = await bodies.read(receive, head, share)
        is_large = len(body) >= LARGE
        message = await in_thread(partial(bodies.parsed, body)) if is_large else bodies.parsed(body)
        if isinstance(message, list) and batches.may_come(head):
            await batches.answer(batches.checked(message), serve_one, receive, send)
        else:
            await _serve(scope, receive, send, head, hosted, message, body)


async def _serve(
    scope: Scope, receive: Receive, send: Send, head: Headers, hosted: Hosted, message: Any, body: bytes
) -> None:
    request_id = bodies.check(message, head)
    session, manager = head.get(SESSION), hosted.manager
    if request_id is not None and session and manager.is_under_way(session, request_id):
        text = "A request with this id is under way in this session. Give each request an id of its own."
        raise Refused(400, text, request_id=request_id)
    client = manager.client_of(session, scope.get("user")) if session and head.is_legacy else None
    if request_id is None and client is not None:
        await manager.pass_around(head[SESSION], message)
    call = direct.plain_call(message, head, scope, hosted.snapshot, client)
    if call is None:
        await _pass_on(dict(scope), hand_on(message, body, receive), send, head, hosted)
    elif client is None:
        await direct.answer(call, None, receive, send)
    else:
        with manager.holding(head[SESSION], message["id"]):
            await direct.answer(call, session, receive, send)


async def _pass_on(scope: Scope, receive: Receive, send: Send, head: Headers, hosted: Hosted) -> None:
    if headers.only_asks(scope["method"], head):
        headers.check_listening("GET", head)
    stream = ResponseStream(send)
    opening.set(stream.opening)
    # As they were understood here.
    scope["headers"] = head.raw()
    scope[SESSIONS] = hosted.manager
    gets = int(scope["method"] == "GET")
    hosted.audience.open_gets += gets
    try:
        await AuthContextMiddleware(hosted.manager.asgi_app)(scope, receive, stream.send)
    finally:
        hosted.audience.open_gets -= gets
        stream.close()
