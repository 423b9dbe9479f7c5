"""One ASGI application: MCP at /mcp/, sockets of open pages at /ws/, Django everywhere else."""

import os
import sys

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowhub.settings")

django_application = get_asgi_application()

from executions.live.routing import websocket_urlpatterns  # noqa: E402  (models need Django set up)
from mcp_bridge.gateway import Gateway  # noqa: E402

sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
application = Gateway(ProtocolTypeRouter({"http": django_application, "websocket": sockets}))

# Each time that the event loop wants the interpreter back from a thread, some times a call, it waits so long; the usual
# 5 ms add up, for everybody else, while something large is worked on aside (flows.engine.aside).
sys.setswitchinterval(0.0005)
