"""What a call's arguments are to the flow, and what the record keeps of them."""

from typing import Any

import pytest

from executions.acting.trials import caller_of, try_out
from executions.models import Execution
from executions.running.targets import ArgumentsError, draft_target
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer"},
        "limit": {"type": "integer", "default": 10},
        "page": {"type": "object", "properties": {"from": {"type": "integer", "default": 0}, "to": {"type": "string"}}},
        "city": {"type": "string"},
    },
    "required": ["n"],
}


def called(arguments: dict[str, Any]) -> Execution:
    flow = make_flow(
        make_server(),
        input_schema=SCHEMA,
        definition=chain(
            node("text", "template", text="orders/{{ trigger.n }}?city={{ trigger.city ?? 'all' }}"),
            answer({"text": "{{ text }}", "given": "{{ trigger }}"}),
        ),
    )
    return try_out(draft_target(flow), arguments, caller_of(flow.server.owner))


def test_a_flow_is_given_integers_and_defaults_and_no_nulls_and_the_record_keeps_what_was_sent() -> None:
    sent = {"n": 5.0, "limit": None, "page": {"from": 1e3, "to": None}, "city": None}
    execution = called(sent)
    assert execution.result["structuredContent"] == {
        "text": "orders/5?city=all",
        "given": {"n": 5, "limit": 10, "page": {"from": 1000}},
    }
    assert repr(execution.initial_params) == repr(sent)


def test_null_for_a_required_parameter_is_refused() -> None:
    with pytest.raises(ArgumentsError, match='n: null is not of type "integer"'):
        called({"n": None, "limit": None})
