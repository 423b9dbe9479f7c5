"""Calls over a limit, for the heads of pages about a flow or a server."""

from django import template

from executions.reading.refused_calls import Refused, refused_of_flow, refused_of_server
from flows.models import Flow, Server

register = template.Library()


@register.simple_tag
def flow_refused(flow: Flow) -> Refused:
    """Those of a flow in the last 24 hours."""
    return refused_of_flow(flow.pk)


@register.simple_tag
def server_refused(server: Server) -> Refused:
    """Those at a server in the last 24 hours."""
    return refused_of_server(server.pk)
