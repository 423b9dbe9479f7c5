"""Values by a name that a template holds."""

from typing import Any

from django import template

register = template.Library()


@register.filter
def at(values: Any, name: str) -> Any:
    """What stands under a name; nothing where there is no such name, or nothing to look into."""
    return values.get(name, "") if isinstance(values, dict) else ""
