"""The Prompts and Resources tabs of a server, and their pages in the admin."""

import base64
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from flows.models import Prompt, Resource
from flows.offers.changes import save_offer
from flows.offers.resources import MAX_BYTES
from flows.publishing import versions
from tests.executions.pages.test_views import browser_of, words
from tests.factories import announcements, make_flow, make_server, make_user
from tests.flows.test_admin import told

pytestmark = pytest.mark.django_db

TEXT = {"role": "user", "content": {"type": "text", "text": "Hello {{ arguments.name }}"}}
PNG = b"\x89PNG\r\n\x1a\n"


def prompt_form(**changed: str) -> dict[str, str]:
    """What a browser sends: one argument, one message, and an empty row of each."""
    sent = {"do": "save", "name": "hello", "title": "", "description": "Greets.", "flow": "", "is_active": "on"}
    sent |= {"arguments": "2", "arguments-0-name": "name", "arguments-0-completions": "Ada\n\n Grace \n"}
    sent |= {"messages": "2", "messages-0-role": "user", "messages-0-kind": "text"}
    sent |= {"messages-0-content": "Hello {{ arguments.name }}", "messages-1-role": "user", "messages-1-kind": "text"}
    return sent | changed


def resource_form(**changed: Any) -> dict[str, Any]:
    sent = {"uri": "notes:1", "name": "Notes", "answer": "text", "text": "Hello", "flow": "", "is_active": "on"}
    return sent | changed


