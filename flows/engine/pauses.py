"""A flow that waits for answers: what is kept of it until a later walk, in any process, goes on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from flows.engine.graph import Graph
from flows.engine.node import Finished, Json, Reply, Reused
from flows.engine.questions import Question

VERSION = 1


class Ended(NamedTuple):
    """A node that has ended and the handle that it took, None for none; `output` counts when `is_known`."""

    node_id: str
    handle: str | None
    output: Json = None
    is_known: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """A node that waits: its question, the answers that it had before it, and the attempt that asked."""

    question: Question
    answers: tuple[Json, ...] = ()
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a walk knows when only nodes that ask are left; everything in it is plain values.

    `ended` is in the order in which the nodes ended; `replies` have the ids of the nodes that gave them. `reported` are
    the ids of all that the observers have heard of. `seconds` is how long the flow was under way so far, without
    waiting.
    """

    seconds: float
    ended: tuple[Ended, ...]
    replies: tuple[tuple[str, Reply], ...]
    reported: frozenset[str]
    asking: Mapping[str, Asking]
    outputs_bytes: int = 0
    answer_bytes: int = 0
    reused: Mapping[str, Reused] = field(default_factory=lambda: MappingProxyType({}))
    """Outputs of an earlier execution for nodes that come later, and items that nodes which ask have finished."""

    def as_json(self) -> dict[str, Any]:
        """The form in which a host stores it; it is JSON if the outputs of the nodes are."""
        return {
            "version": VERSION,
            "seconds": self.seconds,
            "ended": [list(each) for each in self.ended],
            "replies": [
                [node_id, each.text, each.structured, each.is_structured, [dict(block) for block in each.blocks]]
                for node_id, each in self.replies
            ],
            "reported": sorted(self.reported),
            "asking": {
                node_id: [each.question.as_json(), list(each.answers), each.attempt]
                for node_id, each in self.asking.items()
            },
            "bytes": [self.outputs_bytes, self.answer_bytes],
            "reused": {
                node_id: [
                    each.output,
                    each.handle,
                    each.has_replied,
                    [[item.index, item.output, item.execution_id] for item in each.finished],
                    each.is_given,
                ]
                for node_id, each in self.reused.items()
            },
        }

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "Checkpoint":
        """Read what `as_json` gave; raises ValueError for that of another version of FlowHub."""
        if stored.get("version") != VERSION:
            raise ValueError("It was stored by another version of FlowHub, and cannot go on in this one.")
        return cls(
            seconds=stored["seconds"],
            ended=tuple(Ended(*each) for each in stored["ended"]),
            replies=tuple(
                (node_id, Reply(text, value, is_structured, tuple(blocks)))
                for node_id, text, value, is_structured, blocks in stored["replies"]
            ),
            reported=frozenset(stored["reported"]),
            asking={
                node_id: Asking(Question.of_json(question), tuple(answers), attempt)
                for node_id, (question, answers, attempt) in stored["asking"].items()
            },
            outputs_bytes=stored["bytes"][0],
            answer_bytes=stored["bytes"][1],
            reused={node_id: _reused(*each) for node_id, each in stored["reused"].items()},
        )


def _reused(
    output: Json,
    handle: str | None,
    has_replied: bool,
    finished: Sequence[Sequence[Any]] = (),
    is_given: bool = False,
) -> Reused:
    """What was stored; earlier releases of FlowHub knew no finished items, and no outputs that are given."""
    return Reused(output, handle, has_replied, tuple(Finished(*item) for item in finished), is_given)


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a flow goes on: from a checkpoint, with answers by node id, `at` seconds after it started.

    A node without an answer keeps asking.
    """

    checkpoint: Checkpoint
    answers: Mapping[str, Json]
    at: float

    def check(self, graph: Graph) -> None:
        """Raise ValueError, with a sentence for a reader, when the checkpoint is not one of this graph."""
        named = {each.node_id for each in self.checkpoint.ended} | set(self.checkpoint.asking)
        if not named <= {node.id for node in graph.order}:
            raise ValueError("The flow is not the one that asked: nodes that have run are no longer there.")
        if not set(self.answers) <= set(self.checkpoint.asking):
            raise ValueError("There are answers for nodes that have not asked.")
