"""Addresses of the sockets."""

from django.urls import path, re_path

from executions.live.builders import BuildersConsumer
from executions.live.consumers import ExecutionsConsumer

websocket_urlpatterns = [
    path("ws/executions/", ExecutionsConsumer.as_asgi()),
    path("ws/flows/<int:flow_id>/", ExecutionsConsumer.as_asgi()),
    path("ws/flows/<int:flow_id>/builders/", BuildersConsumer.as_asgi()),
    # No flow has the id 0: every other address is closed as an unknown one.
    re_path("", ExecutionsConsumer.as_asgi(), {"flow_id": 0}),
]
