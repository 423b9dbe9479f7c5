"""What the person of a page may do, so that the page does not offer the rest."""

from typing import Any

from django import template

from flows.access.roles import Role, grants
from flows.models import Server
from flows.values.scopes import Scope

register = template.Library()


@register.simple_tag(takes_context=True)
def may(context: Any, scope: str, server: Server | None) -> bool:
    """Whether the role of the person in a server has a scope: `{% may "flows:publish" server as can_publish %}`."""
    user = getattr(context.get("request"), "user", None)
    return server is not None and user is not None and grants(server.role_of(user), Scope(scope))


@register.simple_tag(takes_context=True)
def role_in(context: Any, server: Server | None) -> str:
    """The person's role in a server that somebody else owns, as a word; empty in an own one, and for a superuser."""
    role = server.role_of(context["request"].user) if server is not None else None
    return "" if role in (None, Role.OWNER) else str(role).title()


@register.simple_tag(takes_context=True)
def may_act(context: Any, execution: Any) -> bool:
    """Whether the person may act on an execution that is shown; without its flow it is seen by its owner alone."""
    user = context["request"].user
    if execution.flow_id is None or execution.owner_id == user.pk:
        return True
    return grants(execution.flow.server.role_of(user), Scope.EXECUTIONS_WRITE)
