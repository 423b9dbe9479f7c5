"""Turn on or off what the server offers."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from flows.engine.errors import Fault, NodeFailed
from flows.engine.node import MAIN, Json, NodeContext, NodeResult, OfferKind
from flows.engine.shapes import Shape, closed
from flows.nodes.call_flow import FLOW_PARAMETER

KINDS: tuple[OfferKind, ...] = ("flow", "prompt", "resource")


def _literal(title: str, description: str) -> Mapping[str, Json]:
    return {
        "type": "string",
        "title": title,
        "description": f"{description} No expression: who calls may not choose.",
        "minLength": 1,
        "maxLength": 2000,
        "x-literal": True,
    }


class SwitchOffer:
    """Shows a flow, prompt or resource of the flow's own server to clients, or hides it."""

    type: ClassVar[str] = "offer"
    title: ClassVar[str] = "Offer or hide"
    description: ClassVar[str] = "Shows a tool, prompt or resource of this server to clients from now on, or hides it."
    group: ClassVar[str] = "Connect"
    icon: ClassVar[str] = "switch"
    help: ClassVar[str] = (
        "For tools that are there only at times: a flow that opens the booking turns on the tool that books. It does "
        "what people do on the page of the flow, prompt or resource: for every client, until somebody turns it back. "
        "Clients that listen hear at once that the list has changed. A call under way goes on."
    )
    example: ClassVar[Mapping[str, Json]] = {"flow": "book_table", "state": "on"}
    parameters_schema: ClassVar[Mapping[str, Json]] = {
        "type": "object",
        "properties": {
            "flow": FLOW_PARAMETER,
            "prompt": _literal("Prompt", "Or the name of a prompt of this server."),
            "resource": _literal("Resource", "Or the URI of a resource of this server, as it is written there."),
            "state": {
                "type": "string",
                "title": "State",
                "description": "On: clients see it. Toggle: whichever it is not now.",
                "enum": ["on", "off", "toggle"],
            },
        },
        "required": ["state"],
        "additionalProperties": False,
    }
    handles: ClassVar[tuple[str, ...]] = (MAIN,)
    has_effects: ClassVar[bool] = True

    def parameter_faults(self, parameters: Mapping[str, Json]) -> Sequence[Fault]:
        """Say which one: a flow, a prompt or a resource."""
        named = [kind for kind in KINDS if parameters.get(kind)]
        return [] if len(named) == 1 else [Fault("flow", "name one flow, one prompt or one resource")]

    async def execute(self, parameters: Mapping[str, Json], context: NodeContext) -> NodeResult:
        """Turn it; the output says how it is and how it was. Raises NodeFailed when the server does not have it."""
        if context.offers is None:
            raise NodeFailed("What the server offers cannot be changed from this execution.")
        kind = next(each for each in KINDS if parameters.get(each))
        name, state = parameters[kind], parameters["state"]
        was_on, is_on = await context.offers.turn(kind, name, None if state == "toggle" else state == "on")
        return NodeResult({kind: name, "isOn": is_on, "wasOn": was_on})

    def output_schema_of(self, parameters: Mapping[str, Json], shape_of: Callable[[Json], Shape]) -> Shape:
        """What was turned, how it is and how it was."""
        named: dict[str, Shape] = {kind: {"type": "string"} for kind in KINDS if parameters.get(kind)}
        return closed({**named, "isOn": {"type": "boolean"}, "wasOn": {"type": "boolean"}})
