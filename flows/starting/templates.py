"""Five flows to begin with. Each works on a fresh installation: what they ask is FlowHub's own demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.starting.new_flow import NewFlow
from flows.starting.template_flows import ADD_UP, CANCEL, DELIVERY, LOOK_UP, SORT


@dataclass(frozen=True, slots=True)
class Template:
    """A flow to begin with: what it shows, what each of its nodes is there for, and what to put in place of the demo.

    `asks` says which node asks the demo, and what that is; empty when nothing outside is asked. `called` is a flow that
    it calls.
    """

    key: str
    title: str
    shows: str
    new: NewFlow
    steps: Mapping[str, str]
    asks: str = ""
    called: NewFlow | None = None

    @property
    def definition(self) -> dict[str, Any]:
        """The graph, to draw it."""
        return dict(self.new.fields["definition"])

    @property
    def nodes(self) -> list[tuple[str, str, str]]:
        """Name, node type and what it is there for, of each node."""
        return [(node["name"], node["type"], self.steps[node["slug"]]) for node in self.definition["nodes"]]

    @property
    def node_types(self) -> list[str]:
        """Its node types, each once."""
        return list(dict.fromkeys(node["type"] for node in self.definition["nodes"]))


TEMPLATES: tuple[Template, ...] = (
    Template(
        "look-up",
        "Look something up",
        "Asks another system for one thing, and tells the model in words when it is not there.",
        LOOK_UP,
        {
            "trigger": "Takes the order's id.",
            "fetch": "Asks for the order. An unknown one does not fail here, so that the next node can branch on it.",
            "found": "Goes on at true for 200, else at false.",
            "answer": "Gives out what the model needs of the order, and nothing else.",
            "unknown": "Ends the call as an error; the model reads what to change.",
        },
        asks="Fetch order asks the demo's order service",
    ),
    Template(
        "branch",
        "Branch",
        "Takes one of several ways, by a comparison or by a line of Python.",
        DELIVERY,
        {
            "trigger": "Takes a country.",
            "where": "Tries its cases in order: the first that holds is the way out.",
            "home": "Answers for home.",
            "near": "Answers for the neighbours.",
            "far": "Answers for everybody else: the way out default.",
        },
    ),
    Template(
        "loop",
        "Loop over a list",
        "Calls another flow for each item, several at a time, and puts the results together.",
        ADD_UP,
        {
            "trigger": "Takes a list of ids.",
            "orders": "Calls the flow beside it for each id. What fails is collected, and the others go on.",
            "sum": "Computes with Python, in a sandbox.",
            "answer": "Answers with JSON.",
        },
        asks="The flow that is called asks the demo's order service",
        called=LOOK_UP,
    ),
    Template(
        "ask",
        "Ask the person",
        "Stops in the middle and asks the person at the client; three ways on: accept, decline, cancel.",
        CANCEL,
        {
            "trigger": "Takes the order's id.",
            "fetch": "Asks for the order; an unknown one ends the call.",
            "open": "An order that is cancelled already needs no question.",
            "confirm": "Waits for the person, for up to a day if need be.",
            "note": "Writes a line into the record. Put the request that cancels the order in its place.",
            "done": "Answers after accept.",
            "kept": "Answers after decline and cancel.",
            "before": "Answers without having asked.",
        },
        asks="Fetch order asks the demo's order service",
    ),
    Template(
        "model",
        "Ask a model",
        "Has a language model read a text and answer as JSON that fits a schema.",
        SORT,
        {
            "trigger": "Takes a text.",
            "ask": "Sends instructions and text to a chat endpoint. An answer that does not fit the schema fails.",
            "answer": "Answers with the model's JSON.",
        },
        asks="Ask the model asks the demo, which only plays a model: it picks words out of the text",
    ),
)


def template(key: str) -> Template | None:
    """The template of a key, as addresses have it."""
    return next((each for each in TEMPLATES if each.key == key), None)