class TestPrompts:
    def test_a_prompt_is_added_shown_as_it_was_written_changed_and_deleted(
        self, django_capture_on_commit_callbacks: Any
    ) -> None:
        server = make_server()
        browser, tab = browser_of(server.owner), f"/servers/{server.pk}/prompts/"
        assert "No prompts yet" in browser.get(tab).content.decode()
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            answer = browser.post(f"{tab}new/", prompt_form(), follow=True)
        prompt = Prompt.objects.get()
        assert (answer.redirect_chain, heard) == ([(f"{tab}{prompt.pk}/", 302)], [server.slug])
        assert "hello is saved. Clients that may see it are told." in answer.content.decode()
        assert prompt.arguments == [{"name": "name", "completions": ["Ada", "Grace"]}]
        assert prompt.messages == [TEXT]
        editor = answer.context["editor"]
        assert [form.initial for form in editor.arguments.forms] == [{"name": "name", "completions": "Ada\nGrace"}]
        assert [form.initial["content"] for form in editor.messages.forms] == ["Hello {{ arguments.name }}"]
        assert "hello hello Greets. name 1 message Offered" in words(browser.get(tab).content.decode())
        browser.post(f"{tab}{prompt.pk}/", prompt_form(name="hi", is_active=""))
        assert "hi hi Greets. name 1 message Inactive" in words(browser.get(tab).content.decode())
        asked = browser.get(f"{tab}{prompt.pk}/delete/").content.decode()
        assert "Delete the prompt <code>hi</code>?" in asked
        assert "hi is deleted." in browser.post(f"{tab}{prompt.pk}/delete/", follow=True).content.decode()
        assert Prompt.objects.count() == 0

    def test_rows_come_and_go_without_a_script_and_nothing_is_stored(self) -> None:
        server = make_server()
        browser, page = browser_of(server.owner), f"/servers/{server.pk}/prompts/new/"
        more = browser.post(page, prompt_form(do="add:messages", description=""))
        editor = more.context["editor"]
        assert [len(rows.forms) for rows in (editor.arguments, editor.messages)] == [2, 3]
        assert "This field is required." not in more.content.decode()
        assert editor.messages.forms[0].initial["content"] == "Hello {{ arguments.name }}"
        assert editor.form["is_active"].value() is True
        less = browser.post(page, prompt_form(do="remove:arguments:0")).context["editor"]
        assert [form.initial["name"] for form in less.arguments.forms] == [None]
        assert Prompt.objects.count() == 0

    @pytest.mark.parametrize("do", ["add:nothing", "remove:arguments:9", "remove:arguments:x", "", "drop"])
    def test_a_button_that_does_not_exist_does_nothing(self, do: str) -> None:
        server = make_server()
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/prompts/new/", prompt_form(do=do))
        assert (answer.status_code, len(answer.context["editor"].arguments.forms)) == (200, 2)

    @pytest.mark.parametrize("number", ["-1", "x", "999999999999", "٣", ""])
    def test_a_number_of_rows_that_is_none_is_no_row(self, number: str) -> None:
        server = make_server()
        sent = prompt_form(arguments=number, messages=number)
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/prompts/new/", sent)
        assert "write at least one message, or choose a flow that answers" in words(answer.content.decode())

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"name": "a b"}, "Use letters, digits, dots, hyphens and underscores"),
            ({"name": "taken"}, "This server has a prompt of that name."),
            ({"description": ""}, "This field is required."),
            ({"arguments-0-name": ""}, "Give the argument a name, or empty the row."),
            ({"arguments-0-name": "nam"}, "content.text: the prompt has no argument 'name'. It has: nam. Did you mean"),
            ({"arguments-1-name": "name"}, "name: there is an argument 'name' already"),
            ({"messages-0-content": ""}, "write at least one message, or choose a flow that answers"),
            ({"messages-0-kind": "block"}, "Not JSON, line 1, column 1"),
            ({"messages-0-kind": "block", "messages-0-content": "[]"}, "Write a JSON object"),
            ({"messages-0-kind": "block", "messages-0-content": '{"type": "video"}'}, "content.type: "),
            (
                {"messages-0-kind": "block", "messages-0-content": '{"type": "image", "data": "?", "mimeType": "a/b"}'},
                "content.data: is not base64",
            ),
        ],
    )
    def test_a_refused_form_says_why_and_keeps_what_was_typed(self, changed: dict[str, str], message: str) -> None:
        server = make_server()
        save_offer(Prompt(server=server, name="taken", description="x", messages=[TEXT], arguments=[{"name": "name"}]))
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/prompts/new/", prompt_form(**changed))
        assert answer.status_code == 200
        assert message in words(answer.content.decode()).replace("&#x27;", "'")
        assert answer.context["editor"].form["title"].value() == ""
        assert Prompt.objects.count() == 1

    def test_a_block_is_written_and_shown_as_json(self) -> None:
        server = make_server()
        block = '{"type": "image", "data": "' + base64.b64encode(PNG).decode() + '", "mimeType": "image/png"}'
        sent = prompt_form(**{"messages-1-kind": "block", "messages-1-content": block, "messages-1-role": "assistant"})
        browser = browser_of(server.owner)
        answer = browser.post(f"/servers/{server.pk}/prompts/new/", sent, follow=True)
        shown = answer.context["editor"].messages.forms[1].initial
        assert (shown["role"], shown["kind"], '"mimeType": "image/png"' in shown["content"]) == (
            "assistant",
            "block",
            True,
        )
        page = browser.get(answer.redirect_chain[0][0] + "?preview=1&sample-name=<b>Ada</b>").content.decode()
        assert "Hello &lt;b&gt;Ada&lt;/b&gt;" in page
        assert 'src="data:image/png;base64,' in page

    def test_the_preview_asks_for_what_is_required_and_refuses_what_clients_could_not_read(self) -> None:
        server = make_server()
        link = {"role": "user", "content": {"type": "resource_link", "uri": "{{ arguments.u }}", "name": "x"}}
        prompt = Prompt(
            server=server, name="p", description="x", arguments=[{"name": "u", "required": True}], messages=[link]
        )
        save_offer(prompt)
        browser, page = browser_of(server.owner), f"/servers/{server.pk}/prompts/{prompt.pk}/"
        assert "This field is required." in browser.get(page + "?preview=1").content.decode()
        text = words(browser.get(page + "?preview=1&sample-u=nowhere").content.decode())
        assert "messages[0].content.uri: write a whole URI with its scheme" in text

    def test_a_flow_answers_and_the_list_says_whether_it_can(self) -> None:
        flow = make_flow(name="Greet", tool_name="greet", input_schema={"type": "object", "required": ["name"]})
        browser, tab = browser_of(flow.server.owner), f"/servers/{flow.server_id}/prompts/"
        sent = prompt_form(flow=str(flow.pk), **{"messages-0-content": "", "arguments-0-required": "on"})
        page = browser.post(f"{tab}new/", sent, follow=True)
        assert "The flow Greet answers. Try it in its Test tab" in words(page.content.decode())

        def state() -> str:
            return words(browser.get(tab).content.decode()).partition("Greets. name ")[2].partition(" 0")[0]

        assert state().startswith("Greet Flow not published")
        versions.publish(flow)
        assert state().startswith("Greet Offered")
        flow.input_schema = {"type": "object", "required": ["town"]}
        versions.publish(flow)
        assert state().startswith("Greet Does not fit")
        asked = words(browser.get(f"/flows/{flow.pk}/delete/").content.decode())
        assert "They stay, but their calls fail, and clients no longer see a prompt or resource" in asked
        assert "else answers: Prompt hello Its executions stay" in asked
        versions.delete(flow)
        assert "0 messages No answer" in words(browser.get(tab).content.decode())


