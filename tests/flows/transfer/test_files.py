"""Flows as files: out of one server, into another, by page and by REST."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows.models import Flow, Server, empty_definition, empty_input_schema
from flows.publishing import versions
from flows.transfer import files
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_flow, make_server, make_user
from tests.flows.api.test_views import rest
from tests.flows.secrets.test_secrets import VALUE, using_secrets

pytestmark = pytest.mark.django_db

SCHEMA = {"type": "object", "properties": {"zeta": {"type": "string"}, "alpha": {"type": "number", "default": 1.50}}}


def calling(tool_name: str) -> dict[str, Any]:
    """A definition that calls another flow."""
    nodes = [
        {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger", "parameters": {}},
        {"id": "c", "type": "call_flow", "name": "Other", "slug": "other", "parameters": {"flow": tool_name}},
    ]
    return {"nodes": nodes, "connections": [{"id": "l", "sourceNodeId": "t", "targetNodeId": "c"}]}


def entry(tool_name: str = "echo", **more: Any) -> dict[str, Any]:
    """A flow of a file, with what it must have."""
    return {
        "name": tool_name.title(),
        "toolName": tool_name,
        "toolDescription": "Repeats.",
        "inputSchema": empty_input_schema(),
        "definition": empty_definition(),
    } | more


def document(*flows: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A file with these flows."""
    return {"format": "flowhub.flows", "version": 1, "secrets": [], "flows": list(flows) or [entry()]} | more


@pytest.fixture
def source() -> Server:
    """A server with three flows: settings of every kind, a secret, and one that calls another."""
    server = make_server(slug="source")
    make_flow(
        server,
        name='Ünïcode "quoted"',
        tool_name="zebra",
        tool_description="First.\nSecond.",
        when_to_use="When.",
        when_not_to_use="When not.",
        input_schema=SCHEMA,
        output_schema={"type": "object"},
        annotations={"readOnlyHint": True, "idempotentHint": False},
        timeout_seconds=7,
        answer_seconds=3,
        is_active=True,
    )
    versions.publish(make_flow(server, name="Orders", tool_name="orders"))
    Flow.objects.filter(tool_name="orders").update(definition=using_secrets("API_KEY"))
    versions.set_secret(server, "API_KEY", VALUE)
    make_flow(server, name="Calls", tool_name="calls", definition=calling("orders"))
    return server


def file_of(server: Server) -> str:
    return rest(server.owner).get(f"/api/servers/{server.pk}/export/").content.decode()


