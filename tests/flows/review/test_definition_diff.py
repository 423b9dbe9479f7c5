"""What changed inside a flow, in words."""

from typing import Any

from flows.review.definition_diff import MAX_NAMED_PARTS, InsideChange, PartChange, inside_changes
from tests.definitions import answer, chain, node


def changes(before: Any, after: Any, **settings: Any) -> list[InsideChange]:
    return inside_changes(before, after, dict.fromkeys(settings), settings)


def test_nodes_connections_and_settings_are_named_and_places_are_nothing() -> None:
    before = chain(node("fetch", "http_request", url="https://a.example", method="GET"), answer(1))
    moved = node("fetch", "http_request", url="https://b.example") | {"name": "Load", "position": {"x": 5, "y": 5}}
    after = chain(moved, node("wait", "delay", seconds=1), answer(1))
    assert changes(before, after, timeoutSeconds=9) == [
        InsideChange(
            "node",
            "changed",
            "fetch",
            "name was Fetch, parameters.method, parameters.url",
            (
                PartChange("name", "Fetch", "Load"),
                PartChange("parameters.method", "GET", ""),
                PartChange("parameters.url", "https://a.example", "https://b.example"),
            ),
        ),
        InsideChange("node", "added", "wait", "Wait, a node of type delay"),
        InsideChange("connection", "added", "fetch → wait", ""),
        InsideChange("connection", "added", "wait → answer", ""),
        InsideChange("connection", "removed", "fetch → answer", ""),
        InsideChange("setting", "changed", "timeoutSeconds", "none → 9"),
    ]
    removed = inside_changes(after, before, {}, {})
    assert InsideChange("node", "removed", "wait", "Wait, a node of type delay") in removed
    assert (
        changes(before, before | {"nodes": [each | {"position": {"x": 1, "y": 1}} for each in before["nodes"]]}) == []
    )


def test_notes_and_groups_are_named_and_what_is_held_for_tests_is_nothing() -> None:
    before = chain(answer(1)) | {"notes": [{"id": "n", "text": "Ask Ada", "position": {"x": 0, "y": 0}}]}
    moved = [{"id": "n", "text": "Ask Ada", "position": {"x": 9, "y": 9}}]
    grouped = before | {"notes": moved, "groups": [{"id": "g", "name": "All of it", "nodeIds": ["answer"]}]}
    assert changes(before, grouped) == [InsideChange("group", "added", "All of it", "")]
    assert changes(grouped, before | {"notes": []}) == [
        InsideChange("note", "removed", "Ask Ada", ""),
        InsideChange("group", "removed", "All of it", ""),
    ]
    held = before | {"nodes": [each | {"heldOutput": 1} for each in before["nodes"]]}
    assert changes(before, held) == []


def test_a_connection_from_another_way_out_is_another_connection() -> None:
    before = chain(node("check", "condition"), answer(1))
    after = before | {"connections": [before["connections"][0], before["connections"][1] | {"sourceHandle": "true"}]}
    assert [(each.verdict, each.name) for each in changes(before, after)] == [
        ("added", "check (true) → answer"),
        ("removed", "check → answer"),
    ]


def test_disabling_a_node_is_a_change_and_an_output_that_is_held_for_tests_is_none() -> None:
    before = chain(node("fetch", "http_request") | {"heldOutput": 1}, node("wait", "delay") | {"disabled": False})
    after = chain(node("fetch", "http_request") | {"heldOutput": [2], "disabled": True}, node("wait", "delay"))
    off, on = (PartChange("disabled", *said) for said in (("", "true"), ("true", "")))
    assert changes(before, after) == [InsideChange("node", "changed", "fetch", "disabled", (off,))]
    assert changes(after, before) == [InsideChange("node", "changed", "fetch", "enabled", (on,))]


def test_notes_and_groups_are_changes_of_their_own() -> None:
    at = {"position": {"x": 1, "y": 2}}
    before = {"notes": [{"id": "n", "text": "Ask Ada", **at}], "groups": [{"id": "g", "name": "Load", "nodeIds": []}]}
    after = {
        "notes": [{"id": "n", "text": "Ask Ada", "position": {}}, {"id": "m", "text": "x\ny" + "z" * 99, **at}],
        "groups": [{"id": "g", "name": "Read", "nodeIds": ["a"]}],
    }
    assert changes(before, after) == [
        InsideChange("note", "added", "x y" + "z" * 56 + "…", ""),
        InsideChange("group", "changed", "Read", "name, nodeIds"),
    ]
    assert changes(after, {}) == [
        InsideChange("note", "removed", "Ask Ada", ""),
        InsideChange("note", "removed", "x y" + "z" * 56 + "…", ""),
        InsideChange("group", "removed", "Read", ""),
    ]


def test_of_very_many_parts_some_are_named() -> None:
    before, after = chain(node("a", "log")), chain(node("a", "log", **{f"p{n}": 1 for n in range(20)}))
    assert changes(before, after)[0].message.endswith(f"and {20 - MAX_NAMED_PARTS} more")


def test_what_is_no_graph_is_no_crash() -> None:
    assert changes({"nodes": [1, {}], "connections": "x"}, {"nodes": None}) == []