class TestResources:
    def test_a_resource_is_added_shown_changed_and_deleted(self, django_capture_on_commit_callbacks: Any) -> None:
        server = make_server()
        browser, tab = browser_of(server.owner), f"/servers/{server.pk}/resources/"
        assert "No resources yet" in browser.get(tab).content.decode()
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            answer = browser.post(f"{tab}new/", resource_form(annotations='{"priority": 1}'), follow=True)
        resource = Resource.objects.get()
        assert (answer.redirect_chain, heard) == ([(f"{tab}{resource.pk}/", 302)], [server.slug])
        assert (resource.text, resource.annotations, resource.completions) == ("Hello", {"priority": 1}, {})
        assert "resource notes:1 Hello" in words(answer.content.decode())
        assert "Notes notes:1 not said a text, 5" in words(browser.get(tab).content.decode())
        browser.post(f"{tab}{resource.pk}/", resource_form(name="Other", text=" Bye\r\n"))
        resource.refresh_from_db()
        assert (resource.name, resource.text) == ("Other", " Bye\n")
        assert "notes:1 is deleted." in browser.post(f"{tab}{resource.pk}/delete/", follow=True).content.decode()
        assert Resource.objects.count() == 0

    def test_a_file_is_kept_as_bytes_or_as_the_text_that_it_is(self) -> None:
        server = make_server()
        browser, tab = browser_of(server.owner), f"/servers/{server.pk}/resources/"
        for name, content in (("dot.png", PNG), ("a.md", "é".encode()), ("b.txt", b"\xff\xfe")):
            file = SimpleUploadedFile(name, content)
            sent = resource_form(uri=f"f:{name}", answer="file", file=file, text="is not kept")
            assert browser.post(f"{tab}new/", sent).status_code == 302
        kept = {row.uri: (row.mime_type, row.text, row.blob) for row in Resource.objects.all()}
        assert kept == {
            "f:dot.png": ("image/png", "", base64.b64encode(PNG).decode()),
            "f:a.md": ("text/markdown", "é", ""),
            "f:b.txt": ("text/plain", "", "//4="),
        }
        picture = Resource.objects.get(uri="f:dot.png")
        page = browser.get(f"{tab}{picture.pk}/").content.decode()
        assert 'src="data:image/png;base64,' in page
        browser.post(f"{tab}{picture.pk}/", resource_form(uri="f:dot.png", name="New", answer="file", text=""))
        picture.refresh_from_db()
        assert (picture.name, picture.blob) == ("New", base64.b64encode(PNG).decode())

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"uri": "notes"}, "write a whole URI with its scheme"),
            ({"uri": "taken:1"}, "This server has a resource at that URI."),
            ({"uri": "notes:{id}"}, "a URI with variables is answered by a flow"),
            ({"uri": "notes:{id"}, "has a brace without its other half"),
            ({"name": ""}, "This field is required."),
            ({"text": ""}, "Write a text."),
            ({"answer": "file"}, "Choose a file."),
            ({"answer": "flow"}, "Choose the flow that answers."),
            ({"answer": "video"}, "Select a valid choice."),
            ({"mime_type": "png"}, "is no media type"),
            ({"annotations": "{"}, "Not JSON, line 1"),
            ({"annotations": "[]"}, "Write a JSON object"),
            ({"completions": '{"id": ["1"]}'}, "the URI has no variable"),
        ],
    )
    def test_a_refused_form_says_why(self, changed: dict[str, str], message: str) -> None:
        server = make_server()
        save_offer(Resource(server=server, uri="taken:1", name="x", text="y"))
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/resources/new/", resource_form(**changed))
        assert answer.status_code == 200
        assert message in words(answer.content.decode())
        assert Resource.objects.count() == 1

    def test_a_large_file_is_refused_before_it_is_read(self) -> None:
        server = make_server()
        file = SimpleUploadedFile("a.bin", b"a" * (MAX_BYTES + 1))
        sent = resource_form(answer="file", file=file)
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/resources/new/", sent)
        assert "The file has more than 512 KiB." in answer.content.decode()

    def test_a_template_names_its_variables_and_its_flow(self) -> None:
        schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
        flow = make_flow(name="Look up", input_schema=schema)
        sent = resource_form(uri="order:{id}", answer="flow", flow=str(flow.pk), completions='{"id": ["1"]}')
        browser = browser_of(flow.server.owner)
        page = browser.post(f"/servers/{flow.server_id}/resources/new/", sent, follow=True)
        text = words(page.content.decode())
        assert "A client fills in id ." in text
        assert "The flow Look up answers. Try it in its Test tab" in text
        assert (Resource.objects.get().text, Resource.objects.get().completions) == ("", {"id": ["1"]})


