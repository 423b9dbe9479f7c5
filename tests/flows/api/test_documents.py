"""OpenAPI documents over REST, as the body: what an import would make of them, what it makes, and what it leaves."""

import json
from typing import Any

import pytest
import yaml
from rest_framework.test import APIClient

from flows.models import Flow, Server
from flows.transfer import openapi
from flows.values.scopes import Scope
from tests.factories import make_flow, make_key, make_server
from tests.flows.publishing.test_callers import rest
from tests.flows.transfer.test_apis import PETS, drafts, edited, next_pets
from tests.flows.transfer.test_openapi import ORDERS
from tests.flows.transfer.test_operations import large

pytestmark = pytest.mark.django_db


def sent(
    server: Server, document: Any, query: str = "", *, preview: bool = False, kind: str = "application/json"
) -> Any:
    """What a request with a document as its body is answered."""
    body = json.dumps(document) if isinstance(document, dict) else document
    address = f"/api/servers/{server.pk}/import/{'preview/' if preview else ''}{query}"
    return rest(server.owner).post(address, body, content_type=kind)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", json.dumps(PETS)),
        ("application/vnd.oai.openapi+json;version=3.1", json.dumps(PETS)),
        ("application/yaml", yaml.safe_dump(PETS, sort_keys=False)),
        ("text/yaml; charset=utf-8", yaml.safe_dump(PETS, sort_keys=False)),
        ("application/vnd.oai.openapi", yaml.safe_dump(PETS, sort_keys=False)),
        ("application/octet-stream", b"\xef\xbb\xbf" + json.dumps(PETS).encode()),
    ],
)
def test_a_document_is_imported_in_json_and_yaml(kind: str, body: Any) -> None:
    server = make_server()
    answered = sent(server, body, kind=kind)
    assert answered.status_code == 201, answered.json()
    found = answered.json()
    assert [(item["toolName"], item["isActive"], item["publishedVersion"]) for item in found.pop("items")] == [
        ("list_pets", False, None),
        ("add_pet", False, None),
        ("list_owners", False, None),
        ("list_toys", False, None),
    ]
    assert found == {"prompts": [], "resources": [], "missingSecrets": [], "left": [], "notes": []}


def test_operations_are_named_by_their_key_their_operation_id_or_their_tool_name() -> None:
    server = make_server()
    query = "?operations=DELETE /pets&operations=addPet&operations=list_toys&address=https://pets.example/v9/"
    assert sent(server, PETS, query).status_code == 201
    assert sorted(server.flows.values_list("tool_name", flat=True)) == ["add_pet", "delete_pets", "list_toys"]
    node = server.flows.get(tool_name="delete_pets").definition["nodes"][1]
    assert node["parameters"]["url"] == "https://pets.example/v9/pets"


def test_what_is_missing_or_to_be_known_is_named() -> None:
    server = make_server()
    found = sent(server, ORDERS, "?operations=get /orders/{id}", kind="application/yaml").json()
    assert found["missingSecrets"] == ["API_KEY"]
    assert [(each["key"], each["toolName"]) for each in found["notes"]] in (
        [],
        [("get /orders/{id}", "get_order_by_id")],
    )


@pytest.mark.parametrize(
    ("document", "query", "answer"),
    [
        (
            PETS,
            "?operations=get /none",
            {"operations": ["the document has no operation 'get /none'; write it as 'get /path'"]},
        ),
        (
            PETS | {"servers": []},
            "",
            {"address": ["the document does not say where its API is: name it, ?address=https://..."]},
        ),
        (
            PETS | {"servers": [{"url": "/v1"}]},
            "",
            {"address": ["the document says only '/v1': name it, ?address=https://..."]},
        ),
        (
            PETS | {"paths": {"/a": {"delete": {}}}},
            "",
            {"operations": ["the document has no operation that is chosen by itself: name some"]},
        ),
        (
            large(501),
            "",
            {"operations": ["these are 501 operations; name at most 500 with ?operations="]},
        ),
        (
            "openapi: 3.1.0",
            "",
            {"faults": [{"path": "paths", "key": "", "message": "the document describes no operations"}]},
        ),
        (
            "{} x",
            "",
            {"detail": "JSON parse error - Extra data: line 1 column 4 (char 3)"},
        ),
        (b"\xff\xfe", "", {"detail": "The body is not text in UTF-8."}),
    ],
)
def test_what_cannot_be_imported_says_why_and_stores_nothing(document: Any, query: str, answer: Any) -> None:
    server = make_server()
    answered = sent(server, document, query)
    assert (answered.status_code, answered.json()) == (400, answer)
    assert not Flow.objects.exists()


