"""Let the client hang up while the flow goes on."""

from collections.abc import Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult


class Release:
    """Ends the connection of the client that waits; the client comes back for the answer by itself."""

    type: ClassVar[str] = "release"
    title: ClassVar[str] = "Release client"
    description: ClassVar[str] = "Ends the connection of the client that waits. It comes back for the answer by itself."
    group: ClassVar[str] = "Logic"
    icon: ClassVar[str] = "clock"
    help: ClassVar[str] = (
        "For long work behind a proxy that cuts long requests: put it before the long part. A client of protocol "
        "2025-11-25 is told at the start of a call how to come back; it does so within a second, and gets what it "
        "missed and the answer. For every other client nothing happens: it waits as before."
    )
    example: ClassVar[Mapping[str, Json]] = {}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    is_immediate: ClassVar[bool] = True
    speaks: ClassVar[bool] = True

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Let go, and go on at once."""
        context.release()
        return NodeResult(None)
