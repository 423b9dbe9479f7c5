"""Prompts and resources as editable objects: what is refused and why, by REST, by whom."""

import base64
from typing import Any

import pytest

from flows.models import Prompt, Resource
from flows.offers.changes import MAX_OFFERS, save_offer
from flows.offers.resources import MAX_BYTES
from flows.offers.sample_inputs import as_arguments
from flows.publishing import versions
from tests.factories import announcements, make_flow, make_server
from tests.flows.api.test_views import rest, wire_time

pytestmark = pytest.mark.django_db

TEXT = {"role": "user", "content": {"type": "text", "text": "Hello"}}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}, "many": {"type": "array"}},
    "required": ["name"],
    "additionalProperties": False,
}


def message(**content: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content}]


def prompt_body(server: Any, **changed: Any) -> dict[str, Any]:
    body = {"server": server.slug, "name": "hello", "description": "Greets.", "messages": [TEXT]}
    return body | changed


def resource_body(server: Any, **changed: Any) -> dict[str, Any]:
    return {"server": server.slug, "uri": "notes:1", "name": "Notes", "text": "Hello"} | changed


def test_texts_become_what_the_schema_wants_where_they_write_it() -> None:
    types = {"i": "integer", "f": "number", "b": "boolean", "s": "string", "u": ["integer", "string"]}
    schema = {"properties": {name: {"type": kind} for name, kind in types.items()} | {"any": {}}}
    texts = {"i": "-12", "f": "1.5", "b": "true", "s": "7", "u": "7", "any": "7", "other": "7"}
    assert as_arguments(schema, texts) == texts | {"i": -12, "f": 1.5, "b": True}
    odd = {"i": "1e3", "f": "NaN", "b": "yes"}
    assert as_arguments(schema, odd) == odd
    assert as_arguments(schema, {"i": "9" * 5000}) == {"i": "9" * 5000}


