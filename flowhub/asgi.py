"""One ASGI application: MCP at /mcp/, sockets of open pages at /ws/, Django everywhere else."""

import os
import sys

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator, WebsocketDenier
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowhub.settings")

django_application = get_asgi_application()

from executions.live.routing import websocket_urlpatterns  # noqa: E402  (models need Django set up)
from mcp_bridge.gateway import Gateway  # noqa: E402
from mcp_bridge.wire import origins  # noqa: E402
from mcp_bridge.wire.refusals import App, Receive, Scope, Send  # noqa: E402


class OwnOrigin:
    """Opens sockets, which know people by their cookies, to pages of our own alone: the same scheme, host and port."""

    def __init__(self, sockets: App) -> None:
        self._validator = AllowedHostsOriginValidator(sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"").decode("latin-1")
        await (self._validator if origins.is_own(origin, scope) else WebsocketDenier())(scope, receive, send)


sockets = OwnOrigin(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
application = Gateway(ProtocolTypeRouter({"http": django_application, "websocket": sockets}))

# Each time that the event loop wants the interpreter back from a thread, some times a call, it waits so long; the usual
# 5 ms add up, for everybody else, while something large is worked on aside (flows.engine.aside).
sys.setswitchinterval(0.0005)
