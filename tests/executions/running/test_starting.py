"""Calls that are answered at once leave the same record as if each node had a task of its own."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from executions.models import Execution
from executions.privacy.redactor import Redactor
from executions.running.calls import Answer, Call, Caller
from executions.running.starting import answer_at_once, begin
from executions.running.targets import ArgumentsError, Target
from flows.engine.events import Event, NodeCompleted, Observer
from flows.engine.graph import MAX_PASS, parse
from flows.engine.limits import LARGE
from flows.engine.node import Reused
from flows.engine.registry import Registry
from flows.nodes import BUILTIN_NODE_TYPES, registry
from flows.schemas.compiled import compile_schema
from tests.definitions import answer, chain, node

pytestmark = [pytest.mark.anyio, pytest.mark.django_db(transaction=True)]

CALLER = Caller("key k", "mcp", "Client", "1.0", "2026-07-28", identity="key:1")
ARGUMENTS = {"name": "Ada", "n": 3, "rows": [{"id": 1}, {"id": 2, "note": None}], "password": "canary-8f21c0"}

NEVER_IMMEDIATE = Registry(
    [type(each.__name__, (each,), {"is_immediate": False})() for each in map(type, BUILTIN_NODE_TYPES)]
)


def target_of(definition: dict[str, Any], types: Registry | None = None, **fields: Any) -> Target:
    graph, schema = parse(definition, types or registry()), fields.pop("input_schema", {"type": "object"})
    return Target(None, None, None, "Flow", "flow", "server", graph, compile_schema(schema), 60.0, **fields)


class Drawn:
    """A definition that a seed makes: branches that part and meet, fail and go on, are disabled and answer."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.nodes = [node("trigger", "trigger")]
        self.lines: list[dict[str, Any]] = []
        self.handles = {"trigger": ["main"]}
        self.before: dict[str, set[str]] = {"trigger": set()}
        for number in range(self.random.randint(1, 12)):
            self._add(f"n{number}")
        self.definition = {"nodes": self.nodes, "connections": self.lines}

    def _add(self, slug: str) -> None:
        draw = self.random
        sources = draw.sample(
            ends := [key for key in self.handles if self.handles[key]], min(len(ends), draw.choice([1, 1, 2, 3]))
        )
        self.before[slug] = set(sources).union(*(self.before[source] for source in sources))
        made = self._drawn(slug)
        main = made["type"] not in ("return", "return_content", "ui_table", "fail")
        parting = {"condition": ["true", "false"], "switch": ["ada", "default"]}
        handles = parting.get(made["type"], ["main"] if main else [])
        on_error = draw.choice(["stop", "stop", "handle", "continue" if handles == ["main"] else "stop"])
        if on_error != "stop":
            made["settings"] = {"onError": on_error} | draw.choice([{}, {"timeoutSeconds": 5}])
        if on_error == "handle":
            handles = [*handles, "error"]
        if draw.random() < 0.1:
            made["disabled"], handles = True, handles and ["main"]
        self.handles[slug] = handles
        self.nodes.append(made)
        for source in sources:
            handle = draw.choice(self.handles[source])
            line = {"sourceNodeId": source, "sourceHandle": handle, "targetNodeId": slug}
            self.lines.append({"id": f"{source}-{slug}", **line})

    def _value(self, slug: str) -> Any:
        """What a parameter may hold; some of it is not there when the node is reached."""
        draw, disabled = self.random, {each["slug"] for each in self.nodes if each.get("disabled")}
        known = sorted(self.before[slug] - disabled)
        return draw.choice(
            [
                "{{ trigger.name }}",
                "{{ trigger.n }}",
                "Hello, {{ trigger.name }}: {{ trigger.rows }}",
                "{{ trigger.missing }}",
                "{{ trigger.missing ?? 'none' }}",
                "{{ caller.clientName }} of {{ execution.flowName }}",
                {"deep": [None, 1.5, True, "{{ trigger.rows[1] }}"]},
                f"{{{{ {draw.choice(known)} }}}}",
                f"{{{{ {draw.choice(known)}.text ?? 0 }}}}",
            ]
        )

    def _drawn(self, slug: str) -> dict[str, Any]:
        value, more = self._value(slug), self._value(slug)
        rows = self.random.choice(["{{ trigger.rows }}", value])
        return self.random.choice(
            [
                node(slug, "set_fields", fields={"text": value, "password": more}),
                node(slug, "set_fields", fields={"text": value}),
                node(slug, "template", text=value),
                node(slug, "condition", left=value, operator="equals", right="Ada"),
                node(slug, "condition", left=value, operator="greater", right=2),
                node(slug, "switch", value=value, cases=[{"name": "ada", "operator": "equals", "right": "Ada"}]),
                node(slug, "merge", wait="first"),
                node(slug, "merge", output="list"),
                node(slug, "merge"),
                node(slug, "log", message=value, data=more, level="warning"),
                node(slug, "progress", message=value, fraction=0.5),
                node(slug, "fail", message="No stock."),
                node(slug, "return", json=value),
                node(slug, "return", text=value),
                node(slug, "return_content", content=[{"type": "text", "text": value}]),
                node(slug, "ui_table", title="Rows", rows=rows),
            ]
        )


