"""A flow that calls a flow: an execution of its own, tied to the one that called it."""

import asyncio
import json
from dataclasses import replace

import pytest
from asgiref.sync import sync_to_async

from executions.acting.trials import caller_of, try_out
from executions.admission.allowances import Bounds
from executions.models import Execution
from executions.running import cancelling, children
from executions.running.calls import Answer, Call, Caller, Pending, Waiting
from executions.running.deliveries import state_of
from executions.running.dispatch import CANCELLED, PARENT_ENDED
from executions.running.targets import draft_target, published_target
from flows.adapters.lineage import Lineage
from flows.models import Flow
from flows.publishing import versions
from tests.definitions import answer, chain, node
from tests.factories import call, make_flow, make_server, publish, publish_unchecked, release

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "canary-41c7e09b"
CALLER = Caller("key k", "mcp", "Client", "1.0", "2026-07-28")


async def begin(flow: Flow) -> asyncio.Task[Answer | Pending | Waiting]:
    """Call a published flow as an MCP client does; the answer is waited for in the task."""
    target = await sync_to_async(published_target)(flow)
    return asyncio.create_task(state_of(Call(target, {}, CALLER)))


async def pending(tool_name: str) -> Execution:
    """The execution of a flow, once it is stored and pending."""
    async with asyncio.timeout(20):
        while True:
            found = await Execution.objects.filter(flow_tool_name=tool_name, status="pending").afirst()
            if found is not None:
                return found
            await asyncio.sleep(0.02)


async def ended(tool_name: str) -> Execution:
    """The one execution of a flow, once it has ended."""
    async with asyncio.timeout(20):
        while True:
            found = await Execution.objects.filter(flow_tool_name=tool_name).exclude(status="pending").afirst()
            if found is not None:
                return found
            await asyncio.sleep(0.02)


def test_a_call_is_an_execution_with_its_caller_as_parent() -> None:
    server = make_server()
    inner = publish(server, "inner", answer({"got": "{{ trigger.word }}"}))
    outer = publish_unchecked(
        server, "outer", node("call", "call_flow", flow="inner", arguments={"word": "{{ trigger.w }}"})
    )
    execution = call(outer, w="hello")
    [child] = execution.children.all()
    assert (execution.status, execution.parent_id) == ("fulfilled", None)
    shown = (child.flow_id, child.flow_version_id, child.status, child.source, child.caller, child.initial_params)
    version = inner.published_version_id
    assert shown == (inner.pk, version, "fulfilled", "test", execution.caller, {"word": "hello"})
    entry = execution.node_executions[1]
    assert (entry["outputData"], entry["childExecutions"]) == ({"got": "hello"}, [str(child.pk)])
    assert ["childExecutions" in each for each in execution.node_executions] == [False, True]


def test_the_failure_of_a_flow_is_its_nodes_failure_and_names_both() -> None:
    server = make_server()
    publish(server, "inner", node("stop", "fail", message="No stock."), name="Take from stock")
    execution = call(publish_unchecked(server, "outer", node("call", "call_flow", flow="inner")))
    [child] = execution.children.all()
    assert (execution.status, execution.error_kind, execution.failed_node_name) == ("error", "node_failed", "Call")
    assert execution.error_info["message"] == "Flow 'Take from stock' failed in 'Stop': No stock."
    assert execution.result["content"] == [{"type": "text", "text": "No stock."}]
    assert execution.node_executions[1]["outputData"] == {"executionId": str(child.pk)}
    assert (child.status, child.error_kind) == ("error", "node_failed")


def test_arguments_that_do_not_fit_are_refused_before_anything_starts() -> None:
    server = make_server()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    publish(server, "inner", answer(1), input_schema=schema)
    execution = call(publish_unchecked(server, "outer", node("call", "call_flow", flow="inner", arguments={"n": "x"})))
    message = execution.error_info["message"]
    assert message.startswith("The arguments do not fit the input schema of inner: n: ")
    assert not execution.children.exists()


@pytest.mark.parametrize("change", ["unpublished", "inactive", "another server"])
def test_only_published_active_flows_of_the_same_server_can_be_called(change: str) -> None:
    server = make_server()
    inner = publish(make_server() if change == "another server" else server, "inner", answer(1))
    outer = make_flow(server, tool_name="outer", definition=chain(node("call", "call_flow", flow="inner")))
    if change == "inactive":
        versions.set_active(inner, False)
    if change == "unpublished":
        Flow.objects.filter(pk=inner.pk).update(published_version=None)
    execution = try_out(draft_target(outer), {}, caller_of(server.owner))
    assert execution.error_info["message"] == (
        "This server has no published, active flow with the tool name 'inner'. It has: none."
    )


def test_flows_may_call_each_other_until_they_are_ten_deep() -> None:
    server = make_server()
    make_flow(server, tool_name="pong")
    ping = publish_unchecked(server, "ping", node("call", "call_flow", flow="pong"))
    Flow.objects.filter(tool_name="pong").update(definition=chain(node("call", "call_flow", flow="ping")))
    release(Flow.objects.get(tool_name="pong"))
    execution = call(ping)
    named = " > ".join(["ping", "pong"] * 5 + ["ping"])
    message = execution.error_info["message"]
    assert message.startswith("Flow 'Pong' failed in 'Call': Flow 'Ping' failed in 'Call': ")
    assert f"Flows call each other more than 10 deep: {named}. Add a condition" in message
    text = execution.result["content"][0]["text"]
    assert text == "This tool's flows call each other too deep. Only their owner can repair that."
    assert Execution.objects.count() == children.MAX_DEPTH


