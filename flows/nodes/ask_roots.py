"""Ask the client which folders it works in."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from flows.engine.node import MAIN, Json, NodeContext, NodeResult
from flows.engine.questions import ANSWER_SECONDS, Question, QuestionKind
from flows.engine.shapes import Shape, closed
from flows.nodes.ask_user import ANSWER_WITHIN


class AskRoots:
    """Gives out the roots that the client names (MCP, roots)."""

    type: ClassVar[str] = "ask_roots"
    title: ClassVar[str] = "Ask roots"
    description: ClassVar[str] = "Asks the client which folders and files it works in."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "list"
    help: ClassVar[str] = (
        "The answer is a list of file:// addresses on the client's machine, each with a name or null. FlowHub cannot "
        "open them; pass them on, or decide by them. A client that declares no roots makes the node fail."
    )
    example: ClassVar[Mapping[str, Json]] = {}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {"answerWithin": ANSWER_WITHIN},
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = False
    asks: ClassVar[QuestionKind] = "roots"

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Ask, and give out the list."""
        answer = context.ask(Question("roots", {}, parameters.get("answerWithin", ANSWER_SECONDS)))
        return NodeResult({"roots": [{"uri": root["uri"], "name": root.get("name")} for root in answer["roots"]]})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """The list."""
        root = closed({"uri": {"type": "string"}, "name": {"type": ["string", "null"]}})
        return closed({"roots": {"type": "array", "items": root}})
