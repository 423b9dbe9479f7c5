"""A definition becomes a graph, or every fault in it is named at its path."""

from typing import Any

import pytest

from flows.engine.errors import DefinitionError, Fault
from flows.engine.graph import MAX_DEPTH, MAX_NODES, MAX_NOTE_TEXT, held_outputs, parse, without_held
from tests.flows.engine.kit import Flow, node


def faults_of(flow: Flow, definition: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        parse(definition if definition is not None else flow.definition, flow.registry)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def test_order_is_topological_and_holds_only_what_the_trigger_reaches(flow: Flow) -> None:
    flow.add("last", after=("left", "right"))
    flow.nodes[1:1] = [node("left", "scripted"), node("right", "scripted"), node("island", "scripted")]
    flow.connect("trigger", "left")
    flow.connect("trigger", "right")
    graph = flow.graph()
    assert [each.slug for each in graph.order] == ["trigger", "left", "right", "last"]
    assert dict(graph.incoming_counts) == {"id-trigger": 0, "id-left": 1, "id-right": 1, "id-last": 2}
    assert sorted(graph.nodes) == ["id-island", "id-last", "id-left", "id-right", "id-trigger"]


def test_a_line_from_an_island_does_not_hold_up_a_node_that_runs(flow: Flow) -> None:
    flow.add("island")
    flow.add("step", after=("trigger", "island"))
    assert dict(flow.graph().incoming_counts) == {"id-trigger": 0, "id-step": 1}


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (None, ""),
        ([], ""),
        ({"nodes": []}, ""),
        ({"nodes": [], "connections": 3}, "connections"),
        ({"nodes": [{"type": "trigger", "name": "T", "slug": "t"}], "connections": []}, "nodes[0]"),
        ({"nodes": [node("Bad-Slug", "trigger")], "connections": []}, "nodes[0].slug"),
        ({"nodes": [node("t", "trigger") | {"position": {"x": 1}}], "connections": []}, "nodes[0].position"),
        ({"nodes": [node("t", "trigger") | {"parameters": []}], "connections": []}, "nodes[0].parameters"),
        ({"nodes": [node("t", "trigger")], "connections": [{"id": "c"}]}, "connections[0]"),
    ],
)
def test_a_wrong_shape_is_named_where_it_is(flow: Flow, definition: Any, path: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse(definition, flow.registry)
    assert {fault.path for fault in caught.value.faults} == {path}


def test_a_definition_that_is_too_deep_or_too_large_is_refused(flow: Flow) -> None:
    deep: Any = "x"
    for _ in range(2000):
        deep = [deep]
    flow.add("deep", after="trigger", value=deep)
    assert faults_of(flow) == [("", f"the definition is nested deeper than {MAX_DEPTH} levels")]
    many = {"nodes": [node(f"n{index}", "trigger") for index in range(MAX_NODES + 1)], "connections": []}
    [(path, message)] = faults_of(flow, many)
    assert path == "nodes"
    assert message.endswith(f"has more than {MAX_NODES} items")
    assert len(message) < 400


def test_faults_of_nodes_are_reported_together(flow: Flow) -> None:
    flow.add("a", "telepathy")
    flow.add("b", "delay", seconds=-1)
    flow.add("c", "scripted", wrong=1)
    flow.add("secrets", "scripted")
    flow.nodes.append(node("b", "scripted") | {"id": "id-other"})
    flow.nodes.append(node("z", "scripted") | {"id": "id-c"})
    known = ", ".join(sorted(flow.registry))
    assert faults_of(flow) == [
        ("nodes[1].type", f"there is no node type 'telepathy'; the types are: {known}"),
        ("nodes[2].parameters.seconds", "-1 is less than the minimum of 0"),
        ("nodes[3].parameters", "Additional properties are not allowed ('wrong' was unexpected)"),
        ("nodes[4].slug", "'secrets' is reserved for expressions; choose another slug"),
        ("nodes[5].slug", "the slug 'b' is taken by nodes[2]"),
        ("nodes[6].id", "another node has the id 'id-c'"),
    ]


def test_a_flow_has_exactly_one_trigger(flow: Flow) -> None:
    assert faults_of(flow, {"nodes": [], "connections": []}) == [
        ("nodes", "a flow needs one node of type 'trigger', where calls come in")
    ]
    flow.add("second", "trigger")
    assert faults_of(flow) == [("nodes[1]", "'Trigger' is already the flow's trigger")]


def test_faults_of_connections_are_named_at_their_ends(flow: Flow) -> None:
    flow.add("a", after="trigger")
    flow.add("end", "return", after="a", text="x")
    flow.connections += [
        {"id": "c1", "sourceNodeId": "ghost", "targetNodeId": "id-a"},
        {"id": "c2", "sourceNodeId": "id-a", "targetNodeId": "ghost"},
        {"id": "c2", "sourceNodeId": "id-a", "sourceHandle": "maybe", "targetNodeId": "id-end"},
        {"id": "c4", "sourceNodeId": "id-end", "targetNodeId": "id-a"},
        {"id": "c5", "sourceNodeId": "id-a", "targetNodeId": "id-trigger"},
        {"id": "c6", "sourceNodeId": "id-a", "targetNodeId": "id-end", "targetHandle": "side"},
    ]
    assert faults_of(flow) == [
        ("connections[2].sourceNodeId", "there is no node with the id 'ghost'"),
        ("connections[3].targetNodeId", "there is no node with the id 'ghost'"),
        ("connections[4].id", "another connection has the id 'c2'"),
        ("connections[4].sourceHandle", "'A' has no handle 'maybe'; it has: main, other"),
        ("connections[5].sourceHandle", "'End' has no handle 'main'; it has: none"),
        ("connections[6].targetNodeId", "nothing can lead into the trigger"),
        ("connections[7].targetHandle", "inputs have one handle, 'main'"),
        ("nodes[1]", "the connections run in a circle: A -> End -> A"),
    ]


def test_a_circle_is_named_in_the_order_of_its_lines(flow: Flow) -> None:
    flow.add("a", after="trigger")
    flow.add("b", after="a")
    flow.add("c", after="b")
    flow.add("behind", after="c")
    flow.connect("c", "a")
    [(path, message)] = faults_of(flow)
    turns = {"nodes[1]": "A -> B -> C -> A", "nodes[2]": "B -> C -> A -> B", "nodes[3]": "C -> A -> B -> C"}
    assert message == f"the connections run in a circle: {turns[path]}"


def test_an_expression_may_only_name_what_comes_before(flow: Flow) -> None:
    flow.add("early", after="trigger", value="{{ late.x }} {{ trigger.a }} {{ execution.id }}")
    flow.add("late", after="early", value=["{{ early }}", {"deep": "{{ ghost.y }}"}])
    assert faults_of(flow) == [
        (
            "nodes[1].parameters.value",
            "{{ late.x }} names 'late', which does not come before this node. Slugs that come before 'Early': trigger",
        ),
        (
            "nodes[2].parameters.value[1].deep",
            "{{ ghost.y }} names 'ghost', which is no node's slug. Slugs that come before 'Late': early, trigger",
        ),
    ]


def test_an_expression_in_a_node_that_nothing_reaches_is_left_alone(flow: Flow) -> None:
    flow.add("island", value="{{ ghost.y }}")
    assert [each.slug for each in flow.graph().order] == ["trigger"]


def test_a_malformed_expression_is_a_fault_even_where_nothing_runs(flow: Flow) -> None:
    flow.add("island", value={"key": "{{ 1 + 1 }}"})
    [(path, message)] = faults_of(flow)
    assert path == "nodes[1].parameters.value.key"
    assert message.startswith("{{ 1 + 1 }} is not a path.")


def test_a_value_with_an_expression_waits_for_the_run_to_be_checked(flow: Flow) -> None:
    flow.add("wait", "delay", after="trigger", seconds="{{ trigger.seconds }}")
    assert flow.graph().nodes["id-wait"].fill is not None
    flow.add("wait2", "delay", after="wait", seconds="soon")
    assert faults_of(flow) == [("nodes[2].parameters.seconds", '"soon" is not of type "number"')]


def test_a_fault_reads_as_path_and_message() -> None:
    error = DefinitionError([Fault("nodes[0].slug", "is taken"), Fault("", "is no flow")])
    assert str(error) == "nodes[0].slug: is taken; is no flow"


def test_the_handles_of_a_node_may_depend_on_its_parameters(flow: Flow) -> None:
    flow.add("choice", "switch", after="trigger", value=1, cases=[{"name": "one", "operator": "equals", "right": 1}])
    for handle in ("one", "default", "two"):
        flow.add(handle, after=f"choice:{handle}")
    flow.add("check", "validate", after="trigger", value=1, schema={}, onInvalid="fail")
    flow.add("never", after="check:invalid")
    assert faults_of(flow) == [
        ("connections[3].sourceHandle", "'Choice' has no handle 'two'; it has: one, default"),
        ("connections[5].sourceHandle", "'Check' has no handle 'invalid'; it has: valid"),
    ]


def test_which_handles_a_node_has_is_not_judged_while_its_parameters_have_faults(flow: Flow) -> None:
    flow.add("choice", "switch", after="trigger", cases=[{"name": "one"}])
    flow.add("next", after="choice:one")
    assert faults_of(flow) == [("nodes[1].parameters.cases[0]", '"operator" is a required property')]


def test_a_literal_parameter_holds_no_expressions(flow: Flow) -> None:
    flow.add("run", "code", after="trigger", source="f'{{a}} {{ secrets.KEY }} {{'", inputs={"a": "{{ trigger.a }}"})
    cases = [{"name": "a", "expression": "{{1}} == {{ nobody }}"}]
    flow.add("choice", "switch", after="run", value="{{ run.b }}", cases=cases)
    graph = flow.graph()
    run, choice = graph.order[1:]
    assert graph.secret_names == frozenset()
    assert run.fill is not None
    assert run.fill({"trigger": {"a": 1}}) == {"source": "f'{{a}} {{ secrets.KEY }} {{'", "inputs": {"a": 1}}
    assert choice.fill is not None
    assert choice.fill({"run": {"b": 2}}) == {"value": 2, "cases": cases}


def test_faults_that_only_the_node_type_knows_stand_at_their_path(flow: Flow) -> None:
    flow.add("check", "validate", after="trigger", value=1, schema={"properties": {"a": {"type": "text"}}})
    assert [path for path, _ in faults_of(flow)] == ["nodes[1].parameters.schema.properties.a.type"]


# --- Disabled ---------------------------------------------------------------------------------------------------------


def disabled(flow: Flow, slug: str, **more: Any) -> None:
    [found] = [each for each in flow.nodes if each["slug"] == slug]
    found.update({"disabled": True} | more)


def test_a_disabled_node_is_passed_over_at_main(flow: Flow) -> None:
    flow.add("first", after="trigger")
    flow.add("off", after="first", nonsense=1)
    flow.add("off_too", after="off")
    flow.add("last", after=("off_too", "first"))
    flow.add("aside")
    flow.connect("first:other", "off")
    flow.connect("off:other", "aside")
    flow.connect("off:of no type", "aside")
    disabled(flow, "off", type="gone")
    disabled(flow, "off_too")
    graph = flow.graph()
    assert [each.slug for each in graph.order] == ["trigger", "first", "last"]
    assert {(line.source, line.source_handle, line.target) for line in graph.connections} == {
        ("id-trigger", "main", "id-first"),
        ("id-first", "main", "id-last"),
        ("id-first", "other", "id-last"),
    }
    assert dict(graph.incoming_counts) == {"id-trigger": 0, "id-first": 1, "id-last": 2}


def test_an_expression_that_names_a_disabled_node_is_a_fault_and_so_is_a_disabled_trigger(flow: Flow) -> None:
    flow.add("off", after="trigger")
    flow.add("last", after="off", value="{{ off.x ?? 1 }}")
    disabled(flow, "off")
    disabled(flow, "trigger")
    assert faults_of(flow) == [
        ("nodes[0].disabled", "the trigger takes the call in; it cannot be disabled"),
        (
            "nodes[2].parameters.value",
            "{{ off.x ?? 1 }}: 'off' is disabled, so it has no output. Enable it, or name another. "
            "Slugs that come before 'Last': trigger",
        ),
    ]


def test_a_circle_through_a_disabled_node_is_still_one(flow: Flow) -> None:
    flow.add("one", after="trigger")
    flow.add("two", after="one")
    flow.connect("two", "one")
    disabled(flow, "two")
    assert [message for _, message in faults_of(flow)] == ["the connections run in a circle: One -> two -> One"]


def test_a_disabled_node_between_very_many_is_no_burden(flow: Flow) -> None:
    for number in range(240):
        flow.add(f"from_{number}", after="trigger")
        flow.connect(f"from_{number}", "off")
        flow.add(f"to_{number}", after="off")
    flow.nodes.append(node("off", "scripted") | {"disabled": True})
    assert len(flow.graph().connections) == 240 + 240 * 240


# --- What is drawn for people -----------------------------------------------------------------------------------------


def test_notes_and_groups_are_for_people_and_what_is_wrong_with_them_is_said(flow: Flow) -> None:
    place = {"position": {"x": 0, "y": 0}}
    notes = [{"id": "n", "text": "", **place}, {"id": "n", "text": "x" * (MAX_NOTE_TEXT + 1), **place}]
    groups = [{"id": "g", "name": "", "nodeIds": ["id-trigger", "gone"]}, {"id": "g", "name": "", "nodeIds": []}]
    assert flow.graph() is not None
    definition = {**flow.definition, "notes": notes, "groups": groups}
    assert [path for path, _ in faults_of(flow, definition)] == [
        "notes[1].text",
        "groups[0].nodeIds[1]",
        "groups[1].id",
    ]
    sound = {**flow.definition, "notes": notes[:1], "groups": [{"id": "g", "name": "", "nodeIds": ["id-trigger"]}]}
    assert parse(sound, flow.registry).order


def test_what_is_held_for_tests_is_taken_out(flow: Flow) -> None:
    flow.add("a", after="trigger")
    flow.nodes[1]["heldOutput"] = None
    assert held_outputs(flow.definition) == {"id-a": None}
    assert "heldOutput" not in str(without_held(flow.definition))
    assert flow.nodes[1]["heldOutput"] is None
    assert [without_held(each) for each in (5, {}, {"nodes": [5]})] == [5, {}, {"nodes": [5]}]
