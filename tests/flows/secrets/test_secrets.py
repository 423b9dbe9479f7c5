"""Secrets of a server: written once, never shown, encrypted at rest, looked up when a flow is called."""

import re
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from executions.acting.trials import caller_of, try_out
from executions.models import Execution
from executions.running.targets import draft_target, published_target
from flows.engine.errors import DefinitionError, ExpressionError
from flows.engine.expressions import SecretValues
from flows.engine.node import NodeResult, Services
from flows.engine.registry import Registry
from flows.engine.runner import run
from flows.models import Flow, Secret
from flows.nodes import BUILTIN_NODE_TYPES
from flows.publishing import versions
from tests.definitions import chain, node
from tests.factories import announcements, make_flow, make_server, make_user, release
from tests.flows.engine.kit import Flow as Draft
from tests.flows.engine.kit import Recorder, Scripted

VALUE = "canary-4f9a1c77d2e8"
KEYS = ["new-key-" + "n" * 40, "old-key-" + "o" * 40]


@pytest.mark.django_db
class TestServices:
    def test_a_value_is_stored_encrypted_announced_and_replaced(self) -> None:
        server = make_server()
        with announcements() as announced:
            first = versions.set_secret(server, "API_KEY", "first")
            second = versions.set_secret(server, "API_KEY", VALUE)
        assert (first.pk, announced) == (second.pk, [])  # on commit, which a test's transaction never does
        assert VALUE not in repr(list(Secret.objects.values()))
        assert str(second) == "API_KEY"

    @pytest.mark.parametrize("name", ["api_key", "1A", "", "A-B", "A" * 65, "API_KEY\n"])
    def test_a_name_is_capital_letters_digits_and_underscores(self, name: str) -> None:
        with pytest.raises(ValidationError):
            versions.set_secret(make_server(), name, VALUE)

    def test_a_value_may_be_empty(self) -> None:
        flow = make_flow()
        versions.set_secret(flow.server, "A", "")
        versions.set_secret(flow.server, "B", VALUE)
        assert dict(versions.secret_values(flow.pk, {"A", "B"})) == {"A": "", "B": VALUE}
        assert versions.empty_secrets(flow.server) == {"A"}
        assert versions.rotate_secrets() == (2, [])
        assert dict(versions.secret_values(flow.pk, {"A"})) == {"A": ""}

    def test_a_name_is_unique_in_its_server_and_free_in_another(self) -> None:
        first, second = make_server(), make_server()
        versions.set_secret(first, "A", "one")
        versions.set_secret(second, "A", "two")
        with pytest.raises(IntegrityError):
            Secret.objects.create(server=first, name="A", encrypted="x")

    def test_values_are_those_of_the_flows_own_server(self) -> None:
        flow, other = make_flow(), make_server()
        versions.set_secret(flow.server, "A", VALUE)
        versions.set_secret(other, "B", "of another server")
        assert dict(versions.secret_values(flow.pk, {"A", "B"})) == {"A": VALUE}
        assert dict(versions.secret_values(None, {"A"})) == {}

    def test_a_value_copied_into_another_servers_row_is_not_readable_there(self) -> None:
        mine, theirs = make_flow(), make_server()
        secret = versions.set_secret(theirs, "A", VALUE)
        Secret.objects.create(server=mine.server, name="A", encrypted=secret.encrypted)
        values = versions.secret_values(mine.pk, {"A"})
        with pytest.raises(ExpressionError, match="cannot be decrypted"):
            values["A"]

    def test_owners_and_operators_see_that_a_secret_exists(self) -> None:
        secret = versions.set_secret(make_server(), "A", VALUE)
        operator, stranger = make_user(is_superuser=True), make_user()
        assert [list(Secret.objects.visible_to(user)) for user in (secret.server.owner, operator, stranger)] == [
            [secret],
            [secret],
            [],
        ]

    def test_rotating_names_what_no_key_opens_and_does_the_rest(
        self, settings: Any, capsys: pytest.CaptureFixture[str]
    ) -> None:
        flow = make_flow()
        settings.VAULT_KEYS = ["lost-key-" + "l" * 40]
        versions.set_secret(flow.server, "LOST", VALUE)
        settings.VAULT_KEYS = KEYS[1:]
        versions.set_secret(flow.server, "KEPT", VALUE)
        settings.VAULT_KEYS = KEYS
        with pytest.raises(CommandError, match=f"LOST of {flow.server.slug}"):
            call_command("rotate_secrets")
        assert capsys.readouterr().out == (
            "Encrypted 1 secrets with the newest key.\n"
            "Encrypted 0 kept answers and waiting executions with the newest key.\n"
            "Encrypted 0 second factors with the newest key.\n"
        )
        settings.VAULT_KEYS = KEYS[:1]
        assert dict(versions.secret_values(flow.pk, {"KEPT", "LOST"})) == {"KEPT": VALUE}