class TestPrompts:
    def test_a_prompt_is_made_listed_changed_and_removed(self, django_capture_on_commit_callbacks: Any) -> None:
        flow = make_flow(tool_name="greet", input_schema=SCHEMA)
        server = flow.server
        script = rest(server.owner)
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            made = script.post("/api/prompts/", prompt_body(server), format="json")
        prompt = Prompt.objects.get()
        item = {
            "id": prompt.pk,
            "server": server.slug,
            "name": "hello",
            "title": "",
            "description": "Greets.",
            "arguments": [],
            "messages": [TEXT],
            "flow": None,
            "isActive": True,
            "revision": 1,
            "createdAt": wire_time(prompt.created_at),
            "updatedAt": wire_time(prompt.updated_at),
        }
        assert (made.status_code, made.json(), heard) == (201, item, [server.slug])
        listed = script.get(f"/api/prompts/?server={server.slug}&isActive=true&search=gree").json()
        assert (listed["total"], listed["items"]) == (1, [item])
        change = {"flow": "greet", "messages": [], "arguments": [{"name": "name", "required": True}]}
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            changed = script.patch(f"/api/prompts/{prompt.pk}/", change, format="json")
        prompt.refresh_from_db()
        item = item | change | {"updatedAt": wire_time(prompt.updated_at), "revision": 2}
        assert (changed.status_code, changed.json(), heard) == (200, item, [server.slug])
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            assert script.delete(f"/api/prompts/{prompt.pk}/").status_code == 204
        assert (heard, Prompt.objects.count()) == ([server.slug], 0)

    @pytest.mark.parametrize(
        ("changed", "field", "path", "words"),
        [
            ({"name": "a b"}, "name", "", "Use letters, digits, dots, hyphens and underscores"),
            ({"name": "taken"}, "name", "", "This server has a prompt of that name."),
            (
                {"arguments": [{"name": "a"}, {"name": "a"}]},
                "arguments",
                "[1].name",
                "there is an argument 'a' already",
            ),
            ({"arguments": [{"name": "a b"}]}, "arguments", "[0].name", "'a b' is no name: use a letter"),
            ({"arguments": [{"nmae": "a"}]}, "arguments", "[0].name", ""),
            ({"arguments": {}}, "arguments", "", ""),
            (
                {"arguments": [{"name": f"a{n}", "completions": ["é" * 200] * 30} for n in range(9)]},
                "arguments",
                "",
                "have 317 KiB as JSON; 256 are allowed",
            ),
            ({"messages": []}, "messages", "", "write at least one message, or choose a flow that answers"),
            ({"messages": [{"role": "system", "content": TEXT["content"]}]}, "messages", "[0].role", ""),
            ({"messages": message(type="text")}, "messages", "[0].content.text", ""),
            (
                {"messages": message(type="image", data="x", mimeType="image/png")},
                "messages",
                "[0].content.data",
                "is not base64",
            ),
            (
                {"messages": message(type="resource_link", uri="/a", name="b")},
                "messages",
                "[0].content.uri",
                "write a whole URI",
            ),
            (
                {"messages": message(type="text", text="{{ arguments.town }}"), "arguments": [{"name": "twon"}]},
                "messages",
                "[0].content.text",
                "the prompt has no argument 'town'. It has: twon. Did you mean 'twon'?",
            ),
            (
                {"messages": message(type="text", text="{{ secrets.API_KEY }}")},
                "messages",
                "[0].content.text",
                "{{ secrets.API_KEY }}: write {{ arguments.NAME }}",
            ),
            (
                {"messages": message(type="text", text="{{ 1 + 1 }}")},
                "messages",
                "[0].content.text",
                "{{ 1 + 1 }} is not a path.",
            ),
            (
                {"messages": message(type="text", text="a\0b")},
                "messages",
                None,
                "Holds a null character, which PostgreSQL cannot store.",
            ),
            ({"messages": message(type="text", text="a" * 300_000)}, "messages", "", "have 293 KiB as JSON; 256"),
            (
                {"flow": "nowhere", "messages": []},
                "flow",
                None,
                "The server has no flow 'nowhere'. It has: greet, loose.",
            ),
            ({"flow": "loose"}, "messages", "", "a flow answers this prompt: remove the messages, or the flow"),
            (
                {"flow": "greet", "messages": []},
                "arguments",
                "",
                "the flow greet needs 'name', but an argument of that name is not there",
            ),
            (
                {"flow": "greet", "messages": [], "arguments": [{"name": "name"}]},
                "arguments",
                "",
                "the flow greet needs 'name', but an argument of that name may be left out",
            ),
            (
                {"flow": "greet", "messages": [], "arguments": [{"name": "name", "required": True}, {"name": "nn"}]},
                "arguments",
                "",
                "the flow greet has no parameter 'nn'. It has: name, n, many. Did you mean 'n'?",
            ),
            (
                {"flow": "greet", "messages": [], "arguments": [{"name": "name", "required": True}, {"name": "many"}]},
                "arguments",
                "",
                "the flow greet takes no text as 'many', and an argument is a text",
            ),
        ],
    )
    def test_what_is_refused_says_where_and_what_to_change(
        self, changed: dict[str, Any], field: str, path: str | None, words: str
    ) -> None:
        server = make_flow(tool_name="greet", input_schema=SCHEMA).server
        make_flow(server, tool_name="loose")
        save_offer(Prompt(server=server, name="taken", description="x", messages=[TEXT]))
        answer = rest(server.owner).post("/api/prompts/", prompt_body(server, **changed), format="json")
        assert (answer.status_code, list(answer.json())) == (400, [field])
        first = answer.json()[field][0]
        if path is None:
            assert first == words
        else:
            assert first["path"] == path
            assert words in first["message"]
        assert Prompt.objects.count() == 1

    @pytest.mark.parametrize("arguments", [[{"nmae": "name"}], ["name"], {"name": True}, "name"])
    def test_arguments_of_another_form_are_refused_also_when_a_flow_answers(self, arguments: Any) -> None:
        server = make_flow(tool_name="greet", input_schema=SCHEMA).server
        body = prompt_body(server, flow="greet", messages=[], arguments=arguments)
        answer = rest(server.owner).post("/api/prompts/", body, format="json")
        assert (answer.status_code, list(answer.json())) == (400, ["arguments"])

    def test_a_flow_of_another_server_cannot_answer(self) -> None:
        server, other = make_server(), make_flow(tool_name="theirs")
        answer = rest(server.owner).post(
            "/api/prompts/", prompt_body(server, flow="theirs", messages=[]), format="json"
        )
        assert answer.json() == {"flow": ["The server has no flow 'theirs'. It has: none."]}
        with pytest.raises(ValueError, match="flow: take a flow of this server"):
            save_offer(Prompt(server=server, name="a", description="b", flow=other))

    def test_a_server_holds_so_many_prompts(self) -> None:
        server = make_server()
        Prompt.objects.bulk_create(Prompt(server=server, name=f"p{number}") for number in range(MAX_OFFERS))
        answer = rest(server.owner).post("/api/prompts/", prompt_body(server), format="json")
        assert answer.json()["name"][0]["message"] == "this server has 200 prompts already; remove one first"

    def test_the_prompts_of_a_server_hold_so_much_together(self) -> None:
        server = make_server()
        large = message(type="text", text="a" * 200_000)
        for number in range(2):
            save_offer(Prompt(server=server, name=f"p{number}", description="x", messages=large))
        answer = rest(server.owner).post("/api/prompts/", prompt_body(server, messages=large), format="json")
        assert answer.json()["messages"][0]["message"] == (
            "the prompts of a server hold 512 KiB as JSON in all; the others have 390"
        )
        prompt = Prompt.objects.get(name="p1")
        prompt.description = "Changed."
        save_offer(prompt)

    def test_when_its_flow_is_deleted_the_prompt_stays_without_an_answer(self) -> None:
        flow = make_flow(tool_name="greet")
        save_offer(Prompt(server=flow.server, name="hello", description="Greets.", flow=flow))
        versions.delete(flow)
        assert Prompt.objects.get().flow is None


