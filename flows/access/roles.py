"""What the members of a server may do with it: each role is a set of scopes, the same that an API key has."""

from collections.abc import Mapping

from django.db.models import TextChoices

from flows.values.scopes import Scope


class Role(TextChoices):
    """What a person is to a server, from the least to the most."""

    VIEWER = "viewer", "Viewer: calls its tools, sees its flows and executions"
    EDITOR = "editor", "Editor: also changes drafts, tests, and acts on executions"
    PUBLISHER = "publisher", "Publisher: also changes what clients meet"
    OWNER = "owner", "Owner: also secrets and members"


_VIEWING = frozenset({Scope.CALL, Scope.FLOWS_READ, Scope.EXECUTIONS_READ})
_EDITING = _VIEWING | {Scope.FLOWS_WRITE, Scope.EXECUTIONS_WRITE}

SCOPES_OF: Mapping[str, frozenset[Scope]] = {
    Role.VIEWER: _VIEWING,
    Role.EDITOR: _EDITING,
    Role.PUBLISHER: _EDITING | {Scope.FLOWS_PUBLISH},
    Role.OWNER: frozenset(Scope),
}


def grants(role: str | None, scope: Scope | None) -> bool:
    """Whether a role has a scope; without a scope, whether it is one."""
    return role is not None and (scope is None or scope in SCOPES_OF[role])


def why_not(role: str, scope: Scope) -> str:
    """What is said to a member whose role does not have a scope."""
    has = next(each for each in Role if scope in SCOPES_OF[each])
    return f"You are a {role} of this server, and this takes its {has}: ask its owner for that role."