class TestFile:
    def test_a_server_exported_imported_and_exported_again_gives_the_same_bytes(self, source: Server) -> None:
        target = make_server()
        text = file_of(source)
        answer = rest(target.owner).post(f"/api/servers/{target.pk}/import/", text, content_type="application/json")
        assert answer.status_code == 201
        assert file_of(target) == text
        assert [(flow.is_active, flow.published_version) for flow in target.flows.all()] == [(False, None)] * 3
        page = browser_of(source.owner).get(f"/servers/{source.pk}/export/")
        assert page.content.decode() == text
        assert page["Content-Disposition"] == 'attachment; filename="source.flowhub.json"'

    def test_a_file_holds_the_draft_in_a_fixed_order_and_names_of_secrets_alone(self, source: Server) -> None:
        flow = source.flows.get(tool_name="zebra")
        text = rest(source.owner).get(f"/api/flows/{flow.pk}/export/").content.decode()
        wanted = {
            "format": "flowhub.flows",
            "version": 1,
            "secrets": [],
            "flows": [
                {
                    "name": 'Ünïcode "quoted"',
                    "toolName": "zebra",
                    "toolDescription": "First.\nSecond.",
                    "whenToUse": "When.",
                    "whenNotToUse": "When not.",
                    "inputSchema": SCHEMA,
                    "outputSchema": {"type": "object"},
                    "annotations": {"readOnlyHint": True, "idempotentHint": False},
                    "timeoutSeconds": 7,
                    "answerSeconds": 3,
                    "definition": flow.definition,
                }
            ],
        }
        assert text == json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
        whole = json.loads(file_of(source))
        assert [each["toolName"] for each in whole["flows"]] == ["calls", "orders", "zebra"]
        assert whole["secrets"] == ["API_KEY", "LOST"]
        assert VALUE not in file_of(source)
        assert browser_of(source.owner).get(f"/flows/{flow.pk}/export/").content.decode() == text

    @pytest.mark.parametrize(
        ("content", "path", "message"),
        [
            ([], "format", "this is no file with flows"),
            ({"openapi": "3.1.0"}, "paths", "the document describes no operations"),
            (document(version=2), "version", "a newer FlowHub wrote this file: version 2; this one reads 1"),
            (document(version="1"), "version", "1 was expected"),
            (document(more=1), "more", "there is no such property"),
            (document(entry(savedCases=[])), "flows[0].savedCases", "there is no such property"),
            (document(flows=[]), "flows", "the file holds no flow, no prompt and no resource"),
            (document({"name": "x"}), "flows[0].toolName", "is required"),
            (document(entry("Not snake")), "flows[0].toolName", "does not match"),
            (document(entry(timeoutSeconds=0)), "flows[0].timeoutSeconds", "less than the minimum"),
            (document(entry(answerSeconds=0)), "flows[0].answerSeconds", "less than the minimum"),
            (document(entry("get_result")), "flows[0].toolName", "FlowHub's own tools are named get_result"),
            (document(entry(), entry()), "flows[1].toolName", "flows[0] has the tool name 'echo' too"),
            (document(entry(inputSchema={"type": "array"})), "flows[0].inputSchema.type", 'must say "type": "object"'),
            (
                document(entry(outputSchema={"type": "object", "properties": {"a": {"type": "strange"}}})),
                "flows[0].outputSchema.properties.a.type",
                "use array, boolean",
            ),
            (
                document(entry(definition={"nodes": [], "connections": []})),
                "flows[0].definition.nodes",
                "a flow needs one node of type 'trigger'",
            ),
            (document(entry(name="null \0")), "", "null character"),
        ],
    )
    def test_a_faulty_file_is_refused_with_the_path_to_each_fault(self, content: Any, path: str, message: str) -> None:
        server = make_server()
        answer = rest(server.owner).post(f"/api/servers/{server.pk}/import/", content, format="json")
        assert answer.status_code == 400
        found = [fault for fault in answer.json()["faults"] if fault["path"] == path]
        assert found, answer.json()
        assert message in found[0]["message"]
        assert Flow.objects.count() == 0
        page = browser_of(server.owner).post(f"/servers/{server.pk}/import/", {"text": json.dumps(content)})
        assert "Nothing was imported: " in words(page.content.decode())

    def test_a_file_that_is_too_large_is_refused(self, settings: Any) -> None:
        server = make_server()
        big = document(entry(toolDescription="x" * files.MAX_BYTES))
        page = browser_of(server.owner).post(
            f"/servers/{server.pk}/import/", {"file": SimpleUploadedFile("big.json", json.dumps(big).encode())}
        )
        assert "the file has more than 2,048 KiB; take fewer flows" in page.content.decode()
        flows = [entry(f"tool_{number}") for number in range(201)]
        answer = rest(server.owner).post(f"/api/servers/{server.pk}/import/", document(*flows), format="json")
        assert answer.json()["faults"][0]["path"] == "flows"