def drawn(seed: int) -> dict[str, Any]:
    """The first definition from this seed on that has no faults."""
    for number in range(100):
        definition = Drawn(seed * 100 + number).definition
        try:
            parse(definition, registry())
        except ValueError:
            continue
        return definition
    raise AssertionError(f"seed {seed} makes no definition without faults")


IDS_AND_TIMES = {"id", "started_at", "updated_at", "ended_at", "deadline_at", "duration_ms", "executedAt"}
IDS_AND_TIMES |= {"startOffsetMs", "durationMs", "offsetMs", "startedAt"}


def without_times(value: Any) -> Any:
    """Ids and times as whether they are there."""
    if isinstance(value, dict):
        return {key: (each is None if key in IDS_AND_TIMES else without_times(each)) for key, each in value.items()}
    return [without_times(each) for each in value] if isinstance(value, list) else value


@sync_to_async
def record_of(told: Answer) -> dict[str, Any]:
    """Every column of an execution, and what the caller was told."""
    row = Execution.objects.filter(pk=told.execution_id).values().get()
    error = None if told.error is None else (told.error.kind, told.error.message, told.error.for_client)
    return without_times(row) | {"told": told.as_json(), "error": error}


async def one_by_one(call: Call) -> Answer:
    told = await (await begin(call)).state()
    assert isinstance(told, Answer)
    return told


def called(seed: int, types: Registry, heard: list[Any]) -> Call:
    def watch(redactor: Callable[[], Redactor]) -> Observer:
        def hear(event: Event) -> None:
            started = event.started if isinstance(event, NodeCompleted) else None
            heard.extend((type(each), event.node.slug) for each in (started, event) if each is not None)

        return hear

    schema = compile_schema({"type": "string"}) if seed % 5 == 0 else None
    target = target_of(drawn(seed), types, output_schema=schema)
    request = {"id": seed, "method": "tools/call"}
    return Call(target, ARGUMENTS, CALLER, watch, request=request, written=Answer.as_json)


async def test_generated_flows_leave_the_same_record_in_one_pass_as_with_a_task_for_each_node() -> None:
    seen: Counter[str] = Counter()
    for seed in range(120):
        heard_at_once: list[Any] = []
        heard: list[Any] = []
        told = await answer_at_once(called(seed, registry(), heard_at_once))
        assert told is not None, seed
        usual = await record_of(await one_by_one(called(seed, NEVER_IMMEDIATE, heard)))
        record = await record_of(told)
        assert (seed, record, heard_at_once) == (seed, usual, heard)
        seen.update([record["status"], *(entry["status"] for entry in record["node_executions"])])
    assert seen.keys() == {"fulfilled", "completed", "error", "skipped"}


