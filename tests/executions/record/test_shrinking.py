"""A record that is too large: what flows gave out is cut, what nodes are and did stays, and it ends at its limit."""

import json
import random
from typing import Any

import pytest

from executions.record import payload
from executions.record.entries import Cut, entries_of
from executions.record.payload import MAX_RECORD
from executions.record.shrinking import rebuilt

DATA = ("inputData", "outputData", "error", "progress", "log", "attemptLog", "asked", "childExecutions", "finished")


def shrunk(entries: list[dict[str, Any]], cap: int = MAX_RECORD) -> list[dict[str, Any]]:
    """The entries as they are stored."""
    text = payload.dump(entries, cap, redactor=None, rebuild=rebuilt)
    assert len(text.encode()) <= cap
    found: list[dict[str, Any]] = json.loads(text)
    return found


def entry(number: int, **more: Any) -> dict[str, Any]:
    """One entry as a Tracker has it."""
    values = {"nodeId": f"n{number}", "nodeName": f"Node {number}", "nodeType": "code", "status": "completed"}
    times = {"executedAt": "2026-01-02T03:04:05+00:00", "startOffsetMs": number * 1.5, "durationMs": 1.25}
    ended = {"attempts": 1, "handle": "main", "inputData": None, "outputData": None, "error": None}
    return values | times | ended | more


def line(number: int, **more: Any) -> dict[str, Any]:
    return {"offsetMs": number + 0.5, "level": "info", "message": f"line {number} " + "x" * 60} | more


def identity(found: dict[str, Any]) -> dict[str, Any]:
    """What an entry says of the node itself."""
    return {name: value for name, value in found.items() if name not in DATA and not name.endswith("LeftOut")}


def test_a_record_that_is_small_enough_is_stored_as_it_is() -> None:
    entries = [entry(1, outputData={"b": 1, "a": [2.0, "ü"]}, log=[line(1, data={"x": None})]), entry(2)]
    assert payload.dump(entries, rebuild=rebuilt) == payload.dump(entries)
    large = [entry(number, outputData="x" * 60_000) for number in range(15)]
    assert payload.dump(large, rebuild=rebuilt) == payload.dump(large)
    assert shrunk(large) == large


def test_only_the_largest_parts_are_cut_and_the_mark_tells_what_was_there() -> None:
    output = ["y" * 1000] * 1200
    log = [line(number) for number in range(100)]
    first, second = shrunk(
        [entry(1, inputData={"n": 1}, outputData=output, log=log), entry(2, outputData="x" * 50_000)]
    )
    cut = first.pop("outputData")
    text = json.dumps(output, separators=(",", ":"))
    assert first == {
        name: value for name, value in entry(1, inputData={"n": 1}, log=log).items() if name != "outputData"
    }
    assert (cut["$truncated"], cut["bytes"], cut["head"], cut["tail"]) == (True, len(text), text[:2000], text[-2000:])
    assert second == entry(2, outputData="x" * 50_000)


def test_of_lists_the_first_lines_or_the_last_attempts_stay_and_the_others_are_counted() -> None:
    attempts = [
        {"number": number, "startedAt": "x", "startOffsetMs": 1.0, "durationMs": 2.0, "error": None}
        for number in range(1, 11)
    ]
    asked = [{"kind": "user", "offsetMs": float(number), "waitedMs": None} for number in range(40)]
    full = entry(1, log=[line(number) for number in range(100)], logLeftOut=7, attemptLog=attempts, asked=asked)
    full |= {"childExecutions": [f"{number:036}" for number in range(100)], "outputData": "z" * 9_000}
    (found,) = shrunk([full], 6_000)
    assert identity(found) == identity(full)
    kept = len(found["log"])
    assert 0 < kept < 100
    assert (found["log"], found["logLeftOut"]) == (full["log"][:kept], 107 - kept)
    kept = len(found["asked"])
    assert 0 < kept < 40
    assert (found["asked"], found["askedLeftOut"]) == (asked[-kept:], 40 - kept)
    kept = len(found["attemptLog"])
    assert 0 < kept < 10
    assert (found["attemptLog"], found["attemptLogLeftOut"]) == (attempts[-kept:], 10 - kept)
    kept = len(found["childExecutions"])
    assert (found["childExecutions"], found["childExecutionsLeftOut"]) == (full["childExecutions"][:kept], 100 - kept)


def test_what_finished_items_gave_is_cut_before_an_item_is_left_out() -> None:
    items = [{"index": number, "output": "x" * 5_000, "executionId": f"{number:036}"} for number in range(20)]
    (found,) = shrunk([entry(1, finished=items)], 30_000)
    assert ([item["index"] for item in found["finished"]], "finishedLeftOut" in found) == (list(range(20)), False)
    assert {(item["output"]["bytes"], len(item["executionId"])) for item in found["finished"]} == {(5_000, 36)}
    (found,) = shrunk([entry(1, finished=items)], 3_000)
    assert 0 < len(found["finished"]) == 20 - found["finishedLeftOut"]


