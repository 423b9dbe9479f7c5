"""The Test tab through the browser's HTTP door: the form made from a schema, and calls from it."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from executions.models import Execution
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_execution, make_flow, make_user
from tests.flows.pages.test_views import ECHO, SCHEMA

pytestmark = pytest.mark.django_db

RICH = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "title": "Order title", "description": "What it is.", "maxLength": 40},
        "kind": {"const": "order"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
        "rate": {"type": "number"},
        "urgent": {"type": "boolean"},
        "tone": {"enum": ["warm", 1, None]},
        "due": {"type": "string", "format": "date"},
        "note": {"type": ["string", "null"]},
        "reply_to": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
        "address": {"$ref": "#/$defs/address"},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string", "minLength": 2},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["sku"],
            },
        },
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "a/b~c": {"type": "string"},
        "pin": {"type": "string", "writeOnly": True},
    },
    "required": ["title", "kind"],
    "$defs": {
        "address": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "zip": {"type": "string", "pattern": "^[0-9]+$"}},
            "required": ["city"],
        }
    },
}  # fmt: skip
VALUES: dict[str, Any] = {
    "title": " two\nlines ",
    "kind": "order",
    "count": 12345678901234567890123,
    "rate": 0.1,
    "urgent": False,
    "tone": None,
    "due": "2026-11-23",
    "note": None,
    "reply_to": "ada@example.com",
    "address": {"city": "Turin", "floor": 3},
    "lines": [{"sku": "A1", "tags": ["", "x"]}, {"sku": "B2"}],
    "either": 7,
    "a/b~c": "odd name",
    "unknown": {"kept": True},
}


def page_of(flow: Flow, query: str = "", browser: Client | None = None) -> str:
    """The page's HTML."""
    return (browser or browser_of(flow.server.owner)).get(f"/flows/{flow.pk}/test/{query}").content.decode()


def sent_fields(html: str) -> dict[str, str]:
    """What a browser would send of the page's form, without its buttons."""
    form = html[html.index('id="call"') : html.index('id="detail"')]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        is_box = re.search(r'type="(checkbox|radio)"', tag) is not None
        if is_box and " checked" not in tag:
            continue
        value = re.search(r'value="([^"]*)"', tag)
        sent[re.search(r'name="([^"]*)"', tag)[1]] = value[1] if value else "on" if is_box else ""  # type: ignore[index]
    for name, text in re.findall(r'<textarea[^>]*name="([^"]*)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL):
        sent[name] = text.replace("\n", "\r\n")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', options)
        sent[name] = chosen[1] if chosen else ""
    return {unescape(name): unescape(value) for name, value in sent.items() if name != "csrfmiddlewaretoken"}


def fields_of(html: str) -> dict[str, str]:
    """The same without what is asked about a saved case."""
    return {name: value for name, value in sent_fields(html).items() if not name.startswith("case-")}


def post(flow: Flow, values: dict[str, Any], query: str = "") -> Any:
    """Send the form."""
    return browser_of(flow.server.owner).post(f"/flows/{flow.pk}/test/{query}", values)


# --- The form ---------------------------------------------------------------------------------------------------------


SOME = {
    "type": "object",
    "properties": {"some": {"type": "array", "uniqueItems": True, "items": {"enum": ["a", 1, None]}}},
}


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        (["a", None], {"arg-some:0": "on", "arg-some:2": "on"}),
        ([], {"empty-some": "on"}),
        ([None, "a"], {"json-some": '[\r\n  null,\r\n  "a"\r\n]'}),
        (["a", "z"], {"json-some": '[\r\n  "a",\r\n  "z"\r\n]'}),
    ],
)
def test_some_of_a_few_values_are_ticked_and_what_no_box_can_say_stays_json(
    value: list[Any], fields: dict[str, str]
) -> None:
    flow = make_flow(definition=ECHO, input_schema=SOME)
    made = make_execution(flow, initial_params={"some": value})
    html = page_of(flow, f"?again={made.pk}")
    assert fields_of(html) == {"version": "draft", **fields}
    as_json = post(flow, fields_of(html) | {"do": "json"}).content.decode()
    assert json.loads(fields_of(as_json)["json"]) == {"some": value}


def test_every_parameter_becomes_a_field_of_its_kind() -> None:
    html = page_of(make_flow(definition=ECHO, input_schema=RICH))
    fields = fields_of(html)
    assert fields == {
        "version": "draft",
        "arg-title": "",
        "arg-kind": '"order"',
        "arg-count": "2",
        "arg-rate": "",
        "arg-urgent": "",
        "arg-tone": "",
        "arg-due": "",
        "arg-note": "",
        "arg-reply_to": "",
        "arg-address/city": "",
        "arg-address/zip": "",
        "len-lines": "0",
        "json-either": "",
        "arg-a~1b~0c": "",
        "arg-pin": "",
    }
    assert re.findall(r'label for="id_arg-(\w+)"', html)[:4] == ["title", "kind", "count", "rate"]
    text = words(html)
    assert "Order title * title · string" in text
    assert "What it is. At most 40 characters." in text
    assert "From 1 to 9." in text
    assert "reply_to e-mail address or null" in text
    assert 'type="date"' in html
    assert 'type="password"' in html


