"""Node types in templates, by the names that definitions have for them."""

from django import template

from flows.nodes import registry

register = template.Library()


@register.filter
def icon_of(node_type: str) -> str:
    """The name of a node type's icon; empty for one that this installation does not have."""
    found = registry().get(node_type)
    return found.node_type.icon if found else ""


@register.filter
def title_of(node_type: str) -> str:
    """What a node type is called; its own name for one that this installation does not have."""
    found = registry().get(node_type)
    return found.node_type.title if found else node_type
