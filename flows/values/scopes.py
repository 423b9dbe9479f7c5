"""What an API key may do, and what it is limited to."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import TextChoices


class Scope(TextChoices):
    """One thing that a key may do."""

    CALL = "mcp:call", "Call tools, and use prompts and resources"
    EXECUTIONS_READ = "executions:read", "See executions, figures and saved cases"
    EXECUTIONS_WRITE = "executions:write", "Test, run again, cancel, answer, note, pin and delete executions"
    FLOWS_READ = "flows:read", "See servers, flows, prompts and resources"
    FLOWS_WRITE = "flows:write", "Change drafts: nothing that clients meet"
    FLOWS_PUBLISH = "flows:publish", "Change what clients meet: publish, switch, delete; prompts, resources, servers"
    SECRETS_WRITE = "secrets:write", "List, set and remove secrets; never their values"
    PEOPLE_WRITE = "people:write", "List, invite, change and remove members of servers"
    AUDIT_READ = "audit:read", "See who changed what"


CALLS_ONLY = (Scope.CALL.value,)
"""What a key may do unless more is chosen."""

EVERYTHING = tuple(Scope.values)
"""Whatever its owner may."""

OF_TOOLS = frozenset({Scope.CALL, Scope.EXECUTIONS_READ, Scope.EXECUTIONS_WRITE})
"""What a key for single tools can be given: the rest is about whole servers."""

_HOLDS = {
    Scope.EXECUTIONS_WRITE: Scope.EXECUTIONS_READ,
    Scope.FLOWS_WRITE: Scope.FLOWS_READ,
    Scope.FLOWS_PUBLISH: Scope.FLOWS_READ,
}


def held(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes with those that they hold: a write is answered with what was written, so it holds the reading."""
    chosen = frozenset(scopes)
    return chosen | {reading for writing, reading in _HOLDS.items() if writing in chosen}


def why_not(scopes: Iterable[str], tools: Iterable[str]) -> str:
    """Why a key cannot have these scopes with a choice of tools; empty when it can."""
    too_wide = [scope for scope in EVERYTHING if scope in set(scopes) - OF_TOOLS]
    if not any(tools) or not too_wide:
        return ""
    return f"A key for single tools cannot have {', '.join(too_wide)}: take that off, or let it call every tool."


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key is limited to, of all that its owner may see; None where it is not limited."""

    server_ids: frozenset[int] | None
    tools: frozenset[str] | None
