"""Calls that are refused before anything runs leave a record that every database takes."""

import pytest
from asgiref.sync import sync_to_async

from executions.models import Execution
from executions.running import lifecycle
from executions.running.lifecycle import Caller

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]


async def test_a_tool_name_with_a_nul_is_recorded_without_it() -> None:
    answer = await lifecycle.reject("no\x00such", {}, Caller(principal="key k", source="mcp"), "There is no such tool.")
    execution = await sync_to_async(Execution.objects.get)(pk=answer.execution_id)
    assert (execution.flow_tool_name, execution.error_kind) == ("no\u2400such", "rejected")
