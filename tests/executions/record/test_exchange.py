"""What was sent is told apart from the flow's answer, and put together again."""

from typing import Any

import pytest

from executions.record.exchange import difference, message_of

TEXT = {"type": "text", "text": "[1]"}
WHERE = {"type": "text", "text": "Execution 1: http://localhost/executions/1/"}
META = {"_meta": {"flowhub/executionId": "1"}}

ANSWER = {"content": [TEXT], "isError": False}
JSON = ANSWER | {"structuredContent": [1]}
NULL = ANSWER | {"structuredContent": None}


@pytest.mark.parametrize(
    ("result", "message", "told"),
    [
        (ANSWER, ANSWER | META, {"rest": META, "blocks": [], "isWrapped": False}),
        (
            ANSWER | {"isError": True},
            {"content": [TEXT, WHERE], "isError": True, "resultType": "complete"},
            {"rest": {"resultType": "complete"}, "blocks": [WHERE], "isWrapped": False},
        ),
        (JSON, JSON, {"rest": {}, "blocks": [], "isWrapped": False}),
        (JSON, JSON | {"structuredContent": {"result": [1]}}, {"rest": {}, "blocks": [], "isWrapped": True}),
        (NULL, NULL, {"rest": {}, "blocks": [], "isWrapped": False}),
        (NULL, NULL | {"structuredContent": {"result": None}}, {"rest": {}, "blocks": [], "isWrapped": True}),
        (NULL, ANSWER, {"whole": ANSWER}),
        (ANSWER, {"messages": [TEXT]}, {"whole": {"messages": [TEXT]}}),
        (ANSWER, {"content": [WHERE], "isError": False}, {"whole": {"content": [WHERE], "isError": False}}),
    ],
)
def test_a_message_is_what_the_answer_is_and_what_it_has_beside(result: Any, message: Any, told: Any) -> None:
    assert difference(result, message) == told
    assert message_of(result, told) == message


@pytest.mark.parametrize("told", [None, "", [], {"blocks": 5}, {"rest": []}, {"isWrapped": False}])
def test_where_nothing_can_be_read_of_it_the_answer_stands_alone(told: Any) -> None:
    assert message_of(ANSWER, told) == ANSWER


@pytest.mark.parametrize("result", [None, "cut", [1]])
def test_a_result_that_was_cut_stays_as_it_is(result: Any) -> None:
    assert message_of(result, {"rest": META, "blocks": [WHERE], "isWrapped": True}) == result
