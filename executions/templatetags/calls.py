"""What the calls of a flow add up to, for the heads of its pages, and where clients reach it."""

from typing import Any

from django import template
from django.conf import settings

from executions.statistics import Calls, calls_of
from flows.models import Flow, Server

register = template.Library()


@register.simple_tag
def flow_calls(flow: Flow) -> Calls:
    """The calls of one flow in the last 24 hours."""
    return calls_of([flow.pk])[flow.pk]


@register.filter
def mcp_url(server: Server) -> str:
    """The address that a client is given."""
    return f"{settings.PUBLIC_URL}/mcp/{server.slug}"


@register.simple_tag
def bars(calls: Calls, height: int = 24) -> list[dict[str, Any]]:
    """The hours of a small bar chart: x, height and top of the fulfilled and of the failed part, in pixels."""
    most = max((hour.total for hour in calls.hours), default=0) or 1
    drawn = []
    for index, hour in enumerate(calls.hours):
        whole = max(hour.total / most * height, 2) if hour.total else 1
        failed = max(hour.error / most * height, 2) if hour.error else 0
        drawn.append(
            {
                "x": index * 4,
                "empty": not hour.total,
                "top": round(height - whole, 1),
                "whole": round(whole, 1),
                "failed_top": round(height - failed, 1),
                "failed": round(failed, 1),
            }
        )
    return drawn
