"""A list is worked through item by item: bounded, in order, and with each failure told or collected."""

from datetime import timedelta
from typing import Any

import pytest

from executions.models import Execution
from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import NodeContext
from flows.nodes import registry
from flows.nodes.for_each import ForEach
from flows.publishing.versions import graph_of
from tests.definitions import answer, chain, node
from tests.factories import call, make_server, publish, publish_unchecked

EACH = {"items": "{{ trigger.list }}", "flow": "inner", "arguments": {"n": "{{ item }}"}}


def each(**parameters: Any) -> dict[str, Any]:
    return node("each", "for_each", **(EACH | parameters))


def most_at_once(executions: list[Execution]) -> int:
    """How many executions were under way at the same moment, from their recorded times."""
    ended = [(item.ended_at, -1) for item in executions if item.ended_at is not None]
    running = most = 0
    for _, step in sorted([*ended, *((item.started_at, 1) for item in executions)]):
        running += step
        most = max(most, running)
    return most


@pytest.mark.django_db(transaction=True)
class TestRunning:
    def test_a_hundred_items_run_ten_at_a_time_and_keep_their_order(self) -> None:
        server = make_server()
        publish(server, "inner", node("wait", "delay", seconds=0.05), answer({"square": "{{ trigger.n }}"}))
        execution = call(publish_unchecked(server, "outer", each(concurrency=10)), list=list(range(100)))
        children = list(execution.children.all())
        assert execution.node_executions[1]["outputData"] == {
            "results": [{"square": number} for number in range(100)],
            "errors": [],
        }
        assert execution.node_executions[1]["childExecutions"] == sorted(str(child.pk) for child in children)
        assert len(children) == 100
        assert most_at_once(children) == 10
        assert execution.ended_at is not None
        assert execution.ended_at - execution.started_at < timedelta(seconds=100 * 0.05)

    def test_five_items_are_worked_on_at_a_time_unless_said_otherwise(self) -> None:
        server = make_server()
        publish(server, "inner", node("wait", "delay", seconds=0.2), answer("{{ trigger.n }}"))
        execution = call(publish_unchecked(server, "outer", each()), list=list(range(12)))
        assert most_at_once(list(execution.children.all())) == 5

    def test_arguments_name_the_item_its_place_and_earlier_nodes(self) -> None:
        server = make_server()
        publish(server, "inner", answer("{{ trigger }}"))
        arguments = {"id": "{{ item.id }}", "text": "{{ index }}: {{ item.id }} of {{ trigger.owner }}"}
        outer = publish_unchecked(server, "outer", each(arguments=arguments))
        execution = call(outer, list=[{"id": "a"}, {"id": "{{ item }}"}], owner="Ada")
        assert execution.node_executions[1]["outputData"]["results"] == [
            {"id": "a", "text": "0: a of Ada"},
            {"id": "{{ item }}", "text": "1: {{ item }} of Ada"},
        ]
        assert execution.node_executions[1]["inputData"]["arguments"] == arguments

    def test_an_item_can_be_the_arguments(self) -> None:
        server = make_server()
        publish(server, "inner", answer("{{ trigger.n }}"))
        outer = publish_unchecked(server, "outer", each(arguments="{{ item }}", onError="collect"))
        execution = call(outer, list=[{"n": 1}, 2])
        assert execution.node_executions[1]["outputData"] == {
            "results": [1, None],
            "errors": [
                {"index": 1, "message": "The arguments have to be an object with the parameters of the flow, not 2."}
            ],
        }

    def test_an_empty_list_calls_nothing(self) -> None:
        server = make_server()
        publish(server, "inner", answer(1))
        execution = call(publish_unchecked(server, "outer", each()), list=[])
        assert execution.node_executions[1]["outputData"] == {"results": [], "errors": []}
        assert not execution.children.exists()

    def test_errors_are_collected_with_the_place_of_each_item(self) -> None:
        server = make_server()
        publish(server, "inner", answer("{{ trigger.n.deep }}"), name="Look")
        outer = publish_unchecked(server, "outer", each(arguments={"n": "{{ item.n }}"}, onError="collect"))
        execution = call(outer, list=[{"n": {"deep": 1}}, {"n": 2}, {}])
        output = execution.node_executions[1]["outputData"]
        assert output["results"] == [1, None, None]
        assert [error["index"] for error in output["errors"]] == [1, 2]
        assert output["errors"][0]["message"].startswith("Flow 'Look' failed in 'Answer': {{ trigger.n.deep }}: ")
        assert output["errors"][1]["message"] == "{{ item.n }}: item has no 'n'; it has: nothing."

    def test_the_first_failure_stops_the_rest(self) -> None:
        server = make_server()
        inner = publish_unchecked(
            server, "inner", node("wait", "delay", seconds="{{ trigger.n }}"), name="Wait a little"
        )
        execution = call(publish_unchecked(server, "outer", each()), list=[60, "soon", 60, 60, 60, 60, 60])
        assert (execution.error_kind, execution.failed_node_name) == ("node_failed", "Each")
        start = (
            'The item at index 1 ("soon") failed after 0 of 7 were finished: '
            "Flow 'Wait a little' failed in 'Wait': After its expressions were filled in: seconds: "
        )
        assert execution.error_info["message"].startswith(start)
        kinds = sorted(Execution.objects.filter(flow=inner).values_list("error_kind", flat=True))
        assert kinds == ["cancelled"] * (len(kinds) - 1) + ["node_failed"]
        assert len(kinds) <= 5

    def test_an_expression_stands_in_for_a_flow(self) -> None:
        parameters = {"expression": "[index, item['n'] * rate]", "inputs": {"rate": "{{ trigger.rate }}"}}
        outer = publish_unchecked(
            make_server(), "outer", node("each", "for_each", items="{{ trigger.list }}", **parameters)
        )
        execution = call(outer, list=[{"n": number} for number in range(40)], rate=3)
        assert execution.node_executions[1]["outputData"] == {
            "results": [[number, 3 * number] for number in range(40)],
            "errors": [],
        }
        assert not execution.children.exists()

    def test_an_item_whose_expression_fails_is_named_or_collected(self) -> None:
        parameters = {"items": "{{ trigger.list }}", "expression": "10 // item", "concurrency": 1}
        message = "The expression failed at line 1: ZeroDivisionError: division by zero"
        stopping = call(publish_unchecked(make_server(), "outer", node("each", "for_each", **parameters)), list=[5, 0])
        assert stopping.error_info["message"] == f"The item at index 1 (0) failed after 1 of 2 were finished: {message}"
        collecting = node("each", "for_each", onError="collect", **parameters)
        execution = call(publish_unchecked(make_server(), "outer", collecting), list=[5, 0, 2])
        assert execution.node_executions[1]["outputData"] == {
            "results": [2, None, 5],
            "errors": [{"index": 1, "message": message}],
        }

    def test_what_is_no_list_is_named(self) -> None:
        server = make_server()
        publish(server, "inner", answer(1))
        execution = call(publish_unchecked(server, "outer", each()), list={"a": 1})
        message = 'After its expressions were filled in: items: {"a":1} is not of type "array"'
        assert execution.error_info["message"] == message


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("a" * 58, f'"{"a" * 58}"'),
        ("a" * 59, "a value of 61 characters"),
        ({"id": 7, "password": "hunter2"}, "id 7"),
        ({"key": "hunter2", "value": 1}, "an object with 2 members"),
        ({"id": None, "name": "A-1"}, 'name "A-1"'),
        ([1, 2], "a list of 2"),
        (None, "null"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_an_item_that_fails_is_named_in_few_words(item: Any, shown: str) -> None:
    parameters = {"items": "{{ trigger.list }}", "expression": "1 // 0"}
    execution = call(publish_unchecked(make_server(), "outer", node("each", "for_each", **parameters)), list=[item])
    start = f"The item at index 0 ({shown}) failed after 0 of 1 were finished: The expression failed at line 1: "
    assert execution.error_info["message"].startswith(start)


@pytest.mark.django_db(transaction=True)
def test_an_item_that_takes_too_long_is_stopped_and_the_others_go_on() -> None:
    server = make_server()
    publish(server, "inner", node("wait", "delay", seconds="{{ trigger.n }}"), answer(1))
    execution = call(publish_unchecked(server, "outer", each(itemTimeoutSeconds=0.5, onError="collect")), list=[0, 60])
    output = execution.node_executions[1]["outputData"]
    message = (
        "It took longer than its timeout of 0.5 s and was stopped; whether it took effect is not known. "
        "Ask for less at a time, or raise the timeout of an item."
    )
    assert output == {"results": [1, None], "errors": [{"index": 1, "message": message}]}


def test_item_and_index_are_known_in_the_arguments_alone() -> None:
    with pytest.raises(DefinitionError) as caught:
        graph_of(chain(each(arguments={"a": "{{ item }} {{ index }} {{ other }}"}, items="{{ item }}")))
    assert [fault.path for fault in caught.value.faults] == [
        "nodes[1].parameters.items",
        "nodes[1].parameters.arguments.a",
    ]


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ({"concurrency": 0}, "concurrency: 0 is less than the minimum of 1"),
        ({"concurrency": 51}, "concurrency: 51 is greater than the maximum of 50"),
        ({"arguments": [1]}, 'arguments: [1] is not of type "object"'),
        ({"onError": "ignore"}, 'onError: use one of: "stop", "collect"'),
        ({"itemRetries": {"attempts": 11}}, "itemRetries.attempts: 11 is greater than the maximum of 10"),
        ({"itemTimeoutSeconds": 0}, "itemTimeoutSeconds: 0 is less than the minimum of 0.001"),
    ],
)
def test_wrong_parameters_are_named(parameters: Any, fault: str) -> None:
    found = registry()["for_each"].faults(EACH | parameters, "", before_filling=True)
    assert [str(each) for each in found] == [fault]


@pytest.mark.parametrize(
    ("parameters", "faults"),
    [
        ({"items": [], "expression": "item"}, []),
        ({"items": []}, ['"flow" is a required property', '"arguments" is a required property']),
        ({"items": [], "expression": "item", "flow": "inner"}, ['flow: False schema does not allow "inner"']),
        (EACH | {"inputs": {}}, ["inputs: False schema does not allow {}"]),
    ],
)
def test_it_takes_either_a_flow_or_an_expression(parameters: Any, faults: list[str]) -> None:
    found = registry()["for_each"].faults(parameters, "", before_filling=True)
    assert [str(fault) for fault in found] == faults


@pytest.mark.anyio
async def test_without_a_code_runner_an_expression_says_so() -> None:
    with pytest.raises(NodeFailed, match="No code runner"):
        await ForEach().execute({"items": [], "expression": "item"}, NodeContext("e1", "Node"))


@pytest.mark.anyio
async def test_where_no_flows_can_be_called_it_says_so() -> None:
    with pytest.raises(NodeFailed, match="No flows can be called"):
        await ForEach().execute(EACH | {"items": []}, NodeContext("e1", "Node"))