class TestResources:
    def test_a_resource_is_made_listed_changed_and_removed(self, django_capture_on_commit_callbacks: Any) -> None:
        server = make_server()
        script = rest(server.owner)
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            made = script.post("/api/resources/", resource_body(server, text=" a\n"), format="json")
        resource = Resource.objects.get()
        item = {
            "id": resource.pk,
            "server": server.slug,
            "uri": "notes:1",
            "isTemplate": False,
            "name": "Notes",
            "title": "",
            "description": "",
            "mimeType": "",
            "text": " a\n",
            "blob": "",
            "flow": None,
            "annotations": {},
            "completions": {},
            "isActive": True,
            "revision": 1,
            "createdAt": wire_time(resource.created_at),
            "updatedAt": wire_time(resource.updated_at),
        }
        assert (made.status_code, made.json(), heard) == (201, item, [server.slug])
        assert script.get("/api/resources/?search=note").json()["items"] == [item]
        changed = script.patch(f"/api/resources/{resource.pk}/", {"text": "", "blob": PIXEL}, format="json")
        resource.refresh_from_db()
        item |= {"text": "", "blob": PIXEL, "updatedAt": wire_time(resource.updated_at), "revision": 2}
        assert (changed.status_code, changed.json()) == (200, item)
        assert script.delete(f"/api/resources/{resource.pk}/").status_code == 204
        assert Resource.objects.count() == 0

    @pytest.mark.parametrize(
        ("changed", "field", "words"),
        [
            ({"uri": "notes"}, "uri", "write a whole URI with its scheme"),
            ({"uri": "a b:c"}, "uri", "write a whole URI with its scheme"),
            ({"uri": "notes:é"}, "uri", "a URI is written in ASCII"),
            ({"uri": "taken:1"}, "uri", "This server has a resource at that URI."),
            ({"uri": "notes:{id"}, "uri", "has a brace without its other half"),
            ({"uri": "notes:{name}"}, "flow", "a URI with variables is answered by a flow"),
            ({"uri": "notes:{name}", "text": ""}, "flow", "a URI with variables is answered by a flow"),
            (
                {"uri": "notes:{town}", "text": "", "flow": "greet"},
                "uri",
                "the flow greet has no parameter 'town'. It has: name, n, many.",
            ),
            (
                {"uri": "notes:1{?name}", "text": "", "flow": "greet"},
                "uri",
                "the flow greet needs 'name', but a variable of the URI of that name may be left out",
            ),
            ({"text": ""}, "text", "give a text, bytes as base64 (blob), or a flow that answers"),
            ({"blob": PIXEL}, "blob", "give one of text, blob and flow, not text and blob"),
            ({"text": "", "blob": "é"}, "blob", "is not base64"),
            ({"text": "", "blob": f"data:image/png;base64,{PIXEL}"}, "blob", "give the base64 alone"),
            ({"text": "é" * MAX_BYTES}, "text", "has 1,024 KiB; 512 are allowed. A flow may answer with more"),
            ({"text": "a\0b"}, "text", ""),
            ({"mimeType": "png"}, "mimeType", "'png' is no media type"),
            ({"annotations": {"audience": ["everybody"]}}, "annotations", ""),
            ({"annotations": []}, "annotations", ""),
            ({"completions": {"id": ["1"]}}, "completions", "the URI has no variable 'id'. It has: none."),
            ({"completions": {"id": "1"}}, "completions", ""),
            ({"completions": {"id": ["a" * 200] * 400}}, "completions", "have more than 64 KiB as JSON"),
            ({"name": " "}, "name", ""),
        ],
    )
    def test_what_is_refused_says_where_and_what_to_change(
        self, changed: dict[str, Any], field: str, words: str
    ) -> None:
        server = make_flow(tool_name="greet", input_schema=SCHEMA).server
        save_offer(Resource(server=server, uri="taken:1", name="x", text="y"))
        answer = rest(server.owner).post("/api/resources/", resource_body(server, **changed), format="json")
        assert answer.status_code == 400
        assert field in answer.json()
        assert words in str(answer.json()[field][0])
        assert Resource.objects.count() == 1

    def test_the_resources_of_a_server_hold_so_much_together(self) -> None:
        server = make_server()
        half = "a" * MAX_BYTES
        for number in range(2):
            save_offer(Resource(server=server, uri=f"big:{number}", name="x", text=half))
        answer = rest(server.owner).post("/api/resources/", resource_body(server), format="json")
        assert answer.json()["text"][0]["message"] == (
            "the resources of a server hold 1,024 KiB in all; the others have 1,024. A flow may answer with more"
        )


@pytest.mark.parametrize("kind", ["prompts", "resources"])
def test_foreign_rows_are_404_and_nothing_changes(kind: str) -> None:
    server, other = make_server(), make_server()
    save_offer(Prompt(server=server, name="hello", description="Greets.", messages=[TEXT]))
    save_offer(Resource(server=server, uri="notes:1", name="Notes", text="x"))
    model: Any = {"prompts": Prompt, "resources": Resource}[kind]
    script, row = rest(other.owner), model.objects.get()
    for pk in (row.pk, 0, "x"):
        address = f"/api/{kind}/{pk}/"
        answers = [script.get(address), script.patch(address, {"name": "z"}, format="json"), script.delete(address)]
        assert [answer.status_code for answer in answers] == [404] * 3
    assert script.get(f"/api/{kind}/").json()["items"] == []
    body = prompt_body(server) if kind == "prompts" else resource_body(server)
    assert list(script.post(f"/api/{kind}/", body, format="json").json()) == ["server"]
    moved = rest(server.owner).patch(f"/api/{kind}/{row.pk}/", {"server": other.slug}, format="json")
    assert list(moved.json()) == ["server"]
    assert [each.updated_at for each in model.objects.all()] == [row.updated_at]