def test_a_body_of_another_kind_or_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    answered = sent(server, json.dumps(PETS), kind="text/html")
    assert (answered.status_code, answered.json()) == (
        415,
        {"detail": 'Unsupported media type "text/html" in request.'},
    )
    monkeypatch.setattr("flows.api.documents.MAX_DOCUMENT_BYTES", 1024 * 1024)
    for preview in (False, True):
        large_one = sent(server, b" " * (1024 * 1024) + json.dumps(PETS).encode(), preview=preview)
        assert (large_one.status_code, large_one.json()) == (413, {"detail": "The body has more than 1 MiB."})
    assert sent(server, "name: x", preview=True, kind="text/yaml").json() == {
        "detail": "The body is no OpenAPI document: it does not say `openapi` or `swagger`."
    }


class TestPreview:
    def test_each_operation_says_what_an_import_would_make_of_it(self) -> None:
        server = make_server()
        found = sent(server, PETS, "?limit=2", preview=True).json()
        empty = {"tags": [], "isDeprecated": False, "problem": "", "notes": [], "changes": [], "flowId": None}
        common = empty | {"change": "new", "editedSince": False, "flow": None, "path": "/pets"}
        assert found == {
            "items": [
                common
                | {
                    "key": "get /pets",
                    "title": "List pets",
                    "toolName": "list_pets",
                    "method": "get",
                    "isChosen": True,
                },
                common
                | {"key": "post /pets", "title": "Add pet", "toolName": "add_pet", "method": "post", "isChosen": True},
            ],
            "total": 5,
            "page": 1,
            "limit": 2,
            "totalPages": 3,
            "title": "Pets",
            "version": "1",
            "address": "https://pets.test/v1",
            "credentials": [],
            "mediaTypes": [],
            "removed": [],
        }
        [last] = sent(server, PETS, "?search=pets&method=delete", preview=True).json()["items"]
        assert (last["key"], last["isChosen"]) == ("delete /pets", False)
        assert not Flow.objects.exists()

    def test_operations_that_are_named_come_with_their_flows(self) -> None:
        server = make_server()
        [item] = sent(server, PETS, "?operations=listToys", preview=True).json()["items"]
        [operation] = openapi.Operations(openapi.read(json.dumps(PETS)), "https://pets.test/v1").converted(
            {"get /toys"}
        )
        assert (item["flow"], item["isChosen"]) == (operation.flow, True)
        sent(server, PETS, "?operations=listToys")
        assert server.flows.get().definition == item["flow"]["definition"]

    def test_a_media_type_is_chosen_where_bodies_leave_a_choice(self) -> None:
        server = make_server()
        content = {kind: {"schema": {"type": "object"}} for kind in ("application/json", "multipart/form-data")}
        both = PETS | {"paths": {"/both": {"post": {"requestBody": {"content": content}, "responses": {}}}}}
        offered = [{"mediaType": kind, "operations": 1} for kind in content]
        assert sent(server, both, preview=True).json()["mediaTypes"] == offered
        assert sent(server, both, "?mediaType=multipart/form-data").status_code == 201
        assert "bodyMultipart" in server.flows.get().definition["nodes"][1]["parameters"]
        refused = sent(server, both, "?mediaType=text/plain")
        said = {"mediaType": ["write one of: application/json, multipart/form-data"]}
        assert (refused.status_code, refused.json()) == (400, said)

    def test_what_cannot_be_made_says_why(self) -> None:
        server = make_server()
        odd = PETS | {"paths": {"/odd": {"get": {"parameters": [{"$ref": "other.yaml#/x"}], "responses": {}}}}}
        [item] = sent(server, odd, preview=True).json()["items"]
        assert (item["flow"], item["change"], item["isChosen"]) == (None, None, False)
        assert "outside this document" in item["problem"]
        [said] = sent(server, odd, "?operations=get /odd").json()["operations"]
        assert said == f"get /odd cannot be made: {item['problem']}"


