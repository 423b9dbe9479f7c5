"""What must not be stored is replaced before it is stored, in each of its encodings, in whole executions too."""

import asyncio
import base64
import hashlib
import json
import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from executions.ledger.writer import LedgerUnavailable
from executions.models import Execution
from executions.privacy.redactor import MAX_SEARCHED, Redactor
from executions.record import payload
from executions.running import work
from executions.running.calls import Answer, Call, Caller, Pending, Waiting
from executions.running.deliveries import state_of
from executions.running.refusing import refuse
from executions.running.targets import ArgumentsError, Target
from flows.engine.errors import NodeFailed
from flows.engine.expressions import SecretValues
from flows.engine.node import NodeResult
from flows.engine.registry import Registry
from flows.nodes import BUILTIN_NODE_TYPES
from flows.schemas.compiled import compile_schema
from tests.encodings import encodings
from tests.flows.engine.kit import Effectful, Flow, Scripted, reply

HARD = 'p@ss/wörd+"1\\2"&<é>~'
PLAIN = "canary-4f9a1c77d2e8"
CALLER = Caller(principal="key test", source="mcp")


def stored(value: Any, redactor: Redactor = Redactor.none) -> Any:
    return json.loads(payload.dump(value, redactor=redactor))


class TestByValue:
    @pytest.mark.parametrize(
        "value", [HARD, PLAIN, "Grüße, 東京 🗝️ / key", "a b+c%20d", "line one\nline two\ttab", "123456"]
    )
    def test_every_usual_encoding_is_found(self, value: str) -> None:
        redactor = Redactor.none.knowing([value])
        for name, form in encodings(value).items():
            assert form not in redactor.scrub_text(f"<{form}>"), name
            assert form not in json.dumps(stored({"x": [f"a {form} b"]}, redactor), ensure_ascii=False), name

    def test_bytes_and_foreign_objects_are_scrubbed_as_the_text_they_become(self) -> None:
        class Told:
            def __str__(self) -> str:
                return f"told {PLAIN}"

        redactor = Redactor.none.knowing([PLAIN])
        for form in encodings(PLAIN).values():
            assert form not in payload.dump([Told(), f"x{PLAIN}".encode(), {(PLAIN,): {PLAIN}}], redactor=redactor)

    def test_a_short_value_is_replaced_only_where_it_stands_alone(self) -> None:
        redactor = Redactor.none.knowing(["abc"])
        assert stored(["abc", "abcd", 'say "abc"', "xabc abc"], redactor) == ["***", "abcd", 'say "***"', "xabc abc"]

    def test_a_number_is_replaced_when_it_is_the_value(self) -> None:
        assert stored({"pin": 123456, "other": 1234567}, Redactor.none.knowing(["123456"])) == {
            "pin": "***",
            "other": 1234567,
        }

    def test_the_longer_of_two_values_goes_first(self) -> None:
        assert Redactor.none.knowing(["canary", "canary-long"]).scrub_text("a canary-long b") == "a *** b"

    @pytest.mark.parametrize("message", ["body {}...", "The url '{}' cannot be read", "x {} ... y", "ends in {}"])
    def test_the_first_part_of_a_value_is_found_where_a_message_was_cut(self, message: str) -> None:
        redactor = Redactor.none.knowing([PLAIN])
        for form in (PLAIN, base64.b64encode(PLAIN.encode()).decode()):
            for length in range(6, len(form)):
                assert redactor.scrub_text(message.format(form[:length]), is_message=True) == message.format("***")

    def test_the_last_part_is_found_behind_the_cut(self) -> None:
        assert (
            Redactor.none.knowing([PLAIN]).scrub_text(f'"a ... {PLAIN[-7:]}" is wrong', is_message=True)
            == '"a ... ***" is wrong'
        )

    def test_what_goes_to_the_client_is_else_unchanged(self) -> None:
        value = {"token": "kept", "a": [1, 2.5, None, True, "x" * 100_000, {"deep": f"<{PLAIN}>"}], "z": {}}
        expected = value | {"a": [*value["a"][:5], {"deep": "<***>"}]}
        scrubbed = Redactor.none.knowing([PLAIN]).scrub(value)
        assert scrubbed == expected
        assert list(scrubbed) == list(value)
        assert value["a"][5] == {"deep": f"<{PLAIN}>"}

    def test_nesting_beyond_pythons_stack_is_no_obstacle(self) -> None:
        value: Any = PLAIN
        for _ in range(5_000):
            value = [value]
        found = Redactor.none.knowing([PLAIN]).scrub(value)
        for _ in range(5_000):
            found = found[0]
        assert found == "***"

    def test_a_redactor_does_not_tell_what_it_knows(self) -> None:
        assert PLAIN not in repr(Redactor.none.knowing([PLAIN]))


