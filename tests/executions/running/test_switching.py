"""A node that shows what its server has to clients, or hides it."""

from typing import Any

import pytest

from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import NodeContext
from flows.models import Flow, Prompt, Resource, Server
from flows.nodes.offer import SwitchOffer
from flows.offers.changes import save_offer
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.factories import call, make_flow, make_server, publish

HELLO = [{"role": "user", "content": {"type": "text", "text": "Hello"}}]


@pytest.fixture
def server(transactional_db: None) -> Server:
    """A server with a published flow, a prompt and a resource that go by the same name, all of them on."""
    server = make_server()
    publish(server, "booking", answer("Booked."))
    save_offer(Prompt(server=server, name="booking", description="Books.", messages=HELLO))
    save_offer(Resource(server=server, uri="booking:today", name="Booking", text="None yet."))
    return server


def turned(server: Server, **parameters: Any) -> Any:
    """What the node gives out, or the message of its failure."""
    flow = publish(server, f"turn_{server.flows.count()}", node("turn", "offer", **parameters), answer("{{ turn }}"))
    execution = call(flow)
    return execution.error_info["message"] if execution.error_info else execution.result["structuredContent"]


def shown(server: Server) -> list[bool]:
    """Whether the flow, the prompt and the resource are on."""
    flow = Flow.objects.get(server=server, tool_name="booking")
    return [flow.is_active, server.prompts.get().is_active, server.resources.get().is_active]


@pytest.mark.parametrize(
    ("index", "named"), [(0, {"flow": "booking"}), (1, {"prompt": "booking"}), (2, {"resource": "booking:today"})]
)
def test_a_flow_turns_one_thing_of_its_server_off_and_on_and_says_how_it_was(
    server: Server, index: int, named: dict[str, str]
) -> None:
    others = make_server()
    publish(others, "booking", answer("Booked."))
    off = [each != index for each in range(3)]
    assert turned(server, **named, state="off") == named | {"isOn": False, "wasOn": True}
    assert shown(server) == off
    assert turned(server, **named, state="off") == named | {"isOn": False, "wasOn": False}
    assert turned(server, **named, state="toggle") == named | {"isOn": True, "wasOn": False}
    assert shown(server) == [True, True, True]
    assert turned(server, **named, state="toggle") == named | {"isOn": False, "wasOn": True}
    assert turned(server, **named, state="on") == named | {"isOn": True, "wasOn": False}
    assert Flow.objects.get(server=others).is_active


def test_what_the_server_does_not_have_is_answered_with_what_it_has(server: Server) -> None:
    others = make_server()
    save_offer(Prompt(server=others, name="foreign", description="Not ours.", messages=HELLO))
    assert turned(server, prompt="foreign", state="off") == ("This server has no prompt 'foreign'. It has: booking.")
    assert turned(server, resource="booking:{{ trigger.day }}", state="off") == (
        "This server has no resource 'booking:{{ trigger.day }}'. It has: booking:today."
    )
    make_flow(server, tool_name="draft", is_active=False)
    assert turned(server, flow="draft", state="on").startswith(
        "This server has no published flow with the tool name 'draft'. It has: booking, turn_"
    )
    assert others.prompts.get().is_active


def test_what_could_not_be_saved_is_not_turned_on(server: Server) -> None:
    Prompt.objects.update(is_active=False, messages=[])
    assert turned(server, prompt="booking", state="on") == (
        "booking cannot be turned on as it is: messages: write at least one message, or choose a flow that answers"
    )
    assert shown(server) == [True, False, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({}, ["flow: name one flow, one prompt or one resource"]),
        ({"flow": "outer", "prompt": "booking"}, ["flow: name one flow, one prompt or one resource"]),
        ({"flow": "missing"}, ["flow: the server has no flow 'missing'. It has: outer"]),
    ],
)
def test_publishing_wants_one_thing_that_is_there(parameters: dict[str, str], faults: list[str]) -> None:
    definition = chain(node("turn", "offer", **parameters, state="on"))
    flow = make_flow(tool_name="outer", definition=definition, input_schema={"type": "object"})
    with pytest.raises(DefinitionError) as caught:
        versions.publish(flow)
    assert [str(fault) for fault in caught.value.faults] == [
        f"definition.nodes[1].parameters.{each}" for each in faults
    ]


@pytest.mark.anyio
async def test_where_nothing_can_be_turned_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="cannot be changed from this execution"):
        await SwitchOffer().execute({"flow": "booking", "state": "on"}, NodeContext("e1", "Node"))