class TestAgain:
    @pytest.fixture
    def server(self) -> Server:
        """A server with the flows of PETS, one of which a person has edited."""
        server = make_server()
        sent(server, PETS)
        edited(server.flows.get(tool_name="list_pets"))
        return server

    def test_the_preview_says_what_the_api_changed(self, server: Server) -> None:
        found = sent(server, next_pets(), preview=True).json()
        assert [
            (item["key"], item["change"], item["editedSince"], item["isChosen"], item["flowId"])
            for item in found["items"]
        ] == [
            ("get /pets", "changed", True, False, server.flows.get(tool_name="list_pets").pk),
            ("post /pets", "breaking", False, True, server.flows.get(tool_name="add_pet").pk),
            ("delete /pets", "new", False, False, None),
            ("get /toys", "same", False, False, server.flows.get(tool_name="list_toys").pk),
            ("get /cages", "new", False, True, None),
        ]
        assert found["items"][1]["changes"] == [
            {"path": "inputSchema.properties.owner", "isBreaking": True, "message": "'owner' is new and required"}
        ]
        gone = server.flows.get(tool_name="list_owners")
        assert found["removed"] == [{"flowId": gone.pk, "toolName": "list_owners", "key": "get /owners"}]

    def test_changes_are_taken_over_and_a_draft_that_somebody_edited_is_left_until_it_is_named(
        self, server: Server
    ) -> None:
        found = sent(server, next_pets()).json()
        flows = {flow.tool_name: flow.pk for flow in server.flows.all()}
        assert [item["toolName"] for item in found["items"]] == ["add_pet", "list_cages"]
        assert found["left"] == [
            {"key": "get /pets", "flowId": flows["list_pets"], "toolName": "list_pets", "why": "edited"},
            {"key": "get /toys", "flowId": flows["list_toys"], "toolName": "list_toys", "why": "same"},
        ]
        assert drafts(server)["list_pets"] == (2, "1", ["kind"])
        named = sent(server, next_pets(), "?replace=list_pets").json()
        assert [item["toolName"] for item in named["items"]] == ["list_pets"]
        assert drafts(server)["list_pets"] == (3, "2", ["kind", "limit"])
        assert sent(server, next_pets()).json()["items"] == []

    def test_a_flow_of_that_name_that_was_made_otherwise_stays_unless_it_is_named(self) -> None:
        server = make_server()
        make_flow(server, tool_name="list_toys")
        made = sent(server, PETS, "?operations=listToys").json()["items"]
        assert [item["toolName"] for item in made] == ["list_toys_2"]
        sent(server, PETS, "?operations=listPets&replace=list_pets")
        assert server.flows.get(tool_name="list_pets").revision == 1


@pytest.mark.parametrize(("path", "scope"), [("import/", Scope.FLOWS_WRITE), ("import/preview/", Scope.FLOWS_READ)])
def test_a_key_needs_a_scope_and_a_stranger_finds_no_server(path: str, scope: Scope) -> None:
    server, other = make_server(), make_server()
    client, address = APIClient(), f"/api/servers/{server.pk}/{path}"
    for owner, scopes, status in (
        (server.owner, [Scope.EXECUTIONS_READ], 403),
        (server.owner, [scope], 201 if scope == Scope.FLOWS_WRITE else 200),
        (other.owner, [scope], 404),
    ):
        key = make_key(owner, scopes=[*scopes])
        answered = client.post(
            address, json.dumps(PETS), content_type="application/json", headers={"Authorization": f"Bearer {key}"}
        )
        assert answered.status_code == status, answered.json()