def test_flows_that_double_with_each_level_are_stopped() -> None:
    server = make_server()
    twice = [node("one", "call_flow", flow="twice"), node("two", "call_flow", flow="twice")]
    definition = chain(*twice)
    definition["connections"] = [
        {"id": f"to-{each['id']}", "sourceNodeId": "trigger", "targetNodeId": each["id"]} for each in twice
    ]
    flow = make_flow(server, tool_name="twice", definition=definition)
    release(flow)
    caller = replace(caller_of(server.owner), bounds=Bounds(family=20))
    assert try_out(published_target(flow), {}, caller).status == "error"
    assert Execution.objects.count() <= 21


def test_calls_by_flowhub_s_own_address_count_to_the_family_that_made_them() -> None:
    flow = publish(make_server(), "inner", answer("Done"))
    above = Lineage("01a20676-9b50-763a-b704-55b808f94883", 9)
    family = children.numbers_of(above, 2)
    caller = replace(caller_of(flow.server.owner), above=above)
    ended = [try_out(published_target(flow), {}, caller) for _ in range(3)]
    assert [each.error_kind for each in ended] == ["", "", "rejected"]
    assert (ended[2].error_info["message"], next(family)) == (children.TOO_MANY.format(2), 4)
    another = replace(caller, above=Lineage("another", 10))
    message = try_out(published_target(flow), {}, another).error_info["message"]
    assert message.startswith("Flows call each other more than 10 deep: … > inner. ")


@pytest.mark.anyio
async def test_cancelling_the_caller_cancels_what_it_called() -> None:
    server = await sync_to_async(make_server)()
    await sync_to_async(publish_unchecked)(server, "inner", node("wait", "delay", seconds=60))
    outer = await sync_to_async(publish_unchecked)(server, "outer", node("call", "call_flow", flow="inner"))
    task = await begin(outer)
    child = await pending("inner")
    task.cancel()
    parent, child = await ended("outer"), await ended("inner")
    assert (parent.error_kind, child.error_kind, child.parent_id) == ("cancelled", "cancelled", parent.pk)
    assert child.error_info["message"] == PARENT_ENDED
    assert child.source == "mcp"


@pytest.mark.anyio
async def test_cancelling_what_was_called_is_a_failure_of_the_caller() -> None:
    server = await sync_to_async(make_server)()
    await sync_to_async(publish_unchecked)(server, "inner", node("wait", "delay", seconds=60))
    outer = await sync_to_async(publish_unchecked)(server, "outer", node("call", "call_flow", flow="inner"))
    task = await begin(outer)
    child = await pending("inner")
    assert await sync_to_async(cancelling.cancel)(child)
    result = await asyncio.wait_for(task, 20)
    parent = await ended("outer")
    assert (result.is_error, parent.error_kind, parent.failed_node_name) == (True, "node_failed", "Call")
    assert parent.error_info["message"] == f"Flow 'Inner' failed: {CANCELLED}"


def test_the_callers_time_is_the_time_of_what_it_calls() -> None:
    server = make_server()
    inner = publish_unchecked(server, "inner", node("wait", "delay", seconds=60))
    outer = publish_unchecked(server, "outer", node("call", "call_flow", flow="inner"), timeout_seconds=1)
    execution = call(outer)
    child = Execution.objects.get(flow=inner)
    assert (execution.error_kind, child.error_kind) == ("timeout", "cancelled")
    assert child.deadline_at is not None
    assert 1 <= (child.deadline_at - execution.started_at).total_seconds() < 3


def test_what_the_caller_must_not_record_is_not_recorded_of_what_it_calls() -> None:
    server = make_server()
    versions.set_secret(server, "KEY", SECRET)
    publish(server, "inner", node("stop", "fail", message="refused {{ trigger.word }}"))
    arguments = {"word": "{{ secrets.KEY }}"}
    execution = call(publish_unchecked(server, "outer", node("call", "call_flow", flow="inner", arguments=arguments)))
    [child] = execution.children.all()
    assert child.initial_params == {"word": "***"}
    stored = json.dumps([list(Execution.objects.values())], default=str)
    assert SECRET not in stored
    assert execution.error_info["message"] == "Flow 'Inner' failed in 'Stop': refused ***"


def test_what_a_called_flow_must_not_tell_reaches_no_caller() -> None:
    server = make_server()
    versions.set_secret(server, "KEY", SECRET)
    publish_unchecked(server, "inner", node("stop", "fail", message="refused {{ secrets.KEY }}"))
    execution = call(publish_unchecked(server, "outer", node("call", "call_flow", flow="inner")))
    assert execution.error_info["message"] == "Flow 'Inner' failed in 'Stop': refused ***"
    assert SECRET not in json.dumps(list(Execution.objects.values()), default=str)