@pytest.mark.parametrize("kind", ["prompts", "resources"])
def test_a_strangers_pages_are_404_and_nothing_changes(kind: str) -> None:
    server, other = make_server(), make_server()
    save_offer(
        Prompt(server=server, name="hello", description="Greets.", messages=[TEXT], arguments=[{"name": "name"}])
    )
    save_offer(Resource(server=server, uri="notes:1", name="Notes", text="x"))
    row: Any = (Prompt if kind == "prompts" else Resource).objects.get()
    browser = browser_of(other.owner)
    theirs, mine = f"/servers/{server.pk}/{kind}/", f"/servers/{other.pk}/{kind}/"
    for page in (theirs, f"{theirs}new/", f"{theirs}{row.pk}/", f"{theirs}{row.pk}/delete/", f"{mine}{row.pk}/"):
        assert browser.get(page).status_code == 404
        if page != theirs:
            assert browser.post(page, prompt_form() if kind == "prompts" else resource_form()).status_code == 404
    assert Client().get(theirs).status_code == 302
    assert (Prompt.objects.count(), Resource.objects.count()) == (1, 1)


class TestAdmin:
    @pytest.fixture
    def operator(self, client: Client) -> Client:
        client.force_login(make_user("operator", is_superuser=True))
        return client

    def test_an_operator_adds_changes_and_deletes(
        self, operator: Client, django_capture_on_commit_callbacks: Any
    ) -> None:
        server = make_server()
        add = reverse("admin:flows_prompt_add")
        sent = {"server": server.pk, "name": "hello", "description": "Greets.", "is_active": "on"}
        messages = '[{"role": "user", "content": {"type": "text", "text": "Hi"}}]'
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            assert operator.post(add, sent | {"messages": messages, "arguments": ""}).status_code == 302
        prompt = Prompt.objects.get()
        assert (prompt.arguments, heard) == ([], [server.slug])
        change = reverse("admin:flows_prompt_change", args=[prompt.pk])
        page = operator.post(change, sent | {"messages": "[]", "arguments": "[]"})
        assert page.context["adminform"].form.errors == {
            "messages": ["messages: write at least one message, or choose a flow that answers"]
        }
        again = operator.post(add, sent | {"messages": messages, "arguments": "[]"})
        assert list(again.context["adminform"].form.errors) == ["__all__"] or again.status_code == 200
        with announcements() as heard, django_capture_on_commit_callbacks(execute=True):
            rows = {"action": "delete_selected", "_selected_action": [prompt.pk], "post": "yes"}
            assert told(operator.post(reverse("admin:flows_prompt_changelist"), rows, follow=True))
        assert (Prompt.objects.count(), heard) == (0, [server.slug])

    def test_a_name_that_is_taken_is_an_error_of_the_form(self, operator: Client) -> None:
        server = make_server()
        for uri in ("a:1", "a:2"):
            save_offer(Resource(server=server, uri=uri, name="x", text="y"))
        change = reverse("admin:flows_resource_change", args=[Resource.objects.get(uri="a:1").pk])
        sent = {"uri": "a:2", "name": "x", "text": "y", "annotations": "{}", "completions": "{}"}
        page = operator.post(change, sent)
        assert page.context["adminform"].form.errors == {"uri": ["This server has another one of that name."]}
        assert operator.post(change, sent | {"uri": "a:3", "text": "z"}).status_code == 302
        assert Resource.objects.filter(uri="a:3", text="z").count() == 1
