"""Two states of a flow on one sheet: what is drawn, where, and what became of it."""

from typing import Any

from flows.pages.comparison import compared_canvas, on_one_sheet, verdicts_of
from tests.definitions import answer, chain, node

PLACES = {"trigger": (0, 0), "a": (300, 0), "b": (600, 0), "c": (300, 0), "answer": (900, 0)}


def placed(*nodes: dict[str, Any], **places: tuple[float, float]) -> dict[str, Any]:
    definition = chain(*nodes)
    at = PLACES | places
    for each in definition["nodes"]:
        x, y = at[each["id"]]
        each["position"] = {"x": x, "y": y}
    return definition


BEFORE = placed(node("a", "delay", seconds=1), node("b", "delay", seconds=1), answer(1))
AFTER = placed(node("c", "delay", seconds=1), node("b", "delay", seconds=2), answer(1), answer=(900, 200))


def test_each_node_is_added_removed_changed_moved_or_the_same() -> None:
    assert verdicts_of(BEFORE, AFTER) == {
        "trigger": "same",
        "a": "removed",
        "b": "changed",
        "c": "added",
        "answer": "moved",
    }
    assert set(verdicts_of(BEFORE, BEFORE).values()) == {"same"}


def test_what_is_gone_stands_at_its_old_place_or_below_what_stands_there_now() -> None:
    sheet = on_one_sheet(BEFORE, AFTER)
    at = {each["id"]: each["position"] for each in sheet["nodes"]}
    assert (at["c"], at["a"]) == ({"x": 300, "y": 0}, {"x": 300, "y": 108.0})
    shorter = on_one_sheet(BEFORE, placed(node("b", "delay", seconds=1), answer(1)))
    assert next(each["position"] for each in shorter["nodes"] if each["id"] == "a") == {"x": 300, "y": 0}


def test_the_canvas_has_the_parts_of_each_node_before_and_after_and_both_kinds_of_connections() -> None:
    canvas = compared_canvas(BEFORE, AFTER, ("v1", "draft"))
    assert canvas["compared"] == {"before": "v1", "after": "draft"}
    changes = {each["id"]: each["change"] for each in canvas["nodes"]}
    assert changes["b"] == {
        "verdict": "changed",
        "isMoved": False,
        "parts": [{"path": "parameters.seconds", "before": "1", "after": "2"}],
    }
    assert (changes["answer"]["verdict"], changes["answer"]["isMoved"], changes["answer"]["parts"]) == (
        "moved",
        True,
        [],
    )
    assert {"path": "parameters.seconds", "before": "1", "after": ""} in changes["a"]["parts"]
    lines = {(each["source"], each["target"]): each["change"] for each in canvas["connections"]}
    assert lines == {
        ("trigger", "c"): "added",
        ("c", "b"): "added",
        ("b", "answer"): "same",
        ("trigger", "a"): "removed",
        ("a", "b"): "removed",
    }


def test_what_is_no_graph_is_no_crash() -> None:
    canvas = compared_canvas({"nodes": 1}, {"nodes": [{"id": "a", "position": {"x": True}}, 1]}, ("v1", "v2"))
    assert [each["change"]["verdict"] for each in canvas["nodes"]] == ["added"]
