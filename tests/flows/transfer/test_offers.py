"""Prompts and resources in files: out of one server, into another one."""

import json
from typing import Any

import pytest

from flows.models import Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing.versions import delete
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_flow, make_server
from tests.flows.api.test_views import rest
from tests.flows.transfer.test_files import document, entry, file_of

pytestmark = pytest.mark.django_db

TEXT = {"role": "user", "content": {"type": "text", "text": "Ünïcode {{ arguments.a }}"}}
SCHEMA = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}


@pytest.fixture
def source() -> Server:
    """A server with a flow, two prompts and two resources, one of each answered by the flow."""
    server = make_server(slug="source")
    flow = make_flow(server, tool_name="lookup", input_schema=SCHEMA)
    arguments = [{"name": "a", "completions": ["x"]}]
    save_offer(Prompt(server=server, name="z", description="Says.", arguments=arguments, messages=[TEXT]))
    required = [{"required": True, "name": "id"}]
    save_offer(Prompt(server=server, name="b", title="B", description="Asks.", arguments=required, flow=flow))
    hints = {"priority": 1, "audience": ["user"]}
    save_offer(Resource(server=server, uri="notes:1", name="N", text="é\n", mime_type="text/x", annotations=hints))
    save_offer(Resource(server=server, uri="order:{id}", name="O", flow=flow, completions={"id": ["1"]}))
    return server


def imported(server: Server, text: Any, query: str = "") -> Any:
    body = text if isinstance(text, str) else json.dumps(text)
    return rest(server.owner).post(f"/api/servers/{server.pk}/import/{query}", body, content_type="application/json")


def test_a_server_exported_imported_and_exported_again_gives_the_same_bytes(source: Server) -> None:
    target, text = make_server(), file_of(source)
    whole = json.loads(text)
    assert list(whole) == ["format", "version", "secrets", "flows", "prompts", "resources"]
    assert whole["prompts"][1] == {
        "name": "z",
        "title": "",
        "description": "Says.",
        "arguments": [{"name": "a", "completions": ["x"]}],
        "messages": [TEXT],
        "flow": None,
    }
    assert whole["resources"][1] == {
        "uri": "order:{id}",
        "name": "O",
        "title": "",
        "description": "",
        "mimeType": "",
        "text": "",
        "blob": "",
        "annotations": {},
        "completions": {"id": ["1"]},
        "flow": "lookup",
    }
    answer = imported(target, text)
    assert answer.status_code == 201
    assert (answer.json()["prompts"], answer.json()["resources"]) == (["b", "z"], ["notes:1", "order:{id}"])
    assert file_of(target) == text
    assert [row.is_active for row in (*target.prompts.all(), *target.resources.all())] == [False] * 4
    assert browser_of(source.owner).get(f"/servers/{source.pk}/export/").content.decode() == text


def test_a_flow_alone_is_exported_without_prompts_and_what_nothing_answers_is_left_out(source: Server) -> None:
    flow = source.flows.get()
    one = rest(source.owner).get(f"/api/flows/{flow.pk}/export/").json()
    assert list(one) == ["format", "version", "secrets", "flows"]
    delete(flow)
    whole = json.loads(file_of(source))
    assert [len(whole[key]) for key in ("flows", "prompts", "resources")] == [0, 1, 1]
    assert imported(make_server(), whole).status_code == 201


def test_what_the_server_has_is_kept_unless_it_is_to_be_replaced(source: Server) -> None:
    text = file_of(source)
    Prompt.objects.filter(name="z").update(description="Mine.")
    Resource.objects.filter(uri="notes:1").update(text="Mine.")
    imported(source, text)
    assert Prompt.objects.get(name="z").description == "Mine."
    answer = imported(source, text, "?replace=prompts/z&replace=resources/notes:1&replace=lookup")
    assert (answer.json()["prompts"], answer.json()["resources"]) == (["z"], ["notes:1"])
    prompt, resource = Prompt.objects.get(name="z"), Resource.objects.get(uri="notes:1")
    assert (prompt.description, prompt.is_active) == ("Says.", True)
    assert (resource.text, resource.is_active) == ("é\n", True)


def test_what_a_renamed_flow_answers_is_answered_by_it_under_its_new_name(source: Server) -> None:
    target = make_server()
    make_flow(target, tool_name="lookup", input_schema=SCHEMA)
    imported(target, file_of(source))
    assert {row.flow.tool_name for row in (*target.prompts.all(), *target.resources.all()) if row.flow} == {"lookup_2"}


@pytest.mark.parametrize(
    ("more", "path", "words_"),
    [
        ({"prompts": [{"name": "a"}]}, "prompts[0].description", ""),
        ({"prompts": [{"name": "a", "description": "b", "extra": 1}]}, "prompts[0].extra", ""),
        ({"prompts": [{"name": "a", "description": "b"}]}, "prompts[0].messages", "write at least one message"),
        (
            {"prompts": [{"name": "a", "description": "b", "messages": [TEXT]}]},
            "prompts[0].messages[0].content.text",
            "the prompt has no argument 'a'",
        ),
        (
            {"prompts": [{"name": "a", "description": "b", "flow": "nowhere"}]},
            "flow",
            "neither the server nor the file has a flow 'nowhere', which answers prompts/a",
        ),
        (
            {"resources": [{"uri": "a:{x}", "name": "b", "flow": "echo"}]},
            "resources[0].uri",
            "the flow echo has no parameter 'x'",
        ),
        (
            {"resources": [{"uri": "a:b", "name": "b", "text": "c"}] * 2},
            "resources[1]",
            "resources[0] has that URI too",
        ),
        ({"resources": [{"uri": "a:b", "name": "b", "text": 1}]}, "resources[0].text", ""),
        ({"flows": []}, "flows", "the file holds no flow, no prompt and no resource"),
    ],
)
def test_faults_name_their_path_and_nothing_is_stored(more: dict[str, Any], path: str, words_: str) -> None:
    server = make_server()
    answer = imported(server, document(entry()) | more)
    assert answer.status_code == 400
    assert words_ in {fault["path"]: fault["message"] for fault in answer.json()["faults"]}[path]
    assert (server.flows.count(), Prompt.objects.count(), Resource.objects.count()) == (0, 0, 0)


def test_the_preview_lets_a_person_choose(source: Server) -> None:
    text, browser, base = file_of(source), browser_of(source.owner), f"/servers/{source.pk}/import/"
    preview = words(browser.post(base, {"text": text}).content.decode())
    assert "z Says. prompts/z Taken Keep the one of the server Replace it" in preview
    Prompt.objects.all().delete()
    Resource.objects.filter(uri="notes:1").update(text="Mine.")
    choices = {"choice-0": "leave", "row-0": "new", "row-1": "leave", "row-2": "replace", "row-3": "leave"}
    done = words(browser.post(f"{base}apply/", {"source": text} | choices, follow=True).content.decode())
    assert "Imported: 1 prompt. New ones are inactive." in done
    assert "Imported: 1 resource. New ones are inactive." in done
    assert [prompt.name for prompt in source.prompts.all()] == ["b"]
    assert source.resources.get(uri="notes:1").text == "é\n"