class TestRecord:
    def test_it_is_redacted_before_it_is_cut_and_the_hash_is_of_the_redacted_text(self) -> None:
        text = "a" * (payload.SHOWN_EDGE - 5) + PLAIN + "b" * 100_000
        found = stored({"text": text}, Redactor.none.knowing([PLAIN]))["text"]
        clean = text.replace(PLAIN, "***")
        assert found["sha256"] == hashlib.sha256(clean.encode()).hexdigest()
        assert found["head"] == clean[: payload.SHOWN_EDGE]

    def test_what_is_clean_is_stored_byte_for_byte(self) -> None:
        value = {"author": "Ada", "token_count": 3, "n": None, "text": "key: value"}
        assert payload.dump(value, redactor=Redactor.none.knowing([PLAIN])) == (
            '{"author":"Ada","token_count":3,"n":null,"text":"key: value"}'
        )

    def test_the_preview_never_shows_a_hidden_parameter(self) -> None:
        assert payload.preview(payload.cleaned({"password": "hunter2"}, Redactor.none)[0]) == "password: ***"

    @pytest.mark.parametrize(
        "value",
        [
            [{"token": f"value-{number:06}"} for number in range(20_000)],
            "token=abc " * 100_000,
            '{"token":"' * 100_000,
            "token" * 200_000,
            'token"' * 100_000,
            {f"token{number}": "x" * 50 for number in range(20_000)},
        ],
        ids=["many values", "many places", "unended", "stems", "quotes", "many names"],
    )
    def test_a_hostile_payload_does_not_hold_up_the_process(self, value: Any) -> None:
        began = time.process_time()
        text = payload.dump(value)
        assert time.process_time() - began < 5
        assert "value-000001" not in text

    def test_no_more_values_are_searched_for_than_can_be_and_all_are_known_as_whole_texts(self) -> None:
        values = [f"value-{number:06}" for number in range(MAX_SEARCHED * 3)]
        redactor = Redactor.none.knowing([*values, "4711"])
        assert [stored([value], redactor) for value in values] == [["***"]] * len(values)
        assert stored({"pin": 4711}, redactor) == {"pin": "***"}


def flow_of(*types: Any) -> Flow:
    return Flow(Registry([*BUILTIN_NODE_TYPES, *types]))


def target_of(flow: Flow, schema: Mapping[str, Any] | None = None) -> Target:
    return Target(
        flow_id=None,
        version_id=None,
        owner_id=None,
        flow_name="Test",
        tool_name="test",
        server_slug="test",
        graph=flow.graph(),
        input_schema=compile_schema(dict(schema or {"type": "object"})),
        timeout_seconds=10,
    )


def columns(execution_id: uuid.UUID) -> str:
    """Everything stored in the row, as one text."""
    return "\n".join(
        payload_text
        for row in Execution.objects.filter(pk=execution_id).values_list()
        for payload_text in (json.dumps(value, default=str, ensure_ascii=False) for value in row)
    )