class TestCollisions:
    @pytest.fixture
    def target(self) -> Server:
        """A server that has `orders` and `orders_2`, the first one published."""
        server = make_server()
        versions.publish(make_flow(server, name="Mine", tool_name="orders"))
        make_flow(server, name="Mine too", tool_name="orders_2")
        return server

    def imported(self, target: Server, source: Server, query: str = "") -> Any:
        return rest(target.owner).post(
            f"/api/servers/{target.pk}/import/{query}", file_of(source), content_type="application/json"
        )

    def test_a_taken_tool_name_gets_a_number_and_is_called_by_it(self, target: Server, source: Server) -> None:
        answer = self.imported(target, source).json()
        assert [(item["toolName"], item["isActive"], item["publishedVersion"]) for item in answer["items"]] == [
            ("calls", False, None),
            ("orders_3", False, None),
            ("zebra", False, None),
        ]
        assert answer["missingSecrets"] == ["API_KEY", "LOST"]
        assert target.flows.get(tool_name="calls").definition == calling("orders_3")
        assert target.flows.get(tool_name="orders").name == "Mine"

    def test_replacing_changes_the_draft_and_not_what_clients_call(self, target: Server, source: Server) -> None:
        answer = self.imported(target, source, "?replace=orders&replace=zebra")
        assert [item["toolName"] for item in answer.json()["items"]] == ["calls", "orders", "zebra"]
        flow = target.flows.get(tool_name="orders")
        assert (flow.name, flow.definition, flow.is_active) == ("Orders", using_secrets("API_KEY"), True)
        assert flow.published_version is not None
        assert flow.published_version.contract["title"] == "Mine"
        assert target.flows.get(tool_name="calls").definition == calling("orders")

    def test_a_name_that_is_taken_in_the_same_moment_imports_nothing(
        self, target: Server, source: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plan = files.planned

        def late(server: Server, flows: Any, choices: Any) -> Any:
            planned = plan(server, flows, choices)
            make_flow(server, tool_name="zebra")
            return planned

        flows = files.read(file_of(source))
        monkeypatch.setattr(files, "planned", late)
        before = set(target.flows.values_list("tool_name", flat=True))
        with pytest.raises(versions.DefinitionError, match="somebody took one of the tool names"):
            files.import_contents(target, flows, {})
        assert set(target.flows.values_list("tool_name", flat=True)) == before


class TestPages:
    def test_a_file_is_previewed_chosen_from_and_imported(self, source: Server) -> None:
        target = make_server()
        make_flow(target, name="Mine", tool_name="orders")
        browser, base = browser_of(target.owner), f"/servers/{target.pk}/import/"
        upload = SimpleUploadedFile("source.json", b"\xef\xbb\xbf" + file_of(source).encode())
        preview = browser.post(base, {"file": upload})
        text = words(preview.content.decode())
        assert "3 flows for" in text
        assert "orders Taken 4 New flow, orders_2 Replace the draft of Mine Leave it out" in text
        assert "Before these flows can be published, add API_KEY LOST" in text
        assert target.flows.count() == 1

        choices = {"choice-0": "new", "choice-1": "replace", "choice-2": "leave"}
        done = browser.post(f"{base}apply/", {"source": preview.context["source"]} | choices, follow=True)
        assert [flow.name for flow in target.flows.all()] == ["Calls", "Orders"]
        made = ",".join(str(target.flows.get(tool_name=name).pk) for name in ("calls", "orders"))
        assert done.redirect_chain == [(f"{base}?made={made}", 302)]
        text = words(done.content.decode())
        assert "Imported: 2 flows" in text
        assert "Calls calls Inactive Not published" in text
        assert "Mine" not in text

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({}, "Choose a file or paste its text, one of the two."),
            ({"text": "{}", "file": SimpleUploadedFile("a.json", b"{}")}, "one of the two"),
            ({"file": SimpleUploadedFile("a.json", b"\xff\xfe")}, "The file is not text in UTF-8."),
            ({"text": '{"format": }'}, "Not JSON, line 1, column 12"),
            ({"text": '{"format": NaN}'}, "NaN is no JSON value"),
            ({"text": "[" * 100_000}, "Not JSON"),
        ],
    )
    def test_what_is_no_file_is_answered_in_the_page(self, given: Any, message: str) -> None:
        server = make_server()
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/import/", given)
        assert answer.status_code == 200
        assert message in words(answer.content.decode())

    def test_a_changed_preview_is_checked_again(self) -> None:
        server = make_server()
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/import/apply/", {"source": "{}"})
        assert "this is no file with flows" in words(answer.content.decode())
        assert server.flows.count() == 0

    def test_what_a_file_says_is_shown_as_text(self) -> None:
        server = make_server()
        hostile = document(entry(name="<script>alert(1)</script>", toolDescription='"><img src=x>'))
        page = browser_of(server.owner).post(f"/servers/{server.pk}/import/", {"text": json.dumps(hostile)})
        assert "<script>alert" not in page.content.decode()
        assert "<img" not in page.content.decode()

    def test_strangers_export_and_import_nothing(self, source: Server) -> None:
        flow = source.flows.first()
        assert flow is not None
        text = file_of(source)
        stranger = make_user()
        browser, script = browser_of(stranger), rest(stranger)
        answers = [
            browser.get(f"/flows/{flow.pk}/export/"),
            browser.get(f"/servers/{source.pk}/export/"),
            browser.get(f"/servers/{source.pk}/import/"),
            browser.post(f"/servers/{source.pk}/import/", {"text": text}),
            browser.post(f"/servers/{source.pk}/import/apply/", {"source": text}),
            script.get(f"/api/flows/{flow.pk}/export/"),
            script.get("/api/flows/x/export/"),
            script.get(f"/api/servers/{source.pk}/export/"),
            script.post(f"/api/servers/{source.pk}/import/", text, content_type="application/json"),
        ]
        assert [answer.status_code for answer in answers] == [404] * 9
        assert Client().get(f"/servers/{source.pk}/export/").status_code == 302
        assert source.flows.count() == 3
        mine = make_server(stranger)
        page = browser.get(f"/servers/{mine.pk}/import/?made={flow.pk},x,{'9' * 5000}").content.decode()
        assert flow.name not in page
