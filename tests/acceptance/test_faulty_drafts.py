"""A draft may be anything that has a form: every page and address that meets one gives a page or a sentence."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from flows.models import Flow, Server
from tests.definitions import answer, chain, node
from tests.factories import make_execution, make_flow, make_server, make_user, release

pytestmark = pytest.mark.django_db

SOUND = chain(node("fetch", "http_request", url="https://a.example", method="GET"), answer("{{ trigger.x }}"))
AT = {"position": {"x": 1, "y": 1}}


def of(*nodes: Any, connections: Any = (), **more: Any) -> dict[str, Any]:
    return {"definition": {"nodes": list(nodes), "connections": list(connections), **more}}


ODD = [{"name": []}, 5, None]
NAMES = ("cases", "fields", "flow", "left", "content", "items", "arguments", "code", "json", "tool", "schema", "url")
HOSTILE: dict[str, dict[str, Any]] = {
    "nothing": of(),
    "no-nodes": of(5, None, "x", [], True, {}, connections=[5, None, "x", [], {}]),
    "odd-members": of(
        {"id": 5, "type": [], "name": {}, "slug": None, "position": 1, "parameters": [], "settings": "x"},
        {"id": "a", "type": {}, "name": 5, "slug": [], "position": {"x": "1", "y": None}, "parameters": None},
        {"id": "b", "type": "trigger", "name": "", "slug": "B b", "parameters": 5, "settings": []},
        {"id": "c", "type": "http_request", "name": "C", "slug": "c", "parameters": {"url": {"x": []}, "headers": 5}},
        {"id": ["a"], "type": "call_flow", "slug": {}, "parameters": {"flow": []}, "disabled": 5, "heldOutput": 1},
        connections=[
            {"id": [], "sourceNodeId": {}, "targetNodeId": []},
            {"id": "x", "sourceNodeId": "b", "sourceHandle": [], "targetNodeId": "c", "targetHandle": {}},
            {"id": "x", "sourceNodeId": "b", "sourceHandle": "nowhere", "targetNodeId": "c", "targetHandle": "in"},
        ],
        notes=[5, {"id": [], "text": {}, "position": []}],
        groups=[None, {"id": {}, "name": [], "nodeIds": 5}, {"id": "g", "name": "G", "nodeIds": [[], {}, "gone"]}],
    ),
    "no-parameters": of(
        *(
            {"id": f"n{i}", "type": t, "name": t, "slug": f"n{i}"}
            for i, t in enumerate(
                [
                    "trigger",
                    "trigger",
                    "condition",
                    "switch",
                    "for_each",
                    "call_flow",
                    "code",
                    "set_fields",
                    "return",
                    "merge",
                ]
            )
        )
    ),
    "odd-parameters": of(
        *(
            {"id": each, "type": each, "name": each, "slug": each, "parameters": dict.fromkeys(NAMES, ODD)}
            for each in ("trigger", "switch", "set_fields", "for_each", "validate", "mcp_tool", "ui_table", "merge")
        )
    ),
    "a-circle": {
        "definition": {
            **SOUND,
            "connections": [
                *SOUND["connections"],
                {"id": "back", "sourceNodeId": "answer", "targetNodeId": "fetch"},
                {"id": "self", "sourceNodeId": "fetch", "targetNodeId": "fetch"},
            ],
        }
    },
    "types-gone": {"definition": chain(node("gone", "no_such_type", x=1), answer("{{ gone.x }} {{ oops }} {{ }} {{"))},
    "all-disabled": {
        "definition": {
            **SOUND,
            "nodes": [each | {"disabled": True, "heldOutput": {"a": [1]}} for each in SOUND["nodes"]],
        }
    },
    "odd-schemas": {
        "definition": SOUND,
        "inputSchema": {"type": 5, "properties": [], "required": {}, "$ref": 5, "additionalProperties": "x"},
        "outputSchema": {"properties": {"a": 5, "b": []}, "anyOf": {}, "$defs": []},
        "annotations": {"readOnlyHint": "yes", "title": 5, "": None},
    },
    "odd-properties": {
        "definition": SOUND,
        "inputSchema": {
            "type": "object",
            "properties": {
                "": 5,
                "a": None,
                "b": {"type": ["string", 5]},
                "c": {"enum": 5},
                "d": {"type": "array", "items": 5},
                "e": {"type": "object", "properties": 5},
                "f": {"anyOf": [5]},
                "g": {"default": {}, "type": "integer"},
                "h": {"$ref": "#/properties/h"},
                "i": {"$ref": "#/nowhere"},
                "j": {"pattern": "("},
                "k": {"title": 5},
                "l": {"description": []},
                "m": {"x-sensitive": 5, "writeOnly": "x"},
                "n": {"format": 5, "type": "string"},
                "o": {"const": {}, "examples": 5},
                "p": {"minimum": "x", "type": "number"},
                "q": {"x-mcp-header": []},
            },
        },
        "outputSchema": {"$ref": "https://elsewhere.example/"},
    },
    "no-words": {
        "definition": SOUND,
        "inputSchema": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
        "toolDescription": "",
        "whenToUse": "",
        "whenNotToUse": "",
    },
}


def store(flow: Flow, body: dict[str, Any], client: Client) -> None:
    """As the editor stores a draft."""
    stored = client.put(f"/api/flows/{flow.pk}/draft/", body, content_type="application/json")
    assert (stored.status_code, stored.json()["notStored"]) == (200, []), stored.json()


def addresses(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    """Every address that is of a flow, of an execution or of a server, with the names of its parts in it."""
    for each in patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver) and not path.startswith("admin/"):
            yield from addresses(each.url_patterns, path)
        elif isinstance(each, URLPattern) and "<" in path and not path.startswith("admin/"):
            yield path


def filled(path: str, ids: dict[str, Any]) -> str | None:
    """The address of these rows; None for one that takes others."""
    while "<" in path:
        start, end = path.index("<"), path.index(">")
        name = path[start + 1 : end].split(":")[-1]
        if name not in ids:
            return None
        path = f"{path[:start]}{ids[name]}{path[end + 1 :]}"
    return f"/{path}"


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_page_and_no_address_fails_on_a_draft(kind: str, client: Client) -> None:
    owner = get_user_model().objects.create_superuser("root", password="x")
    server = make_server(owner)
    flow = release(make_flow(server, tool_name="hostile", definition=SOUND))
    caller = make_flow(server, tool_name="caller", definition=chain(node("call", "call_flow", flow="hostile")))
    client.force_login(owner)
    store(flow, HOSTILE[kind], client)
    execution = make_execution(flow)
    ids = {
        **dict.fromkeys(("flow_id", "flowId"), flow.pk),
        **dict.fromkeys(("server_id", "serverId"), server.pk),
        **dict.fromkeys(("execution_id", "executionId"), execution.pk),
        "number": 1,
        "slug": "fetch",
    }
    reads = {found for path in addresses(get_resolver().url_patterns) if (found := filled(path, ids))}
    assert len(reads) > 50
    reads |= {"/", "/flows/", "/servers/", f"/flows/{caller.pk}/build/", f"/flows/{flow.pk}/build/?as=json"}
    reads |= {f"/admin/flows/{each}" for each in (f"flow/{flow.pk}/change/", "flow/", f"server/{server.pk}/change/")}
    reads |= {f"/flows/{flow.pk}/{each}" for each in ("tool/?before=1&after=draft", "test/?version=draft&as=json")}
    failed = {}
    for address in sorted(reads):
        for kinds in ("text/html", "application/json"):
            try:
                client.get(address, headers={"accept": kinds})
            except Exception as error:
                failed[address] = repr(error)
    assert failed == {}


WRITES: dict[str, dict[str, Any]] = {
    "check": {},
    "test": {"arguments": {}},
    "publish": {},
    "cases": {"name": "A", "arguments": {}, "expectation": {}},
    "cases/run": {},
    "export": {},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_done_to_a_flow_with_a_faulty_draft_is_done_or_refused_with_a_sentence(
    kind: str, client: Client
) -> None:
    server = make_server(make_user())
    flow = release(make_flow(server, tool_name="hostile", definition=SOUND))
    make_flow(server, tool_name="caller", definition=chain(node("call", "call_flow", flow="hostile"), answer(1)))
    client.force_login(server.owner)
    store(flow, HOSTILE[kind], client)
    json: dict[str, Any] = {"content_type": "application/json"}
    for action, body in WRITES.items():
        if action not in ("test", "export", "cases/run"):
            answered = client.post(f"/api/flows/{flow.pk}/{action}/", body, **json)
            assert answered.status_code in (200, 201, 400), (action, answered.status_code)
    refused = client.post(f"/api/flows/{flow.pk}/test/", {"arguments": {}}, **json)
    assert refused.status_code == 400, refused.json()
    renamed = client.put(f"/api/flows/{flow.pk}/draft/", {"toolName": "renamed"}, **json)
    assert renamed.status_code == 200
    for change in ({"name": "Other"}, {"inputSchema": {"type": "object"}}, {"isActive": False}):
        assert client.patch(f"/api/flows/{flow.pk}/?confirm=true", change, **json).status_code in (200, 400)
    for page in ("publish", "duplicate", "toggle", "test", "versions/1/publish", "versions/1/restore", "build"):
        # The last one could be called.
        sent = {
            "do": "json" if kind == "no-words" else "call",
            "confirm": "1",
            "definition": "{}",
            "input_schema": "{}",
            "revision": "1",
        }
        assert client.post(f"/flows/{flow.pk}/{page}/", sent if page != "publish" else {}).status_code < 500, page
    copies = Flow.objects.filter(server=server).exclude(tool_name__in=("hostile", "renamed", "caller"))
    assert copies.count() == 1
    assert client.get(f"/servers/{server.pk}/export/").status_code == 200
    assert client.post(f"/flows/{flow.pk}/delete/", {}).status_code == 302
    assert Server.objects.get(pk=server.pk).flows.count() == 2