@pytest.mark.anyio
@pytest.mark.django_db(transaction=True)
class TestExecution:
    """Whole executions with scripted nodes; tests/abuse/test_canary.py does the same with a server process."""

    async def row(self, answer: Answer | Pending | Waiting) -> tuple[Execution, str]:
        text = await sync_to_async(columns)(answer.execution_id)
        return await Execution.objects.aget(pk=answer.execution_id), text

    async def test_a_crash_that_tells_a_write_only_argument_is_stored_without_it(self) -> None:
        async def crash(parameters: Any) -> NodeResult:
            try:
                raise KeyError(parameters["value"])
            except KeyError as cause:
                raise RuntimeError(f"broke on {base64.b64encode(parameters['value'].encode())!r}") from cause

        node = Scripted()
        node.scripts["crash"] = crash
        flow = flow_of(node)
        flow.add("work", after="trigger", key="crash", value="{{ trigger.pin }}")
        target = target_of(flow, {"type": "object", "properties": {"pin": {"writeOnly": True}}})
        answer = await state_of(Call(target, {"pin": PLAIN}, CALLER))
        row, text = await self.row(answer)
        assert row.error_info["message"] == "RuntimeError: broke on b'***'"
        assert row.error_info["causes"] == ["KeyError: '***'"]
        assert row.initial_params == {"pin": "***"}
        assert row.params_preview == "pin: ***"
        assert [form for form in encodings(PLAIN).values() if form in text + repr(answer)] == []

    async def test_a_credential_typed_into_a_node_that_sends_it_is_in_no_record_and_no_answer(self) -> None:
        async def echo(parameters: Any) -> NodeResult:
            return NodeResult({"seen": parameters["value"]["authorization"].partition(" ")[2]})

        effectful, scripted = Effectful(), Scripted()
        effectful.scripts["echo"] = echo
        scripted.scripts["reply"] = reply
        flow = flow_of(effectful, scripted)
        flow.add("send", "effectful", after="trigger", key="echo", value={"authorization": f"Bearer {PLAIN}"})
        flow.add("answer", after="send", key="reply", value="{{ send.seen }}")
        answer = await state_of(Call(target_of(flow), {}, CALLER))
        _, text = await self.row(answer)
        assert answer.content == [{"type": "text", "text": "***"}]
        assert PLAIN not in text

    async def test_a_token_under_way_is_hidden_in_the_record_and_given_to_the_caller(self) -> None:
        flow = flow_of()
        flow.add("make", "set_fields", after="trigger", fields={"token": PLAIN})
        flow.add("answer", "return", after="make", json={"token": "{{ make.token }}", "again": "{{ make.token }}"})
        answer = await state_of(Call(target_of(flow), {}, CALLER))
        row, text = await self.row(answer)
        assert answer.structured == {"token": PLAIN, "again": PLAIN}
        assert row.result["structuredContent"] == {"token": "***", "again": "***"}
        assert PLAIN not in text

    async def test_a_token_seen_in_one_node_is_hidden_in_every_other_and_in_the_result(self) -> None:
        flow = flow_of()
        flow.add("make", "set_fields", after="trigger", fields={"token": PLAIN})
        flow.add("answer", "return", after="make", text="It is {{ make.token }}.")
        answer = await state_of(Call(target_of(flow), {}, CALLER))
        row, text = await self.row(answer)
        assert answer.content == [{"type": "text", "text": f"It is {PLAIN}."}]
        assert row.node_executions[2]["inputData"] == {"text": "It is ***."}
        assert row.result["content"] == [{"type": "text", "text": "It is ***."}]
        assert PLAIN not in text

    async def test_a_message_that_was_cut_within_a_value_keeps_no_part_of_it(self) -> None:
        async def fail(parameters: Any) -> NodeResult:
            raise NodeFailed(f"answered 500: key is {PLAIN[:12]}...") from ValueError(f"'{PLAIN[:9]}' is wrong")

        node = Scripted()
        node.scripts["fail"] = fail
        flow = flow_of(node)
        flow.add("work", after="trigger", key="fail")
        target = target_of(flow, {"type": "object", "properties": {"pin": {"writeOnly": True}}})
        answer = await state_of(Call(target, {"pin": PLAIN}, CALLER))
        row, text = await self.row(answer)
        assert answer.content == [{"type": "text", "text": "Work: answered 500: key is ***..."}]
        assert row.error_info["message"] == "answered 500: key is ***..."
        assert row.error_info["causes"] == ["ValueError: '***' is wrong"]
        assert PLAIN[:8] not in text

    async def test_a_call_cancelled_while_its_secrets_are_read_is_recorded(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        is_reading, may_go_on = threading.Event(), threading.Event()

        def read(flow_id: int | None, names: Any) -> SecretValues:
            is_reading.set()
            may_go_on.wait(10)
            return SecretValues({"KEY": PLAIN})

        monkeypatch.setattr(work, "secret_values", read)
        flow = flow_of()
        flow.add("wait", "delay", after="trigger", seconds=30)
        flow.add("answer", "return", after="wait", text="{{ secrets.KEY }}")
        call = asyncio.create_task(state_of(Call(target_of(flow), {"a": PLAIN}, CALLER)))
        await asyncio.to_thread(is_reading.wait, 10)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        may_go_on.set()
        while not await Execution.objects.exclude(status="pending").aexists():
            await asyncio.sleep(0.02)
        row = await Execution.objects.aget()
        assert (row.status, row.error_kind, row.initial_params) == ("error", "cancelled", {"a": "***"})

    async def test_without_a_database_to_read_secrets_from_nothing_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def read(flow_id: int | None, names: Any) -> SecretValues:
            raise OperationalError("database is locked")

        monkeypatch.setattr(work, "secret_values", read)
        flow = flow_of()
        flow.add("answer", "return", after="trigger", text="{{ secrets.KEY }}")
        with pytest.raises(LedgerUnavailable, match="secrets of the flow could not be read"):
            await state_of(Call(target_of(flow), {}, CALLER))
        assert not await Execution.objects.aexists()

    @pytest.mark.parametrize("value", ["completed", "content", "main", "id-trigger", "text"])
    async def test_a_secret_that_is_a_word_of_ours_does_not_break_the_record(self, value: str) -> None:
        flow = flow_of()
        flow.add("answer", "return", after="trigger", text="{{ trigger.pin }}")
        target = target_of(flow, {"type": "object", "properties": {"pin": {"writeOnly": True}}})
        row, _ = await self.row(await state_of(Call(target, {"pin": value}, CALLER)))
        assert [(node["nodeId"], node["status"], node["handle"]) for node in row.node_executions] == [
            ("id-trigger", "completed", "main"),
            ("id-answer", "completed", "main"),
        ]
        assert row.result == {"content": [{"type": "text", "text": "***"}], "isError": False}

    async def test_a_refused_call_is_recorded_without_what_it_sent(self) -> None:
        target = target_of(flow_of(), {"type": "object", "properties": {"pin": {"type": "integer", "writeOnly": True}}})
        arguments = {"pin": PLAIN, "password": "hunter2-hunter2"}
        call = Call(target, arguments, CALLER)
        answer = await refuse(call, ArgumentsError(call.faults))
        row, text = await self.row(answer)
        assert 'schema of test:\n- pin: *** is not of type "integer"\n' in row.error_info["message"]
        assert row.error_preview == 'pin: *** is not of type "integer"'
        assert row.initial_params == {"pin": "***", "password": "***"}
        assert PLAIN not in text
        assert "hunter2" not in text

    async def test_a_failure_keeps_the_rest_of_its_message(self) -> None:
        async def fail(parameters: Any) -> NodeResult:
            raise NodeFailed(f"answered 403: {PLAIN}, ask again", detail={"body": f"?pin={PLAIN}"})

        node = Scripted()
        node.scripts["fail"] = fail
        flow = flow_of(node)
        flow.add("work", after="trigger", key="fail")
        target = target_of(flow, {"type": "object", "properties": {"pin": {"writeOnly": True}}})
        answer = await state_of(Call(target, {"pin": PLAIN}, CALLER))
        row, _ = await self.row(answer)
        assert answer.content == [{"type": "text", "text": "Work: answered 403: ***, ask again"}]
        assert row.error_preview == "answered 403: ***, ask again"
        assert row.node_executions[1]["outputData"] == {"body": "?pin=***"}
