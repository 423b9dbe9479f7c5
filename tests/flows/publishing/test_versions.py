"""Publishing makes an immutable version, or says everything that keeps it from doing so."""

import json
from typing import Any

import pytest

from flows.cases.drafts import print_of
from flows.engine.errors import DefinitionError, Fault
from flows.publishing import versions
from flows.transfer.files import exported
from tests.definitions import answer, chain, node
from tests.factories import announcements, make_flow, make_server

pytestmark = pytest.mark.django_db


def faults(flow: Any) -> list[Fault]:
    with pytest.raises(DefinitionError) as raised:
        versions.publish(flow)
    return list(raised.value.faults)


def test_a_version_is_a_snapshot_that_edits_do_not_change() -> None:
    flow = make_flow(tool_name="greet", when_to_use="Always.", when_not_to_use="Never.")
    version = versions.publish(flow)
    flow.name, flow.definition = "Renamed", {"nodes": [], "connections": []}
    flow.save()
    version.refresh_from_db()
    assert (version.number, version.definition) == (1, chain(node("answer", "return", text="Done")))
    assert version.contract == {
        "name": "greet",
        "title": "Greet",
        "description": "Does what greet says.\n\nWHEN TO USE: Always.\n\nWHEN NOT TO USE: Never.",
        "inputSchema": {"type": "object", "properties": {}, "additionalProperties": False},
    }
    assert versions.has_unpublished_changes(flow) is True


def test_a_version_never_changes() -> None:
    version = versions.publish(make_flow())
    version.number = 7
    with pytest.raises(TypeError, match="never changes"):
        version.save()


def test_publishing_again_makes_the_next_version() -> None:
    flow = make_flow()
    assert [versions.publish(flow).number for _ in range(3)] == [1, 2, 3]
    assert versions.has_unpublished_changes(flow) is False


def test_every_fault_is_named_at_its_path_and_clients_keep_what_they_have() -> None:
    flow = make_flow()
    first = versions.publish(flow)
    flow.tool_description = " "
    flow.definition = {"nodes": [], "connections": []}
    flow.input_schema = {"type": "array"}
    found = faults(flow)
    assert [fault.path for fault in found] == ["toolDescription", "definition.nodes", "inputSchema.type"]
    flow.refresh_from_db()
    assert flow.published_version == first


def test_a_name_that_clients_still_call_another_flow_by_is_refused() -> None:
    server = make_server()
    old = make_flow(server, tool_name="taken")
    versions.publish(old)
    old.tool_name = "renamed"
    old.save()
    new = make_flow(server, tool_name="taken")
    assert faults(new) == [Fault("toolName", "clients still call 'Taken' by this name: publish that flow again first")]
    versions.publish(old)
    assert versions.publish(new).contract["name"] == "taken"


def test_a_copy_is_inactive_unpublished_and_has_a_free_name() -> None:
    flow = make_flow(tool_name="greet")
    versions.publish(flow)
    first, second = versions.duplicate(flow), versions.duplicate(flow)
    assert [copy.tool_name for copy in (first, second)] == ["greet_2", "greet_3"]
    assert (first.is_active, first.published_version, first.definition) == (False, None, flow.definition)
    assert flow.pk not in (first.pk, second.pk)


@pytest.mark.django_db(transaction=True)
def test_each_change_is_announced_once_it_is_committed() -> None:
    flow = make_flow()
    with announcements() as heard:
        versions.publish(flow)
        versions.set_active(flow, False)
        versions.delete(flow)
    assert heard == [flow.server.slug] * 3


@pytest.mark.parametrize("nodes", [[], [node("wait", "delay", seconds=1)]])
def test_a_flow_in_which_nothing_answers_is_stored_and_not_published(nodes: Any) -> None:
    flow = make_flow(definition=chain(*nodes))
    assert versions.faults_of(flow) == []
    with pytest.raises(DefinitionError, match="nothing answers: add a node that does, such as return") as refused:
        versions.publish(flow)
    assert [fault.path for fault in refused.value.faults] == ["definition.nodes"]


def test_an_answer_that_nothing_leads_to_is_none_and_a_flow_that_fails_on_purpose_answers() -> None:
    lost = chain(node("wait", "delay", seconds=1), node("answer", "return", text="Done"))
    lost["connections"].pop()
    with pytest.raises(DefinitionError, match="nothing answers"):
        versions.publish(make_flow(definition=lost))
    assert versions.publish(make_flow(definition=chain(node("no", "fail", message="Never.")))).number == 1


# --- Held for tests, disabled -----------------------------------------------------------------------------------------


def test_what_is_held_for_tests_is_in_no_version_and_no_change() -> None:
    flow = make_flow(definition=chain(node("fetch", "delay", seconds=1), answer("{{ fetch }}")))
    version = versions.publish(flow)
    flow.definition = chain(node("fetch", "delay", seconds=1) | {"heldOutput": {"a": 1}}, answer("{{ fetch }}"))
    flow.save()
    assert not versions.has_unpublished_changes(flow)
    assert print_of(flow) == print_of(version)
    again = versions.publish(flow)
    assert (again.definition, "heldOutput" in str(flow.definition)) == (version.definition, True)
    assert json.loads(exported([flow]))["flows"][0]["definition"] == version.definition
    assert versions.duplicate(flow).definition == flow.definition


def test_a_flow_with_a_disabled_node_is_published_whatever_its_parameters_are() -> None:
    off = node("off", "http_request", method=5) | {"disabled": True}
    flow = make_flow(definition=chain(off, answer(1)))
    assert versions.publish(flow).definition == flow.definition
    flow.definition = chain(node("only", "return", text="x") | {"disabled": True})
    assert [fault.path for fault in versions.publishing_faults(flow)] == ["definition.nodes"]
