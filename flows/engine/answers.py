"""What a flow answers, held against its output schema.

MCP (2026-07-28, Tools, Output Schema): a tool with an output schema must give structured results that fit it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from flows.engine.errors import Fault, NodeFailed
from flows.engine.failures import FlowError
from flows.engine.graph import Node
from flows.engine.node import Reply

_HINT = "Calling again with the same arguments is unlikely to help; the flow or its output schema has to be corrected."


class AnswerSchema(Protocol):
    """An output schema ready to check values; `flows.schemas.compiled.CompiledSchema` is one."""

    async def faults_aside(self, value: Any) -> Sequence[Fault]:
        """What is wrong with a JSON value, each fault at its path; empty when it fits."""


async def check(node: Node, reply: Reply | None, schema: AnswerSchema) -> None:
    """Raise NodeFailed, which names each path, when a node answers with a JSON value that does not fit."""
    if reply is None or not reply.is_structured:
        return
    if faults := await schema.faults_aside(reply.structured):
        message = f"The answer does not fit the flow's output schema: {'; '.join(map(str, faults))}."
        raise NodeFailed(message, for_client=f"{node.name}: {message} {_HINT}", is_final=True)


def lacking(replies: Sequence[tuple[Node, Reply]]) -> FlowError | None:
    """Why the answers of a flow with an output schema are not the one JSON value that it promises; None if they are."""
    nodes = [node for node, reply in replies if reply.is_structured]
    if len(nodes) == 1:
        return None
    said = "The flow has an output schema, so exactly one node has to answer with a JSON value; "
    if nodes:
        said += f"these did: {_names(nodes)}."
    elif replies:
        nodes = [node for node, _ in replies]
        said += f"there were other answers only: {_names(nodes)}."
    else:
        said += "no node answered."
    node = nodes[-1] if nodes else None
    return FlowError("node_failed", said, f"{said} {_HINT}", node.id if node else None, node.name if node else None)


def _names(nodes: Sequence[Node]) -> str:
    return ", ".join(repr(node.name) for node in nodes)
