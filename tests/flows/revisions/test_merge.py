"""Two definitions become one: what only one side changed is taken, contradictions are choices, nothing is lost."""

from typing import Any

import pytest

from flows.revisions.merge import can_be_merged, differing_parts, merged_definition


def node(key: str, x: int = 0, **parameters: Any) -> dict[str, Any]:
    return {
        "id": key,
        "type": "delay",
        "name": key,
        "slug": key,
        "position": {"x": x, "y": 0},
        "parameters": parameters,
    }


def line(source: str, target: str, key: str = "", **more: Any) -> dict[str, Any]:
    return {"id": key or f"{source}-{target}", "sourceNodeId": source, "targetNodeId": target, **more}


def graph(*nodes: dict[str, Any], lines: Any = (), **more: Any) -> dict[str, Any]:
    return {"nodes": list(nodes), "connections": list(lines), **more}


BASE = graph(node("a", n=1), node("b", n=1), node("c", n=1), lines=[line("a", "b"), line("b", "c")])


def parts(base: Any, mine: Any, theirs: Any) -> dict[str, tuple[str, bool, str]]:
    return {part.key: (part.take, part.is_settled, part.said) for part in differing_parts(base, mine, theirs)}


def test_different_nodes_that_two_people_changed_are_both_taken() -> None:
    mine = graph(
        node("a", n=2), node("b", n=1), node("c", n=1), node("d"), lines=[*BASE["connections"], line("c", "d")]
    )
    theirs = graph(node("a", n=1), node("b", n=3), node("c", n=1), lines=BASE["connections"])
    assert parts(BASE, mine, theirs) == {
        "nodes.a": ("mine", True, "you changed it"),
        "nodes.b": ("theirs", True, "they changed it"),
        "nodes.d": ("mine", True, "you added it"),
        "connections.c-d": ("mine", True, "you added it"),
    }
    merged = merged_definition(BASE, mine, theirs, {})
    assert merged == graph(
        node("a", n=2), node("b", n=3), node("c", n=1), node("d"), lines=[*BASE["connections"], line("c", "d")]
    )
    assert merged_definition(BASE, theirs, mine, {}) == merged


def test_the_same_node_is_a_choice() -> None:
    mine, theirs = (graph(node("a", n=n), *BASE["nodes"][1:], lines=BASE["connections"]) for n in (2, 3))
    assert parts(BASE, mine, theirs) == {"nodes.a": ("mine", False, "you changed it, they changed it")}
    assert merged_definition(BASE, mine, theirs, {}) == mine
    assert merged_definition(BASE, mine, theirs, {"nodes.a": "theirs"}) == theirs


def test_who_moved_a_node_has_it_there_and_that_is_no_contradiction() -> None:
    mine = graph(node("a", x=9, n=1), *BASE["nodes"][1:], lines=BASE["connections"])
    theirs = graph(node("a", n=3), node("b", x=7, n=1), BASE["nodes"][2], lines=BASE["connections"])
    assert parts(BASE, mine, theirs) == {"nodes.a": ("theirs", True, "they changed it")}
    merged = graph(node("a", x=9, n=3), node("b", x=7, n=1), BASE["nodes"][2], lines=BASE["connections"])
    assert merged_definition(BASE, mine, theirs, {}) == merged


def test_a_removed_node_goes_with_its_connections_and_out_of_its_group() -> None:
    grouped = BASE | {"groups": [{"id": "g", "name": "All", "nodeIds": ["a", "b", "c"]}]}
    mine = graph(*BASE["nodes"][:2], lines=[line("a", "b")], groups=grouped["groups"])
    theirs = grouped | {"nodes": [node("a", n=5), *BASE["nodes"][1:]]}
    assert parts(grouped, mine, theirs)["nodes.c"] == ("mine", True, "you removed it")
    merged = merged_definition(grouped, mine, theirs, {})
    assert [each["id"] for each in merged["nodes"]] == ["a", "b"]
    assert merged["connections"] == [line("a", "b")]
    assert merged["groups"] == [{"id": "g", "name": "All", "nodeIds": ["a", "b"]}]


def test_a_node_that_one_removed_and_the_other_changed_or_connected_is_kept_unless_somebody_says_no() -> None:
    gone = graph(*BASE["nodes"][:2], lines=[line("a", "b")])
    changed = BASE | {"nodes": [*BASE["nodes"][:2], node("c", n=8)]}
    assert parts(BASE, gone, changed)["nodes.c"] == ("theirs", False, "you removed it, they changed it")
    connected = BASE | {"connections": [*BASE["connections"], line("a", "c")]}
    found = parts(BASE, gone, connected)
    assert found["nodes.c"][:2] == ("theirs", False)
    kept = merged_definition(BASE, gone, connected, {})
    assert (len(kept["nodes"]), line("a", "c") in kept["connections"]) == (3, True)
    without = merged_definition(BASE, gone, connected, {"nodes.c": "mine"})
    assert (len(without["nodes"]), without["connections"]) == (2, [line("a", "b")])


def test_a_connection_that_both_led_elsewhere_is_a_choice_and_equal_new_ones_are_one() -> None:
    mine = BASE | {"connections": [line("a", "b"), line("b", "a", "b-c"), line("a", "c", "x")]}
    theirs = BASE | {"connections": [line("a", "b"), line("b", "b", "b-c"), line("a", "c", "y")]}
    assert parts(BASE, mine, theirs)["connections.b-c"] == ("mine", False, "you changed it, they changed it")
    assert merged_definition(BASE, mine, theirs, {})["connections"] == [
        line("a", "b"),
        line("b", "a", "b-c"),
        line("a", "c", "x"),
    ]


@pytest.mark.parametrize("base", [None, {}, {"nodes": [1]}, "x"])
def test_without_a_common_base_everything_that_differs_is_a_choice_and_nothing_is_lost(base: Any) -> None:
    mine, theirs = graph(node("a", n=1), node("b")), graph(node("a", n=2), node("c"))
    if base == {}:
        assert all(not settled or said.endswith("added it") for _, settled, said in parts(base, mine, theirs).values())
        return
    assert parts(base, mine, theirs) == {
        "nodes.a": ("mine", False, "both have it"),
        "nodes.b": ("mine", False, "only yours"),
        "nodes.c": ("theirs", False, "only stored"),
    }
    assert merged_definition(base, mine, theirs, {}) == graph(node("a", n=1), node("b"), node("c"))


def test_notes_and_what_nobody_knows_yet_are_merged_alike() -> None:
    note = {"id": "n", "text": "Mind this.", "position": {"x": 0, "y": 0}}
    mine, theirs = BASE | {"notes": [note]}, BASE | {"viewport": {"zoom": 2}}
    assert merged_definition(BASE, mine, theirs, {}) == BASE | {"notes": [note], "viewport": {"zoom": 2}}


@pytest.mark.parametrize(
    "wrong", [None, [], {"nodes": 1}, {"nodes": [{}]}, {"nodes": [node("a"), node("a")]}, {"connections": ["x"]}]
)
def test_what_has_no_ids_cannot_be_merged(wrong: Any) -> None:
    assert (can_be_merged(wrong), can_be_merged(BASE), can_be_merged({})) == (False, True, True)
