"""What the calls of a flow add up to, for the heads of its pages, and where clients reach it."""

from django import template

from executions.reading.client_programs import ServerAddress
from executions.reading.statistics import Calls, calls_of
from flows.models import Flow, Server

register = template.Library()


@register.simple_tag
def flow_calls(flow: Flow) -> Calls:
    """The calls of one flow in the last 24 hours."""
    return calls_of([flow.pk])[flow.pk]


@register.filter
def mcp_url(server: Server) -> str:
    """The address that a client is given."""
    return ServerAddress.of(server).url
