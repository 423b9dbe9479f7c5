"""The graph of an execution: what ran, with the state, the time and the counts of each node."""

import json
import re
from typing import Any

import pytest

from executions.models import Execution
from executions.pages.graph import graph_of
from executions.record.status import Status
from flows.publishing import versions
from tests.executions.pages.test_views import browser_of
from tests.factories import make_execution, make_flow

pytestmark = pytest.mark.django_db


def node(key: str, node_type: str, **parameters: Any) -> dict[str, Any]:
    return {"id": key, "type": node_type, "name": key.title(), "slug": key, "parameters": parameters}


DEFINITION = {
    "nodes": [
        node("trigger", "trigger"),
        node("orders", "set_fields", fields={"key": "a parameter of the flow"}),
        node("check", "condition", left="{{ orders.key }}", operator="equals", right="x"),
        node("answer", "return", text="{{ orders.key }}"),
        node("wrong", "fail", message="It is not x."),
    ],
    "connections": [
        {"id": "1", "sourceNodeId": "trigger", "targetNodeId": "orders"},
        {"id": "2", "sourceNodeId": "orders", "targetNodeId": "check"},
        {"id": "3", "sourceNodeId": "check", "sourceHandle": "true", "targetNodeId": "answer"},
        {"id": "4", "sourceNodeId": "check", "sourceHandle": "false", "targetNodeId": "wrong"},
    ],
}


def entry(key: str, status: str, **more: Any) -> dict[str, Any]:
    return {"nodeId": key, "nodeName": key, "nodeType": "x", "status": status} | more


FAILED = [
    entry("trigger", "completed", startOffsetMs=0.0, durationMs=0.2, outputData={}),
    entry("orders", "completed", startOffsetMs=0.5, durationMs=1500.0, attempts=3, outputData=[{}, {}]),
    entry("check", "completed", startOffsetMs=1501.0, durationMs=2.0, handle="false", outputData={"results": [1]}),
    entry("answer", "skipped"),
    entry(
        "wrong", "error", startOffsetMs=1504.0, durationMs=0.0, error={"message": "It is not x.", "kind": "node_failed"}
    ),
]


def failed() -> Execution:
    flow = make_flow(definition=DEFINITION)
    version = versions.publish(flow, flow.server.owner)
    error = {"message": "It is not x.", "kind": "node_failed", "nodeId": "wrong", "nodeName": "Wrong"}
    return make_execution(flow, flow_version=version, status=Status.ERROR, node_executions=FAILED, error_info=error)


def test_each_node_has_its_state_in_words_its_counts_and_times_and_the_failing_one_is_named() -> None:
    execution = failed()
    run = graph_of(execution)["canvas"]["run"]
    assert run["failed"] == "wrong"
    assert run["cards"] == f"/executions/{execution.pk}/?view=nodes"
    said = {key: (state["word"], state["facts"], state["start"], state["way"]) for key, state in run["nodes"].items()}
    assert said == {
        "trigger": ("completed", "<1 ms", 0.0, None),
        "orders": ("completed", "3 attempts · 2 items · 1.5 s", 0.5, None),
        "check": ("completed", "1 item · 2 ms", 1501.0, "false"),
        "answer": ("skipped", "", None, None),
        "wrong": ("failed", "0 ms", 1504.0, None),
    }


def test_an_execution_under_way_says_what_runs_and_what_waits() -> None:
    asked = [{"kind": "elicitation", "offsetMs": 3.0, "waitedMs": None}]
    entries = [
        entry("trigger", "completed", startOffsetMs=0.0, durationMs=1.0, reused=True),
        entry("orders", "pending", startOffsetMs=1.0),
        entry("check", "pending", startOffsetMs=2.0, asked=asked),
    ]
    flow = make_flow(definition=DEFINITION)
    run = graph_of(make_execution(flow, status=Status.PENDING, node_executions=entries))["canvas"]["run"]
    assert [state["word"] for state in run["nodes"].values()] == ["reused", "running", "waiting for an answer"]
    assert run["failed"] is None


def test_the_graph_holds_nothing_of_what_the_nodes_are_made_of() -> None:
    assert "a parameter of the flow" not in json.dumps(graph_of(failed())["canvas"])


def test_the_page_shows_the_version_that_ran_and_its_drawing_leads_to_the_cards() -> None:
    execution = failed()
    flow = execution.flow
    assert flow is not None
    flow.definition = {"nodes": [node("trigger", "trigger")], "connections": []}
    flow.save()
    page = browser_of(flow.server.owner).get(f"/executions/{execution.pk}/?view=graph").content.decode()
    found = re.search(r'<script id="canvas" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    assert len(json.loads(found[1])["nodes"]) == 5
    assert f'<a href="/executions/{execution.pk}/?view=nodes#node-wrong">' in page


def test_where_nothing_ran_there_is_no_graph() -> None:
    execution = failed()
    execution.flow_version, execution.flow = None, None
    assert graph_of(execution) == {}
