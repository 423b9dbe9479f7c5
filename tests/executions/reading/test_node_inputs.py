"""What a node of a draft may name, over REST, with values from the newest executions."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from flows.models import Flow
from flows.publishing import versions
from tests.factories import STARTED, make_execution, make_flow, make_server, make_user

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}},
        },
    },
    "additionalProperties": False,
}
HOST = ["now", "execution", "execution.id", "execution.flowName", "execution.toolName", "caller", "caller.clientName"]
HOST += ["caller.clientVersion", "caller.principal", "flowhub", "flowhub.url"]


def node(slug: str, node_type: str, **parameters: Any) -> dict[str, Any]:
    return {"id": f"id-{slug}", "type": node_type, "name": slug.title(), "slug": slug, "parameters": parameters}


def line(source: str, target: str) -> dict[str, Any]:
    return {"id": f"{source}-{target}", "sourceNodeId": f"id-{source}", "targetNodeId": f"id-{target}"}


@pytest.fixture
def flow() -> Flow:
    definition = {
        "nodes": [
            node("trigger", "trigger"),
            node("fetch", "http_request", url="https://example.com"),
            node("beside", "set_fields", fields={"x": 1}),
            node("answer", "return", text="{{ fetch.body }}"),
            node("alone", "set_fields", fields={}),
        ],
        "connections": [line("trigger", "fetch"), line("trigger", "beside"), line("fetch", "answer")],
    }
    return make_flow(definition=definition, input_schema=SCHEMA)


def entry(slug: str, output: Any, status: str = "completed") -> dict[str, Any]:
    return {"nodeId": f"id-{slug}", "status": status, "outputData": output}


def inputs(flow: Flow, slug: str, user: Any = None) -> list[dict[str, Any]]:
    client = APIClient()
    client.force_authenticate(user or flow.server.owner)
    answer = client.get(f"/api/flows/{flow.pk}/nodes/{slug}/inputs/")
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_the_outputs_of_the_nodes_before_it_are_listed_with_their_types(flow: Flow) -> None:
    found = inputs(flow, "answer")
    assert [(each["path"], each["types"]) for each in found][:8] == [
        ("trigger", ["object"]),
        ("trigger.id", ["string"]),
        ("trigger.lines", ["array"]),
        ("trigger.lines[0]", ["object"]),
        ("trigger.lines[0].n", ["integer", "null"]),
        ("fetch", ["object"]),
        ("fetch.status", ["integer"]),
        ("fetch.headers", ["object"]),
    ]
    assert [each["path"] for each in found][8:] == ["fetch.body", *HOST]
    assert found[6] == {
        "expression": "{{ fetch.status }}",
        "path": "fetch.status",
        "types": ["integer"],
        "nodeId": "id-fetch",
        "nodeName": "Fetch",
        "nodeSlug": "fetch",
        "samples": [],
    }
    assert (found[-1]["nodeId"], found[-1]["nodeName"], found[-1]["nodeSlug"]) == (None, None, None)


def test_the_newest_executions_show_what_a_node_gave(flow: Flow) -> None:
    body = {"order": {"odd key": True, 'quo"te': [], "a}}b": 1}, "items": [{"sku": "a"}], "text": "x" * 500}
    make_execution(flow, node_executions=[entry("fetch", {"status": 500, "body": "oops"}, "error")])
    make_execution(flow, started_at=STARTED - timedelta(hours=1), node_executions=[entry("fetch", {"status": 201})])
    make_execution(
        flow, started_at=STARTED + timedelta(hours=1), node_executions=[entry("fetch", {"status": 200, "body": body})]
    )
    found = {each["path"]: (each["types"], each["samples"]) for each in inputs(flow, "answer")}
    assert {path: shown for path, shown in found.items() if path.startswith("fetch.")} == {
        "fetch.status": (["integer"], [200, 201]),
        "fetch.headers": (["object"], []),
        "fetch.body": (["object"], []),
        "fetch.body.order": (["object"], []),
        "fetch.body.items": (["array"], []),
        "fetch.body.text": (["string"], ["x" * 199 + "…"]),
        'fetch.body.order["odd key"]': (["boolean"], [True]),
        'fetch.body.order["quo\\"te"]': (["array"], [[]]),
        "fetch.body.items[0]": (["object"], []),
        "fetch.body.items[0].sku": (["string"], ["a"]),
    }


def test_what_was_cut_from_the_record_is_no_sample(flow: Flow) -> None:
    cut = {"$truncated": True, "bytes": 1, "sha256": "", "head": "", "tail": ""}
    entries = [entry("trigger", cut), entry("fetch", {"body": {"big": cut, "small": 1}})]
    make_execution(flow, node_executions=entries)
    make_execution(flow, node_executions=cut)
    found = {each["path"]: each["samples"] for each in inputs(flow, "answer")}
    assert (found["fetch.body.small"], found["trigger.id"]) == ([1], [])
    assert not [path for path in found if "big" in path or "truncated" in path]


def test_the_list_is_bounded(flow: Flow) -> None:
    deep: Any = 1
    for _ in range(20):
        deep = {"deeper": deep}
    make_execution(flow, node_executions=[entry("fetch", {"body": {f"k{n}": n for n in range(5000)} | {"d": deep}})])
    assert len([each for each in inputs(flow, "answer") if each["nodeSlug"] == "fetch"]) == 100


def test_secrets_are_listed_by_name_alone(flow: Flow) -> None:
    versions.set_secret(flow.server, "API_KEY", "hunter2")
    versions.set_secret(make_server(), "OTHER", "x")
    last = inputs(flow, "fetch")[-1]
    assert (last["expression"], last["types"], last["samples"]) == ("{{ secrets.API_KEY }}", ["string"], [])


@pytest.mark.parametrize("slug", ["gone", "alone"])
def test_a_node_that_is_not_there_or_never_runs_is_not_found(flow: Flow, slug: str) -> None:
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    assert client.get(f"/api/flows/{flow.pk}/nodes/{slug}/inputs/").status_code == 404


def test_a_foreign_flow_is_not_found(flow: Flow) -> None:
    client = APIClient()
    client.force_authenticate(make_user())
    assert client.get(f"/api/flows/{flow.pk}/nodes/answer/inputs/").status_code == 404


def test_a_draft_with_faults_tells_what_can_be_read_of_it(flow: Flow) -> None:
    flow.definition["nodes"][3]["parameters"] = {"text": "{{ fetch.", "more": 1}
    flow.save()
    paths = ["trigger", "trigger.id", "trigger.lines", "trigger.lines[0]", "trigger.lines[0].n", "fetch"]
    assert [each["path"] for each in inputs(flow, "answer")][:6] == paths


def test_a_draft_that_is_no_graph_answers_with_its_faults() -> None:
    flow = make_flow(definition={"nodes": [], "connections": []})
    client = APIClient()
    client.force_authenticate(flow.server.owner)
    answer = client.get(f"/api/flows/{flow.pk}/nodes/trigger/inputs/")
    fault = {"path": "nodes", "key": "", "message": "a flow needs one node of type 'trigger', where calls come in"}
    assert (answer.status_code, answer.json()) == (400, {"definition": [fault]})


class TestPage:
    """The same list for people."""

    def get(self, flow: Flow, **headers: Any) -> Any:
        client = Client()
        client.force_login(flow.server.owner)
        return client.get(f"/flows/{flow.pk}/nodes/answer/inputs/", headers=headers)

    def test_the_page_shows_each_expression_with_its_type_and_what_was_seen(self, flow: Flow) -> None:
        output = {"status": 200, "body": {"<b>": "<i>"}}
        make_execution(flow, node_executions=[entry("fetch", output)])
        page = self.get(flow).content.decode()
        assert "<code>{{ fetch.body[&quot;&lt;b&gt;&quot;] }}</code>" in page
        assert "<code>&quot;&lt;i&gt;&quot;</code>" in page
        assert "<code>200</code>" in page
        assert "<title>" in page

    def test_htmx_gets_the_list_alone(self, flow: Flow) -> None:
        answer = self.get(flow, hx_request="true")
        assert "<title>" not in answer.content.decode()
        assert "{{ trigger.id }}" in answer.content.decode()
        assert "HX-Request" in answer["Vary"]

    def test_the_build_tab_leads_to_each_node_that_runs_after_another(self, flow: Flow) -> None:
        client = Client()
        client.force_login(flow.server.owner)
        page = client.get(f"/flows/{flow.pk}/build/").content.decode()
        found = re.findall(rf'href="/flows/{flow.pk}/nodes/(\w+)/inputs/"', page)
        assert found == ["fetch", "beside", "answer"]

    @pytest.mark.parametrize("slug", ["gone", "alone"])
    def test_a_node_that_never_runs_has_no_page(self, flow: Flow, slug: str) -> None:
        client = Client()
        client.force_login(flow.server.owner)
        assert client.get(f"/flows/{flow.pk}/nodes/{slug}/inputs/").status_code == 404

    def test_a_foreign_flow_is_not_found(self, flow: Flow) -> None:
        client = Client()
        client.force_login(make_user())
        assert client.get(f"/flows/{flow.pk}/nodes/answer/inputs/").status_code == 404