class TestGraph:
    @pytest.fixture
    def scripted(self) -> Scripted:
        return Scripted()

    @pytest.fixture
    def flow(self, scripted: Scripted) -> Draft:
        return Draft(Registry([*BUILTIN_NODE_TYPES, scripted]))

    def test_a_graph_knows_which_secrets_its_reachable_nodes_name(self, flow: Draft) -> None:
        flow.add("a", after="trigger", value="{{ secrets.ONE }} {{ secrets['TWO'] }}")
        flow.add("b", after="a", value="plain")
        flow.add("lost", value="{{ secrets.THREE }}")
        graph = flow.graph()
        assert graph.secret_names == {"ONE", "TWO"}
        assert [(node.slug, bool(node.secrets)) for node in graph.order] == [
            ("trigger", False),
            ("a", True),
            ("b", False),
        ]

    @pytest.mark.parametrize("path", ["secrets", "secrets.api_key", "secrets.A.b", "secrets[0]", 'secrets["A b"]'])
    def test_a_secret_can_only_be_named_as_a_whole(self, flow: Draft, path: str) -> None:
        flow.add("a", after="trigger", value=f"{{{{ {path} }}}}")
        with pytest.raises(DefinitionError, match=r"write \{\{ secrets\.NAME \}\}"):
            flow.graph()

    @pytest.mark.anyio
    async def test_a_node_gets_the_value_and_what_is_reported_keeps_the_reference(
        self, flow: Draft, scripted: Scripted
    ) -> None:
        recorder = Recorder()
        seen: list[Any] = []

        async def look(parameters: Any) -> Any:
            seen.append(parameters["value"])
            return NodeResult("done")

        scripted.scripts["look"] = look
        value = {"auth": "Bearer {{ secrets.KEY }}", "name": "{{ trigger.name }}", "list": ["{{ secrets.KEY }}"]}
        flow.add("a", after="trigger", key="look", value=value)
        await run(
            flow.graph(),
            {"name": "{{ secrets.OTHER }}"},
            services=Services(secrets=SecretValues({"KEY": VALUE})),
            observers=(recorder,),
        )
        assert seen == [{"auth": f"Bearer {VALUE}", "name": "{{ secrets.OTHER }}", "list": [VALUE]}]
        assert recorder.lines[2] == (
            "started",
            "a",
            {"key": "look", "value": value | {"name": "{{ secrets.OTHER }}"}},
        )
        assert VALUE not in repr(recorder.events)

    @pytest.mark.anyio
    async def test_a_missing_secret_is_a_failure_that_says_where_to_add_it(self, flow: Draft) -> None:
        recorder = Recorder()
        flow.add("a", after="trigger", value="{{ secrets.KEY }}")
        outcome = await run(flow.graph(), {}, services=Services(), observers=(recorder,))
        assert outcome.error is not None
        assert outcome.error.kind == "node_failed"
        assert outcome.error.message == (
            "{{ secrets.KEY }} is not there: this server has no secret of that name. "
            "Add it on the server's Secrets page."
        )
        assert "KEY" not in outcome.error.for_client
        assert recorder.lines[2] == ("started", "a", {"value": "{{ secrets.KEY }}"})

    def test_values_do_not_show_themselves(self) -> None:
        assert VALUE not in repr(Services(secrets=SecretValues({"KEY": VALUE})))
        assert VALUE not in repr(SecretValues({"KEY": VALUE}))