QUICK = node("made", "set_fields", fields={"n": "{{ trigger.n }}"})


async def test_calls_that_may_wait_or_take_long_or_hide_something_are_not_answered_at_once() -> None:
    hiding = {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": True}}}
    long_chain = chain(*(node(f"n{number}", "template", text="") for number in range(MAX_PASS)))
    targets = {
        "waits": target_of(chain(node("wait", "delay", seconds=1))),
        "evaluates": target_of(chain(node("asks", "condition", expression="True"))),
        "evaluates a case": target_of(chain(node("asks", "switch", cases=[{"name": "a", "expression": "True"}]))),
        "may try again": target_of(chain(QUICK | {"settings": {"retries": {"attempts": 2}}})),
        "needs a secret": target_of(chain(answer("{{ secrets.API_KEY }}"))),
        "may tell the client to come back": target_of(chain(QUICK), answer_seconds=5.0),
        "is a draft": target_of(chain(QUICK), draft={"definition": {}}),
        "takes a write-only argument": target_of(chain(QUICK), input_schema=hiding),
        "is long": target_of(long_chain),
    }
    quick = target_of(chain(QUICK))
    calls = {name: Call(target, {"n": 1}, CALLER) for name, target in targets.items()} | {
        "has an idempotency key": Call(quick, {"n": 1}, CALLER, key="k"),
        "replays": Call(quick, {"n": 1}, CALLER, reused={"trigger": Reused({"n": 1})}),
        "brings much": Call(quick, {"n": "n" * LARGE}, CALLER),
    }
    assert {name: await answer_at_once(call) for name, call in calls.items()} == dict.fromkeys(calls)
    assert not await Execution.objects.aexists()


async def test_arguments_that_do_not_fit_begin_nothing() -> None:
    target = target_of(chain(QUICK), input_schema={"type": "object", "required": ["n"]})
    with pytest.raises(ArgumentsError, match="n"):
        await answer_at_once(Call(target, {}, CALLER))
    assert not await Execution.objects.aexists()


async def test_who_stops_waiting_leaves_the_whole_record() -> None:
    await assert_recorded_when_nobody_waits(target_of(chain(QUICK)), {"n": 2})


async def test_who_stops_waiting_while_the_answer_is_checked_in_a_thread_leaves_the_whole_record() -> None:
    schema, text = compile_schema({"allOf": [{"type": "string", "pattern": "^(a|b|c)*$"}] * 20}), "ab" * 30_000
    assert schema.takes_long(text)
    target = target_of(chain(answer("{{ trigger.text }}")), output_schema=schema)
    await assert_recorded_when_nobody_waits(target, {"text": text})


async def assert_recorded_when_nobody_waits(target: Target, arguments: dict[str, Any]) -> None:
    first = await answer_at_once(Call(target, arguments, CALLER))
    assert first is not None
    waiting = asyncio.create_task(answer_at_once(Call(target, arguments, CALLER)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    second = Execution.objects.exclude(pk=first.execution_id).values_list("status", "initial_params", "result")
    async with asyncio.timeout(10):
        while (found := await second.afirst()) is None:
            await asyncio.sleep(0.02)
    assert found == ("fulfilled", arguments, first.as_json())


async def test_a_large_answer_to_a_small_call_is_recorded_as_every_other() -> None:
    doubling = [node(f"n{number}", "template", text=f"{{{{ n{number - 1} }}}}" * 2) for number in range(1, 12)]
    definition = chain(node("n0", "template", text="0123456789" * 30), *doubling, answer("{{ n11 }}"))
    told = await answer_at_once(Call(target_of(definition), {}, CALLER))
    usual = await one_by_one(Call(target_of(definition, NEVER_IMMEDIATE), {}, CALLER))
    assert told is not None
    assert len(told.text) == 300 * 2**11 + 2
    assert await record_of(told) == await record_of(usual)