def test_the_form_and_json_show_the_same_whichever_way_somebody_switches() -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    typed = {"version": "draft", "json": json.dumps(VALUES), "do": "form"}
    form = fields_of(post(flow, typed).content.decode())
    assert form["arg-count"] == "12345678901234567890123"
    assert "arg-lines/0/tags/1" in form
    as_json = fields_of(post(flow, form | {"do": "json"}).content.decode())
    assert json.loads(as_json["json"]) == VALUES


@pytest.mark.parametrize(
    "arguments",
    [
        {"title": 7, "count": "many", "urgent": "yes", "address": "here", "lines": {"0": 1}},
        {"title": "", "address": {}, "lines": []},
        {"title": "\r", "due": "tomorrow", "tone": "cold", "kind": "invoice"},
        {"lines": [None, 3, {"sku": ["x"]}], "address": None},
    ],
)
def test_values_that_no_field_can_show_survive_the_switch_too(arguments: dict[str, Any]) -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    form = fields_of(post(flow, {"version": "draft", "json": json.dumps(arguments), "do": "form"}).content.decode())
    assert "json" not in form
    assert json.loads(fields_of(post(flow, form | {"do": "json"}).content.decode())["json"]) == arguments


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"json": "{"}, "Not JSON, line 1, column 2"),
        ({"json": "[1]"}, "Write a JSON object"),
        ({"json": '{"rate": 1e999}'}, "is too large for a number"),
        ({"arg-title": "x", "arg-count": "a few"}, "Write a whole number, as 12."),
        ({"arg-title": "x", "json-either": "{"}, "Not JSON, line 1, column 2"),
    ],
)  # fmt: skip
def test_what_is_no_json_yet_stays_as_it_was_typed(typed: dict[str, str], message: str) -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    html = post(flow, {"version": "draft", **typed, "do": "form" if "json" in typed else "json"}).content.decode()
    assert message in words(html)
    assert fields_of(html).items() >= typed.items()
    assert not Execution.objects.exists()


def test_items_are_added_and_removed_with_what_is_typed_around_them() -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    form = fields_of(post(flow, {"arg-title": "t", "do": "add:lines"}).content.decode())
    form = fields_of(post(flow, form | {"arg-lines/0/sku": "A1", "do": "add:lines"}).content.decode())
    form = fields_of(post(flow, form | {"arg-lines/1/sku": "B2", "do": "add:lines/1/tags"}).content.decode())
    form |= {"arg-lines/1/tags/0": "x"}
    html = post(flow, form | {"do": "remove:lines/0"}).content.decode()
    form = fields_of(html)
    assert {name: value for name, value in form.items() if "lines" in name} == {
        "len-lines": "1",
        "arg-lines/0/sku": "B2",
        "len-lines/0/tags": "1",
        "arg-lines/0/tags/0": "x",
    }
    assert form["arg-title"] == "t"
    assert 'value="remove:lines/0/tags/0"' in html


def test_the_other_version_asks_for_its_own_parameters_with_what_is_typed() -> None:
    flow = make_flow(definition=ECHO, input_schema={"type": "object", "properties": {"text": {"type": "string"}}})
    versions.publish(flow)
    Flow.objects.filter(pk=flow.pk).update(input_schema=SCHEMA)
    html = post(flow, {"version": "draft", "arg-text": "hi", "arg-times": "3", "do": "published"}).content.decode()
    assert fields_of(html) == {"version": "published", "arg-text": "hi", "more-": '{\r\n  "times": 3\r\n}'}


def test_a_schema_that_leads_to_itself_ends_in_json() -> None:
    tree = {"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#/$defs/tree"}}}
    schema = {"type": "object", "properties": {"root": {"$ref": "#/$defs/tree"}}, "$defs": {"tree": tree}}
    fields = fields_of(page_of(make_flow(definition=ECHO, input_schema=schema)))
    assert sorted(fields) == ["arg-root/name", "json-root/child", "version"]


def test_a_form_of_a_great_schema_stays_small() -> None:
    wide = {f"p{number}": {"type": "string"} for number in range(40)}
    nested = {f"g{number}": {"type": "object", "properties": wide} for number in range(40)}
    fields = fields_of(page_of(make_flow(definition=ECHO, input_schema={"type": "object", "properties": nested})))
    assert len(fields) < 400
    assert fields["json-g39"] == ""


