"""Calls that are refused before anything runs leave a record that every database takes."""

import pytest
from asgiref.sync import sync_to_async

from executions.models import Execution
from executions.running.calls import Caller
from executions.running.refusing import refuse_unknown

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]


async def test_a_tool_name_with_a_nul_is_recorded_without_it() -> None:
    caller = Caller(principal="key k", source="mcp")
    why = "There is no such tool."
    answer = await refuse_unknown("no\x00such", {}, caller, why, "server", None, {}, lambda answer: answer.as_json())
    execution = await sync_to_async(Execution.objects.get)(pk=answer.execution_id)
    assert (execution.flow_tool_name, execution.error_kind) == ("no\u2400such", "rejected")
