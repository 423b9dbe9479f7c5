"""One ASGI application: MCP at /mcp/, Django everywhere else. The only file that knows both."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowhub.settings")

django_application = get_asgi_application()

from mcp_bridge.gateway import Gateway  # noqa: E402  (models can be imported only once Django is set up)

application = Gateway(django_application)