# --- Calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_draft_is_called_with_typed_values_and_the_address_names_the_execution() -> None:
    flow = make_flow(definition=ECHO, input_schema=SCHEMA)
    values = {
        "arg-text": " hello ",
        "arg-times": "12345678901234567890123",
        "arg-loud": "true",
        "arg-tone": "1",
        "json-extra": '{"a": [1.0]}',
        "version": "draft",
    }
    answer = post(flow, values)
    execution = Execution.objects.get()
    assert execution.initial_params == {
        "text": " hello ",
        "times": 12345678901234567890123,
        "loud": True,
        "tone": 1,
        "extra": {"a": [1.0]},
    }
    assert (execution.status, execution.source, execution.flow_version) == ("fulfilled", "test", None)
    query = f"?execution={execution.pk}"
    assert (answer.status_code, answer["Location"]) == (302, f"/flows/{flow.pk}/test/{query}#detail")
    html = page_of(flow, query)
    assert f'href="/flows/{flow.pk}/usage/{execution.pk}/"' in html
    assert "Answer" in words(html)
    shown = fields_of(html)
    assert json.loads(shown.pop("json-extra")) == {"a": [1.0]}
    assert shown == {name: value for name, value in values.items() if name != "json-extra"}


@pytest.mark.django_db(transaction=True)
def test_the_published_version_is_called_when_it_is_chosen() -> None:
    flow = make_flow(definition=ECHO, input_schema=SCHEMA)
    versions.publish(flow)
    answer = post(flow, {"version": "published", "json": '{"text": "hi"}'})
    execution = Execution.objects.get()
    assert execution.flow_version == flow.published_version
    assert answer["Location"] == f"/flows/{flow.pk}/test/?version=published&as=json&execution={execution.pk}#detail"
    html = browser_of(flow.server.owner).get(answer["Location"]).content.decode()
    assert json.loads(fields_of(html)["json"]) == {"text": "hi"}


def test_faults_stand_at_the_field_they_concern_also_nested_and_nothing_is_called() -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    typed = {
        "version": "draft",
        "arg-title": "x" * 41,
        "arg-kind": '"order"',
        "arg-count": "10",
        "arg-address/zip": "ten",
        "len-lines": "1",
        "arg-lines/0/sku": "A",
        "len-lines/0/tags": "0",
    }
    html = post(flow, typed).content.decode()
    said = dict(re.findall(r'<ul class="errorlist" id="id_([^"]+)_error"><li>(.*?)</li>', html))
    assert sorted(said) == ["arg-address/city", "arg-address/zip", "arg-count", "arg-lines/0/sku", "arg-title"]
    assert said["arg-address/city"] == "is required"
    assert "Not called: 5 faults" in words(html)
    assert fields_of(html).items() >= typed.items()
    assert not Execution.objects.exists()


def test_a_draft_that_is_no_graph_is_not_called() -> None:
    flow = make_flow(definition={"nodes": [], "connections": []})
    text = words(post(flow, {"version": "draft"}).content.decode())
    assert "Not called: 1 fault definition.nodes a flow needs one node of type" in text


def test_edit_parameters_fills_the_form_with_those_of_an_execution() -> None:
    flow = make_flow(definition=ECHO, input_schema=RICH)
    execution = make_execution(flow, initial_params={"title": "again", "pin": "***", "lines": [{"sku": "A1"}]})
    html = page_of(flow, f"?again={execution.pk}")
    fields = fields_of(html)
    assert (fields["arg-title"], fields["arg-pin"], fields["arg-lines/0/sku"]) == ("again", "", "A1")
    assert "Not kept, so type anew: pin" in words(html)


def test_an_execution_of_another_flow_is_not_shown_in_the_tab() -> None:
    flow, other = make_flow(definition=ECHO), make_execution()
    html = page_of(flow, f"?execution={other.pk}&again={other.pk}")
    # The address of the page itself is repeated in links that lead back to it.
    assert f'data-execution="{other.pk}"' not in html
    assert "Ada" not in html
    headers = {"HX-Request": "true", "HX-Target": "detail"}
    browser = browser_of(flow.server.owner)
    assert browser.get(f"/flows/{flow.pk}/test/?execution={other.pk}", headers=headers).status_code == 404
    assert browser_of(make_user()).get(f"/flows/{flow.pk}/test/").status_code == 404


def test_a_pending_execution_can_be_cancelled_and_looked_at_again_from_the_tab() -> None:
    flow = make_flow(definition=ECHO)
    execution = make_execution(flow, status=Status.PENDING)
    here = f"/flows/{flow.pk}/test/?execution={execution.pk}"
    html = page_of(flow, f"?execution={execution.pk}")
    assert f'href="{here}">Look again' in html
    assert f'<input type="hidden" name="next" value="{here}">' in html
    browser = browser_of(flow.server.owner)
    cancel = f"/executions/{execution.pk}/cancel/"
    assert browser.post(cancel, {"next": here})["Location"] == here
    assert browser.post(cancel, {"next": "//evil.example/"})["Location"] == execution.get_absolute_url()
