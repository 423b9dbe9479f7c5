"""Whether a client's call is within the limits of its caller and of the server, asked before anything is run."""

from typing import Any

from django.conf import settings

from executions.admission.allowances import Bounds, OverLimit, of_stranger
from executions.admission.doors import Place, doors
from mcp_bridge.calls import results
from mcp_bridge.catalogue.snapshot import Snapshot
from mcp_bridge.keys.principals import Principal

OVER_LIMIT = -32005
"""The error for a prompt or resource of a flow, and for a large message that is not read for it. MCP leaves -32000 to
-32019 to implementations; this one means the same elsewhere (EIP-1474, Error codes).
"""

RETRY_AFTER = "flowhub/retryAfterSeconds"
"""In `_meta`: clients compare structured content with the tool's output schema, also that of an error."""


async def admit(
    snapshot: Snapshot, principal: Principal | None, counts_as: str, flow_id: int | None, *, is_new: bool = True
) -> Place:
    """Let a call in, as `doors.admit` does; raises OverLimit.

    It is counted to the key; of strangers to what they count as, `Caller.counts_as`, at this server.
    """
    if principal is not None:
        caller = principal.allowance
    else:
        caller = of_stranger(counts_as, snapshot.server_id, *snapshot.stranger_calls)
    admitted = doors.admit((caller, snapshot.allowance), flow_id, snapshot.server_id, is_new=is_new)
    return admitted if isinstance(admitted, Place) else await admitted


async def look(snapshot: Snapshot, stranger: str) -> None:
    """Raise OverLimit where a stranger, by what they count as, would not be let in; nothing is taken."""
    await doors.look((of_stranger(stranger, snapshot.server_id, *snapshot.stranger_calls),), snapshot.server_id)


def bounds_of(principal: Principal | None) -> Bounds:
    """What one call may leave behind: less when a stranger makes it."""
    if principal is not None:
        return Bounds()
    return Bounds(settings.MAX_STRANGER_FAMILY, settings.MAX_STRANGER_WAITING)


def over_limit(over: OverLimit, protocol_version: str) -> dict[str, Any]:
    """The result of a tool call that is not made: no client waits for Retry-After, but its model reads a sentence."""
    return results.failure(str(over), protocol_version) | {"_meta": {RETRY_AFTER: over.seconds}}
