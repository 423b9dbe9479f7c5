"""API keys in templates."""

from typing import Any

from django import template

from mcp_bridge.models import ApiKey

register = template.Library()


@register.simple_tag
def has_used_key(user: Any) -> bool:
    """Whether something has reached FlowHub with one of the person's own keys."""
    return ApiKey.objects.filter(owner=user.pk, last_used_at__isnull=False).exists()