def using_secrets(*names: str) -> dict[str, Any]:
    """A flow's definition that sends the values of these secrets to another system."""
    text = " ".join(f"<{{{{ secrets.{name} }}}}>" for name in names)
    send = {"url": "https://api.example.com/", "headers": {"x-keys": text}}
    nodes = [
        {"id": "t", "type": "trigger", "name": "Call", "slug": "trigger", "parameters": {}},
        {"id": "s", "type": "http_request", "name": "Send", "slug": "send", "parameters": send},
        {"id": "r", "type": "return", "name": "Answer", "slug": "answer", "parameters": {"text": "Done"}},
        {"id": "x", "type": "return", "name": "Lost", "slug": "lost", "parameters": {"text": "{{ secrets.LOST }}"}},
    ]
    lines = [{"id": f"{one}{two}", "sourceNodeId": one, "targetNodeId": two} for one, two in ("ts", "sr")]
    return {"nodes": nodes, "connections": lines}


def answering(*names: str) -> dict[str, Any]:
    """A flow's definition that answers with the values of these secrets, which none may by now."""
    return chain(node("answer", "return", text=" ".join(f"<{{{{ secrets.{name} }}}}>" for name in names)))


def called(flow: Flow) -> Execution:
    """An execution of what an earlier FlowHub published."""
    return try_out(published_target(release(flow)), {}, caller_of(flow.server.owner))


@pytest.mark.django_db
class TestPublishing:
    def test_a_flow_that_names_a_secret_its_server_lacks_is_not_published(self) -> None:
        flow = make_flow(definition=using_secrets("MISSING", "THERE"))
        versions.set_secret(flow.server, "THERE", VALUE)
        versions.set_secret(make_server(), "MISSING", VALUE)
        assert [str(fault) for fault in versions.faults_of(flow)] == [
            "definition.nodes[1].parameters.headers.x-keys: the server has no secret 'MISSING'; "
            "add it under Secrets. It has: THERE"
        ]
        versions.set_secret(flow.server, "MISSING", VALUE)
        assert versions.publish(flow).number == 1

    @pytest.mark.parametrize(
        ("origins", "parameters", "why"),
        [
            ([], {"url": "{{ trigger.url }}"}, "would choose where {{ secrets.KEY }} goes"),
            (["https://a.example"], {"url": "https://b.example/"}, "this request goes to https://b.example"),
            (["https://a.example"], {"url": "https://a.example/{{ trigger.id }}"}, ""),
            (["https://a.example"], {"url": "{{ trigger.url }}"}, ""),
        ],
    )
    def test_where_a_secret_goes_is_judged_when_a_flow_is_published_and_tested(
        self, origins: list[str], parameters: dict[str, str], why: str
    ) -> None:
        send = node("send", "http_request", auth={"type": "bearer", "secret": "{{ secrets.KEY }}"}, **parameters)
        texts = {"type": "object", "properties": {"url": {"type": "string"}, "id": {"type": "string"}}}
        flow = make_flow(definition=chain(send, node("answer", "return", text="Done")), input_schema=texts)
        versions.set_secret(flow.server, "KEY", VALUE, origins)
        faults = [(fault.path, why in fault.message) for fault in versions.faults_of(flow)]
        assert faults == ([("definition.nodes[1].parameters.auth.secret", True)] if why else [])
        with pytest.raises(DefinitionError, match=re.escape(why)) if why else nullcontext():
            draft_target(flow)

    def test_secrets_of_before_get_the_origins_that_clients_send_them_to(self) -> None:
        server = make_server()
        for name in ("ONE", "TWO", "ANY", "IDLE"):
            versions.set_secret(server, name, VALUE)
        for url, header in (
            ("https://A.example:443/x", "{{ secrets.ONE }}{{ secrets.TWO }}{{ secrets.ANY }}"),
            ("http://b.example:8080/{{ trigger.x }}", "{{ secrets['TWO'] }}"),
            ("{{ trigger.url }}", "{{ secrets.ANY }}"),
        ):
            release(make_flow(server, definition=chain(node("s", "http_request", url=url, headers={"x": header}))))
        import_module("flows.migrations.0007_secret_origins").bind(apps, None)
        assert dict(server.secrets.values_list("name", "origins")) == {
            "ONE": ["https://a.example"],
            "TWO": ["http://b.example:8080", "https://a.example"],
            "ANY": [],
            "IDLE": [],
        }


