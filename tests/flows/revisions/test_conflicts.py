"""Two people edit the same: the page shows both sides, field by field, and its form keeps what is chosen."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows.models import Flow, Prompt, Resource, Server
from flows.offers.changes import save_offer
from flows.publishing import versions
from flows.revisions.writes import write
from tests.definitions import answer, chain, node
from tests.factories import make_flow, make_server

pytestmark = pytest.mark.django_db

HI = {"role": "user", "content": {"type": "text", "text": "Hi"}}


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def form_of(html: str) -> dict[str, str]:
    """What the form of a page with a revision sends when nothing is touched."""
    form = next(form for form in re.findall(r"<form.*?</form>", html, re.DOTALL) if 'name="revision"' in form)
    sent: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        given = {key: unescape(value) for key, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        if given["type"] not in {"radio", "checkbox", "file"} or re.search(r"\schecked", tag):
            sent[given["name"]] = given.get("value", "on" if given["type"] == "checkbox" else "")
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        sent[name] = unescape(text)
    for name, options in re.findall(r'<select[^>]*name="([^"]+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"\s+selected', options) or re.search(r'value="([^"]*)"', options)
        sent[name] = chosen[1] if chosen else ""
    return sent


def seen(html: str) -> dict[str, tuple[str, str]]:
    """The two sides of each field on the page of a conflict."""
    sides = {}
    for field in re.findall(r"<fieldset.*?</fieldset>", html, re.DOTALL):
        legend = re.search(r"<legend>(.*?)</legend>", field)
        texts = re.findall(r'<div class="lines".*?</div>', field, re.DOTALL)
        words = [" ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split()) for text in texts]
        assert legend is not None
        sides[re.sub(r" ?<.*", "", legend[1])] = (words[0], words[1])
    return sides


def somebody_else_saves(row: Any, **values: Any) -> None:
    other = type(row).objects.get(pk=row.pk)
    for name, value in values.items():
        setattr(other, name, value)
    write(other, values)


def test_a_late_form_of_a_draft_shows_both_sides_and_saves_what_is_chosen_of_them() -> None:
    flow = make_flow(name="Orders")
    browser = browser_of(flow.server.owner)
    address = f"/flows/{flow.pk}/build/"
    sent = form_of(browser.get(address).content.decode()) | {"when_to_use": "Mine.", "name": "My orders"}
    somebody_else_saves(flow, when_to_use="Theirs.", tool_description="Finds an order.")

    page = browser.post(address, sent)
    html = page.content.decode()
    assert (page.status_code, seen(html)) == (
        409,
        {
            "Name": ("My orders", "Orders"),
            "Tool description": (flow.tool_description, "Finds an order."),
            "When to use": ("Mine.", "Theirs."),
        },
    )
    assert Flow.objects.get(pk=flow.pk).when_to_use == "Theirs."

    chosen = form_of(html) | {"take-tool_description": "theirs", "take-when_to_use": "mine", "take-name": "mine"}
    assert browser.post(address, chosen).status_code == 302
    stored = Flow.objects.get(pk=flow.pk)
    assert (stored.name, stored.when_to_use, stored.tool_description, stored.revision) == (
        "My orders",
        "Mine.",
        "Finds an order.",
        3,
    )


def test_all_of_mine_goes_over_what_is_stored_unless_that_changed_once_more() -> None:
    flow = make_flow()
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = form_of(browser.get(address).content.decode()) | {"when_to_use": "Mine."}
    somebody_else_saves(flow, when_to_use="Theirs.")
    page = browser.post(address, sent).content.decode()
    somebody_else_saves(flow, when_to_use="Theirs again.")
    mine = form_of(page) | {"take-when_to_use": "theirs", "all-mine": "1"}
    again = browser.post(address, mine)
    assert (again.status_code, seen(again.content.decode())) == (409, {"When to use": ("Mine.", "Theirs again.")})
    assert browser.post(address, form_of(again.content.decode()) | {"all-mine": "1"}).status_code == 302
    assert Flow.objects.get(pk=flow.pk).when_to_use == "Mine."


def test_a_late_form_that_says_what_is_stored_anyway_is_no_conflict() -> None:
    flow = make_flow()
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = form_of(browser.get(address).content.decode()) | {"when_to_use": "Both."}
    somebody_else_saves(flow, when_to_use="Both.")
    assert browser.post(address, sent)["Location"] == address
    assert Flow.objects.get(pk=flow.pk).revision == 2


def changed_node(definition: Any, key: str, **values: Any) -> Any:
    return definition | {"nodes": [each | values if each["id"] == key else each for each in definition["nodes"]]}


def based(page: Any, definition: Any) -> dict[str, str]:
    """What the form of the Build tab sends with this definition."""
    sent = form_of(page.content.decode())
    return sent | {"base": page.context["base"], "definition": json.dumps(definition)}


def test_a_node_is_shown_by_itself_around_the_lines_that_differ() -> None:
    flow = make_flow(definition=chain(node("wait", "delay", seconds=1), answer(list(range(20)))))
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = based(browser.get(address), changed_node(flow.definition, "answer", name="Mine"))
    somebody_else_saves(flow, when_to_use="Theirs.")
    html = browser.post(address, sent).content.decode()
    marked = re.findall(r"<mark>(.*?)</mark>", unescape(html))
    assert sorted(marked) == ['  "name": "Answer",', '  "name": "Mine",', "Theirs."]
    assert "equal lines" in html


def test_two_people_who_changed_different_nodes_keep_both_and_what_contradicts_is_chosen_per_node() -> None:
    flow = make_flow(definition=chain(node("wait", "delay", seconds=1), answer(1)))
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    mine = changed_node(flow.definition, "wait", parameters={"seconds": 2})
    sent = based(browser.get(address), mine)
    theirs = changed_node(flow.definition, "answer", parameters={"json": 7}, name="Result")
    somebody_else_saves(flow, definition=theirs, when_to_use="Theirs.")

    page = browser.post(address, sent)
    html = page.content.decode()
    assert (page.status_code, page.context["open"]) == (409, [])
    assert {(each.label, each.said, each.take) for each in page.context["settled"]} == {
        ("When to use", "they changed it", "theirs"),
        ("Node Wait", "you changed it", "mine"),
        ("Node Answer", "they changed it", "theirs"),
    }
    assert browser.post(address, form_of(html)).status_code == 302
    stored = Flow.objects.get(pk=flow.pk)
    both = changed_node(mine, "answer", parameters={"json": 7}, name="Result")
    assert (stored.definition, stored.when_to_use) == (both, "Theirs.")

    mine, theirs = (changed_node(both, "wait", parameters={"seconds": n}) for n in (5, 6))
    sent = based(browser.get(address), mine)
    somebody_else_saves(flow, definition=theirs)
    html = browser.post(address, sent).content.decode()
    assert list(seen(html)) == ["Node Wait"]
    assert ('"seconds": 5' in seen(html)["Node Wait"][0], '"seconds": 6' in seen(html)["Node Wait"][1]) == (True, True)
    browser.post(address, form_of(html) | {"take-definition.nodes.wait": "theirs"})
    assert Flow.objects.get(pk=flow.pk).definition == theirs


def test_nodes_that_two_people_moved_stand_where_each_of_them_put_them() -> None:
    flow = make_flow(definition=chain(node("wait", "delay", seconds=1), answer(1)))
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    mine = changed_node(flow.definition, "wait", position={"x": 9, "y": 9})
    sent = based(browser.get(address), mine)
    somebody_else_saves(flow, definition=changed_node(flow.definition, "answer", position={"x": 5, "y": 5}))
    html = browser.post(address, sent).content.decode()
    assert list(seen(html)) == ["Places on the canvas"]
    browser.post(address, form_of(html))
    assert Flow.objects.get(pk=flow.pk).definition == changed_node(mine, "answer", position={"x": 5, "y": 5})


def test_a_merged_definition_is_checked_and_stored_with_its_faults() -> None:
    flow = make_flow(definition=chain(node("wait", "delay", seconds=1), answer(1)))
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    mine = changed_node(flow.definition, "wait", slug="pause")
    sent = based(browser.get(address), mine)
    somebody_else_saves(
        flow, definition=changed_node(flow.definition, "answer", parameters={"json": "{{ wait.seconds }}"})
    )
    page = browser.post(address, form_of(browser.post(address, sent).content.decode()), follow=True)
    assert [fault.path for fault in page.context["faults"]] == ["definition.nodes[2].parameters.json"]
    stored = Flow.objects.get(pk=flow.pk)
    assert stored.definition == changed_node(mine, "answer", parameters={"json": "{{ wait.seconds }}"})


def test_a_draft_that_cannot_be_taken_apart_is_chosen_as_a_whole_and_stored_only_when_it_can_be() -> None:
    flow = make_flow()
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = based(browser.get(address), {"nodes": [{}]})
    somebody_else_saves(flow, definition=chain(answer(2)))
    html = browser.post(address, sent).content.decode()
    assert list(seen(html)) == ["Definition"]
    page = browser.post(address, form_of(html))
    assert (page.status_code, Flow.objects.get(pk=flow.pk).definition) == (200, chain(answer(2)))
    browser.post(address, form_of(html) | {"take-definition": "theirs"})
    assert Flow.objects.get(pk=flow.pk).definition == chain(answer(2))


def test_a_page_may_send_what_it_was_made_from_as_one_json_value() -> None:
    flow = make_flow(definition=chain(answer(1)))
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    mine = changed_node(flow.definition, "answer", name="Mine")
    base = {"definition": flow.definition, "input_schema": flow.input_schema, "answer_seconds": None, "when_to_use": ""}
    sent = based(browser.get(address), mine) | {"base": json.dumps(base)}
    somebody_else_saves(flow, input_schema={"type": "object"}, when_to_use="Theirs.", answer_seconds=5)
    settled = browser.post(address, sent).context["settled"]
    assert {each.name: each.take for each in settled} == {
        "definition.nodes.answer": "mine",
        "input_schema": "theirs",
        "when_to_use": "theirs",
        "answer_seconds": "theirs",
    }


@pytest.mark.parametrize("revision", ["0", "x", "", "9" * 40, "²"])
def test_a_revision_that_is_none_is_a_conflict_and_never_a_crash(revision: str) -> None:
    flow = make_flow()
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = form_of(browser.get(address).content.decode()) | {"name": "Mine", "revision": revision}
    assert browser.post(address, sent).status_code == 409


def test_a_prompt_s_rows_are_chosen_together() -> None:
    server = make_server()
    prompt = Prompt(server=server, name="hello", description="Greets.", messages=[HI])
    save_offer(prompt)
    browser, address = browser_of(server.owner), f"/servers/{server.pk}/prompts/{prompt.pk}/"
    sent = form_of(browser.get(address).content.decode()) | {
        "messages-0-content": "Hello",
        "description": "Says hello.",
    }
    somebody_else_saves(prompt, messages=[HI, HI], title="Greeting")
    page = browser.post(address, sent)
    assert page.status_code == 409
    assert list(seen(page.content.decode())) == ["Title", "Description", "Messages"]
    chosen = form_of(page.content.decode()) | {"take-messages": "theirs", "take-title": "theirs"}
    assert browser.post(address, chosen).status_code == 302
    stored = Prompt.objects.get()
    assert (stored.messages, stored.title, stored.description) == ([HI, HI], "Greeting", "Says hello.")


def test_a_file_that_was_chosen_is_not_lost_on_the_way() -> None:
    server = make_server()
    resource = Resource(server=server, uri="pixel:1", name="Pixel", blob="AAAA", mime_type="image/png")
    save_offer(resource)
    browser, address = browser_of(server.owner), f"/servers/{server.pk}/resources/{resource.pk}/"
    sent: dict[str, Any] = form_of(browser.get(address).content.decode())
    somebody_else_saves(resource, name="Dot")
    page = browser.post(address, sent | {"file": SimpleUploadedFile("new.png", b"\x89PNG")})
    assert (page.status_code, seen(page.content.decode())) == (
        409,
        {"Name": ("Pixel", "Dot"), "File": ("new.png", "the stored file")},
    )
    chosen = form_of(page.content.decode()) | {"take-name": "theirs"}
    assert browser.post(address, chosen).status_code == 302
    stored = Resource.objects.get()
    assert (stored.name, stored.blob) == ("Dot", "iVBORw==")


def test_a_late_form_of_a_server_is_a_conflict_too() -> None:
    server = make_server()
    browser, address = browser_of(server.owner), f"/servers/{server.pk}/"
    sent = form_of(browser.get(address).content.decode())
    somebody_else_saves(server, access="public", is_published=False)
    page = browser.post(address, sent)
    assert seen(page.content.decode()) == {
        "Access": ("With an API key", "Anybody"),
        "Published": ("yes", "no"),
    }
    chosen = form_of(page.content.decode()) | {"take-is_published": "theirs"}
    assert browser.post(address, chosen).status_code == 302
    stored = Server.objects.get(pk=server.pk)
    assert (stored.access, stored.is_published) == ("key", False)


def test_who_deletes_is_asked_again_when_it_was_changed_meanwhile() -> None:
    flow = make_flow()
    prompt = Prompt(server=flow.server, name="hello", description="Greets.", messages=[HI])
    save_offer(prompt)
    browser = browser_of(flow.server.owner)
    for row, address in (
        (flow, f"/flows/{flow.pk}/delete/"),
        (prompt, f"/servers/{flow.server_id}/prompts/{prompt.pk}/delete/"),
    ):
        sent = form_of(browser.get(address).content.decode())
        somebody_else_saves(row, name="other")
        late = browser.post(address, sent)
        assert (late.status_code, "It was changed meanwhile" in late.content.decode()) == (409, True)
        assert type(row).objects.filter(pk=row.pk).exists()
        assert browser.post(address, form_of(late.content.decode())).status_code == 302
        assert not type(row).objects.filter(pk=row.pk).exists()


def test_a_switch_is_no_conflict() -> None:
    flow = make_flow()
    browser, address = browser_of(flow.server.owner), f"/flows/{flow.pk}/build/"
    sent = form_of(browser.get(address).content.decode()) | {"name": "Mine"}
    versions.set_active(flow, False)
    assert browser.post(address, sent).status_code == 302
    stored = Flow.objects.get(pk=flow.pk)
    assert (stored.name, stored.is_active) == ("Mine", False)