def test_500_nodes_with_100_lines_each_keep_some_of_each_and_say_how_many_are_missing() -> None:
    lines = [line(number, data={"at": number}) for number in range(100)]
    full = [entry(number, inputData={"n": number}, log=lines) for number in range(500)]
    found = shrunk(full)
    assert [identity(each) for each in found] == [identity(each) for each in full]
    assert [each["inputData"] for each in found] == [each["inputData"] for each in full]
    assert {(len(each["log"]) > 3, len(each["log"]) + each["logLeftOut"]) for each in found} == {(True, 100)}


def test_a_payload_of_more_values_than_are_looked_at_is_cut_and_its_size_is_that_of_the_whole() -> None:
    many = list(range(200_000))
    (found,) = shrunk([entry(1, inputData=many, outputData={"n": 1}, log=[line(1)])])
    text = json.dumps(many, separators=(",", ":"))
    assert found["inputData"]["bytes"] == len(text)
    assert (found["outputData"], found["log"]) == ({"n": 1}, [line(1)])


def test_what_was_cut_before_keeps_its_size_and_hash_when_it_is_cut_again() -> None:
    text = "a" * 70_000
    whole = payload.envelope(text)
    found = shrunk([entry(number, outputData=text) for number in range(500)])
    for each in found:
        mark = each["outputData"]
        assert (mark["bytes"], mark["sha256"]) == (whole["bytes"], whole["sha256"])
        assert 0 < len(mark["head"]) < 2000


def test_names_give_way_when_they_alone_would_fill_the_record_and_ids_do_not() -> None:
    full = [entry(number, nodeId=f"{number:03}" + "\x01" * 197, nodeName="\x01" * 200) for number in range(500)]
    found = shrunk(full)
    assert [each["nodeId"] for each in found] == [each["nodeId"] for each in full]
    assert {type(each.name) for each in entries_of(found)} == {Cut}


TEXTS = ("plain", "ü€", "😀", '"\\', "\n\t", "\x01", "\x00", "\ud800")


def any_value(pick: random.Random, depth: int = 0) -> Any:
    """A value of any JSON shape, now and then a large one."""
    kind = pick.randrange(8 if depth < 3 else 5)
    size = int(10 ** pick.uniform(0, 4.7 - depth))
    if kind < 3:
        return pick.choice(TEXTS) * size
    if kind < 5:
        return pick.choice([None, True, 0, -1.5, 2**70, float("nan"), b"\x00\xff"])
    if kind < 7:
        return [any_value(pick, depth + 1) for _ in range(min(size, 12))]
    return {f"{pick.choice(TEXTS)}{number}": any_value(pick, depth + 1) for number in range(min(size, 12))}


def any_entry(pick: random.Random, number: int) -> dict[str, Any]:
    """An entry with parts of any size."""
    text = pick.choice(TEXTS[:5])
    found = entry(number, nodeName=text * (200 // len(text)), inputData=any_value(pick), outputData=any_value(pick))
    error = {"message": pick.choice(TEXTS) * pick.randrange(5_000), "kind": "node_failed"}
    if pick.random() < 0.3:
        found |= {"status": "error", "error": error | {"causes": [pick.choice(TEXTS) * 300] * pick.randrange(9)}}
    if pick.random() < 0.3:
        found["log"] = [line(each, data=any_value(pick, 2)) for each in range(pick.randrange(100))]
    if pick.random() < 0.3:
        attempt = {"number": 1, "startedAt": "x", "startOffsetMs": 1.0, "durationMs": 2.0, "error": error}
        found["attemptLog"] = [attempt] * pick.randrange(1, 10)
    if pick.random() < 0.3:
        found["finished"] = [{"index": each, "output": any_value(pick, 2)} for each in range(pick.randrange(100))]
    if pick.random() < 0.3:
        found["progress"] = {"fraction": 0.5, "message": pick.choice(TEXTS) * 1_000, "offsetMs": 3.0}
    return found


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_recorded_ends_at_the_limit_with_every_node_in_it(seed: int) -> None:
    pick = random.Random(seed)
    full = [any_entry(pick, number) for number in range(pick.choice([1, 3, 40, 150]))]
    found = shrunk(full)
    assert [identity(each) for each in found] == [identity(each) for each in full]
    for each, read in zip(full, entries_of(found), strict=True):
        assert (read.node_id, read.name, read.status) == (each["nodeId"], each["nodeName"], each["status"])
        assert len(read.log) + read.log.left_out == len(each.get("log", ()))
        assert len(read.attempt_log) + read.attempt_log.left_out == len(each.get("attemptLog", ()))
        assert len(read.finished) + read.finished.left_out == len(each.get("finished", ()))
        assert (read.progress is None) == ("progress" not in each)