@pytest.mark.django_db(transaction=True)
class TestCalling:
    def test_a_flow_that_answers_with_a_secret_does_not_tell_it(self) -> None:
        flow = make_flow(definition=answering("ONE", "TWO"))
        versions.set_secret(flow.server, "ONE", VALUE)
        versions.set_secret(flow.server, "TWO", f"{VALUE}-longer")
        execution = called(flow)
        assert execution.status == "fulfilled"
        assert execution.result == {"content": [{"type": "text", "text": "<***> <***>"}], "isError": False}
        assert execution.node_executions[1]["inputData"] == {"text": "<{{ secrets.ONE }}> <{{ secrets.TWO }}>"}
        assert VALUE not in repr(Execution.objects.values().get())

    def test_an_empty_secret_is_nothing_and_hides_nothing(self) -> None:
        flow = make_flow(definition=answering("ONE", "TWO"))
        versions.set_secret(flow.server, "ONE", "")
        versions.set_secret(flow.server, "TWO", VALUE)
        execution = called(flow)
        assert execution.result == {"content": [{"type": "text", "text": "<> <***>"}], "isError": False}
        assert execution.node_executions[1]["outputData"] == "<> <***>"

    def test_a_new_value_counts_from_the_next_call_on(self) -> None:
        flow = release(make_flow(definition=answering("ONE")))
        for value in ("first-value", "second-value"):
            with announcements() as announced:
                secret = versions.set_secret(flow.server, "ONE", value)
            assert announced == [flow.server.slug]
            assert try_out(published_target(flow), {}, caller_of(flow.server.owner)).status == "fulfilled"
        with announcements() as announced:
            versions.delete_secret(secret)
        assert announced == [flow.server.slug]
        execution = try_out(published_target(flow), {}, caller_of(flow.server.owner))
        assert (execution.status, execution.failed_node_name) == ("error", "Answer")
        assert "secrets.ONE" in execution.error_info["message"]

    def test_a_flow_without_secrets_asks_the_database_for_none(self, django_assert_max_num_queries: Any) -> None:
        flow = make_flow()
        table = Secret._meta.db_table
        with django_assert_max_num_queries(100) as queries:
            try_out(draft_target(flow), {}, caller_of(flow.server.owner))
        assert not [query for query in queries.captured_queries if table in query["sql"]]


@pytest.mark.django_db
class TestAdmin:
    ADD = reverse("admin:flows_secret_add")

    @pytest.fixture
    def operator(self, client: Client) -> Client:
        client.force_login(make_user("operator", is_superuser=True))
        return client

    def test_a_value_goes_in_and_is_shown_nowhere(self, operator: Client) -> None:
        flow = make_flow()
        form = {"server": flow.server.pk, "name": "API_KEY", "value": VALUE}
        assert operator.post(self.ADD, form).status_code == 302
        secret = Secret.objects.get()
        assert dict(versions.secret_values(flow.pk, {"API_KEY"})) == {"API_KEY": VALUE}
        pages = [
            reverse("admin:flows_secret_changelist"),
            reverse("admin:flows_secret_change", args=[secret.pk]),
            reverse("admin:flows_secret_history", args=[secret.pk]),
            reverse("admin:flows_secret_delete", args=[secret.pk]),
            reverse("admin:index"),
        ]
        for page in pages:
            answer = operator.get(page)
            assert answer.status_code == 200
            assert VALUE not in answer.content.decode()
            assert secret.encrypted not in answer.content.decode()

    def test_a_new_value_replaces_the_old_one(self, operator: Client) -> None:
        flow = make_flow()
        secret = versions.set_secret(flow.server, "API_KEY", "before")
        page = reverse("admin:flows_secret_change", args=[secret.pk])
        assert operator.post(page, {"value": " with blanks "}).status_code == 302
        assert dict(versions.secret_values(flow.pk, {"API_KEY"})) == {"API_KEY": " with blanks "}

    @pytest.mark.parametrize(("name", "value"), [("api key", VALUE), ("", VALUE)])
    def test_a_refused_form_does_not_give_the_value_back(self, operator: Client, name: str, value: str) -> None:
        answer = operator.post(self.ADD, {"server": make_server().pk, "name": name, "value": value})
        assert answer.status_code == 200
        assert VALUE not in answer.content.decode()
        assert not Secret.objects.exists()

    def test_a_name_that_is_taken_is_an_error_of_the_form(self, operator: Client) -> None:
        secret = versions.set_secret(make_server(), "API_KEY", "before")
        answer = operator.post(self.ADD, {"server": secret.server_id, "name": "API_KEY", "value": VALUE})
        assert "This server has a secret of that name." in answer.content.decode()
