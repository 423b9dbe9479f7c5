"""Where boxes and lines go."""

from typing import Any

from flows.pages.drawing import GAP_X, MARGIN, WIDTH, draw


def node(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": key.upper(), "type": "delay", "slug": key} | more


def line(source: str, target: str, handle: str = "main") -> dict[str, str]:
    return {"id": source + target, "sourceNodeId": source, "sourceHandle": handle, "targetNodeId": target}


def column(x: float) -> float:
    return (x - MARGIN) / (WIDTH + GAP_X)


def test_nodes_without_positions_stand_one_column_right_of_what_leads_to_them() -> None:
    lines = [line("a", "b"), line("a", "c"), line("b", "d"), line("c", "d"), line("a", "d")]
    drawing = draw({"nodes": [node(key) for key in "abcd"], "connections": lines})
    assert {box.id: column(box.x) for box in drawing.boxes} == {"a": 0, "b": 1, "c": 1, "d": 2}
    rows = {box.id: box.y for box in drawing.boxes}
    assert rows["b"] < rows["a"] < rows["c"]


def test_positions_that_make_a_picture_are_kept_and_moved_to_the_corner() -> None:
    nodes = [node("a", position={"x": -300, "y": 50}), node("b", position={"x": 0, "y": 250})]
    drawing = draw({"nodes": nodes, "connections": []})
    assert [(box.x, box.y) for box in drawing.boxes] == [(MARGIN, MARGIN), (MARGIN + 300, MARGIN + 200)]


def test_positions_that_would_put_a_box_on_another_are_not_used() -> None:
    nodes = [node(key, position={"x": 0, "y": 0}) for key in "ab"]
    drawing = draw({"nodes": nodes, "connections": [line("a", "b")]})
    assert [column(box.x) for box in drawing.boxes] == [0, 1]


def test_a_draft_that_is_no_graph_is_drawn_as_far_as_it_goes() -> None:
    lines = [line("a", "b"), line("b", "a"), line("b", "gone"), {"id": 3}]
    drawing = draw({"nodes": [node("a"), node("b"), "nonsense", {"id": 7}], "connections": lines})
    assert [box.id for box in drawing.boxes] == ["a", "b"]
    assert len(drawing.lines) == 2
    assert [draw(broken).boxes for broken in (None, [], {"nodes": 1})] == [[], [], []]


def test_statuses_colour_boxes_and_the_lines_that_were_taken() -> None:
    lines = [line("a", "b", "true"), line("a", "c", "false")]
    drawing = draw(
        {"nodes": [node(key) for key in "abc"], "connections": lines},
        {"a": "completed", "b": "error", "c": "skipped"},
    )
    assert [box.status for box in drawing.boxes] == ["completed", "error", "skipped"]
    assert [(found.label, found.taken) for found in drawing.lines] == [("true", True), ("false", False)]
    assert drawing.sentence == "Graph of 3 nodes: A (completed), B (error), C (skipped)"


def test_each_handle_leaves_its_box_at_a_place_of_its_own_in_the_order_of_where_it_leads() -> None:
    lines = [line("a", "d", "default"), line("a", "b", "even"), line("a", "c", "large"), line("a", "c", "even")]
    positions = {"a": (0, 100), "b": (300, 0), "c": (300, 100), "d": (300, 200)}
    nodes = [node(key, position={"x": x, "y": y}) for key, (x, y) in positions.items()]
    drawing = draw({"nodes": nodes, "connections": lines})
    starts = {(found.label, float(found.path.split("C")[0].split()[1])) for found in drawing.lines}
    top = next(box.y for box in drawing.boxes if box.id == "a")
    assert starts == {("even", top + 14), ("large", top + 28), ("default", top + 42)}
    assert {found.label_y - start for found in drawing.lines for label, start in starts if label == found.label} == {-4}
