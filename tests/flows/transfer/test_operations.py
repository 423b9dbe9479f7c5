"""The pages that make flows of an API's operations: choices that survive search and paging, preview, and the result."""

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from flows.models import KeptDocument, Server
from flows.transfer.apis import MAX_CHOSEN
from flows.transfer.openapi import MAX_DOCUMENT_BYTES
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_flow, make_server
from tests.flows.transfer.test_openapi import ORDERS

pytestmark = pytest.mark.django_db


def large(number: int, **more: Any) -> str:
    """A document with so many reads and one delete; those with an even number have the tag `even`."""
    paths = {
        f"/things/{n}": {
            "get": {
                "operationId": f"getThing{n}",
                "summary": f"Look up thing {n}",
                "tags": ["even" if n % 2 == 0 else "odd"],
                "responses": {"200": {"description": "It."}},
            }
        }
        for n in range(number)
    }
    paths["/things"] = {"delete": {"operationId": "deleteThings", "responses": {"204": {"description": "Gone."}}}}
    info = {"title": "Things", "version": "1"}
    return json.dumps(
        {"openapi": "3.1.0", "info": info, "servers": [{"url": "https://api.test"}], "paths": paths} | more
    )


def brought(server: Server, text: str) -> tuple[Client, str]:
    """A browser, and the address of the page that lists the operations of a document."""
    browser = browser_of(server.owner)
    return browser, browser.post(f"/servers/{server.pk}/import/", {"text": text}).headers["location"]


def sent(browser: Client, place: str, go: str, **fields: Any) -> str:
    """Press a button of the page as a browser does, with what is ticked on it; gives where it leads."""
    page = browser.get(place)
    form: dict[str, Any] = {
        "shown": page.context["shown"],
        "address": page.context["form"]["address"].value(),
        "operation": re.findall(r'name="operation" value="(\d+)" id="[^"]*"\s+checked', page.content.decode()),
        **{name: getattr(page.context["wanted"], name) for name in ("search", "tag", "method", "show")},
    }
    answer = browser.post(place, form | fields | {"go": go})
    assert answer.status_code == 302, words(answer.content.decode())
    return str(answer.headers["location"]).partition("#")[0]


def test_the_media_type_of_bodies_is_chosen_for_the_whole_document() -> None:
    server = make_server()
    content = {kind: {"schema": {"type": "object"}} for kind in ("application/json", "multipart/form-data")}
    both = {"/both": {"post": {"requestBody": {"content": content}, "responses": {}}}}
    browser, place = brought(server, large(0, paths=both))
    assert "Body What each operation names first application/json, 1 operation" in text_of(browser, place)
    preview = sent(browser, place, "preview", operation=["0"], media_type="multipart/form-data")
    browser.post(preview)
    assert "bodyMultipart" in server.flows.get().definition["nodes"][1]["parameters"]


def text_of(browser: Client, address: str) -> str:
    return words(browser.get(address).content.decode())


def test_operations_are_chosen_previewed_and_made() -> None:
    server = make_server()
    browser, place = brought(server, ORDERS)
    html, text = browser.get(place).content.decode(), text_of(browser, place)
    assert 'value="https://eu.shop.test/v1"' in html
    assert "Look up an order GET /orders/{id}" in text
    total = len(browser.get(place).context["choice"].operations)
    assert f"{total} operations" in text
    # What deletes is not chosen by itself.
    assert ("DELETE /orders/{id}" in text, "delete" in {key.split()[0] for key in chosen(browser, place)}) == (
        True,
        False,
    )
    wanted = [number(browser, place, key) for key in ("get /orders/{id}", "post /orders")]
    preview = sent(browser, place, "preview", operation=wanted, address="https://api.test/")
    text = text_of(browser, preview)
    assert "2 new, 0 changed, 0 the same, 0 no longer there" in text
    assert "add API_KEY (header X-Api-Key for api.test) LOGIN_PASSWORD (password" in text
    assert not server.flows.exists()
    done = words(browser.post(preview, follow=True).content.decode())
    assert "Imported: 2 flows" in done
    assert "Publish chosen" in done
    flow = server.flows.get(tool_name="get_order_by_id")
    assert (flow.is_active, flow.published_version) == (False, None)
    assert flow.definition["nodes"][1]["parameters"]["url"].startswith("https://api.test/orders/")


def number(browser: Client, place: str, key: str) -> int:
    return [operation.key for operation in browser.get(place).context["choice"].operations].index(key)


def chosen(browser: Client, place: str) -> set[str]:
    return set(browser.get(place).context["choice"].chosen)


def test_choices_survive_search_and_paging_and_the_found_ones_are_chosen_at_once() -> None:
    server = make_server()
    browser, place = brought(server, large(250))
    first = text_of(browser, place)
    assert "251 operations 250 chosen" in first
    assert "1–100 of 251" in first
    assert len(browser.get(place).content) < 150_000
    # Untick one, go to the third page, untick another there, and look for the even ones.
    third = sent(browser, place, "3", operation=list(range(1, 100)))
    assert "201–251 of 251" in text_of(browser, third)
    even = sent(browser, third, "filter", operation=list(range(201, 250)), tag="even")
    assert "251 operations 248 chosen" in text_of(browser, even)
    assert "1–100 of 125" in text_of(browser, even)
    none_of_them = sent(browser, even, "none", search="what is typed, and not asked for")
    assert "251 operations 125 chosen" in text_of(browser, none_of_them)
    assert "tag=even" in none_of_them
    one = sent(browser, none_of_them, "filter", search="THING 24 even", tag="")
    assert "Choose all 8 found" in text_of(browser, one)
    assert "251 operations 133 chosen" in text_of(browser, sent(browser, one, "all"))
    nothing = sent(browser, place, "filter", search="no such thing")
    assert "Nothing matches" in text_of(browser, nothing)
    assert "251 operations 133 chosen" in text_of(browser, sent(browser, nothing, "all"))
    only = sent(browser, place, "filter", show="chosen", method="delete")
    assert "Nothing matches" in text_of(browser, only)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"operation": []}, "Choose at least one operation."),
        ({"address": ""}, "This field is required."),
        ({"address": "/v1"}, "Write a whole address, https://api.example.com/v1."),
        ({"address": "https://[/"}, "Write a whole address, https://api.example.com/v1."),
    ],
)
def test_a_choice_that_cannot_be_made_is_answered_in_the_page(fields: Any, message: str) -> None:
    server = make_server()
    browser, place = brought(server, ORDERS)
    given = {"shown": "0,1,2,3", "operation": ["0"], "address": "https://api.test", "go": "preview"} | fields
    answer = browser.post(place, given)
    assert answer.status_code == 200
    assert message in words(answer.content.decode())


def test_more_than_can_be_imported_at_once_are_neither_chosen_nor_taken() -> None:
    server = make_server()
    browser, place = brought(server, large(MAX_CHOSEN + 1))
    assert "502 operations 0 chosen" in text_of(browser, place)
    all_of_them = sent(browser, place, "all")
    said = "Choose at most 500 operations at once; 502 are chosen."
    assert said in text_of(browser, all_of_them)
    given = {"shown": "", "address": "https://api.test", "go": "preview"}
    assert said in words(browser.post(place, given).content.decode())


def test_of_very_many_operations_the_preview_says_which_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.transfer.choosing.MAX_CHECKED", 2)
    server = make_server()
    document = json.loads(large(3))
    for n in (0, 2):
        document["paths"][f"/things/{n}"]["get"]["parameters"] = [{"$ref": "other.yaml#/x"}]
    browser, place = brought(server, json.dumps(document))
    text = text_of(browser, place)
    assert "4 operations 2 chosen 1 cannot be made The preview says of the last 2 whether they can be made." in text
    assert "Cannot be made: 'other.yaml#/x' is outside this document" in text
    text = text_of(browser, sent(browser, place, "preview"))
    assert "Cannot be made: 1 GET /things/2 'other.yaml#/x' is outside this document" in text
    assert "1 new, 0 changed" in text


def test_a_text_that_is_too_long_to_be_pasted_and_a_file_that_is_too_large_are_said_to_be_so(settings: Any) -> None:
    server = make_server()
    browser, address = browser_of(server.owner), f"/servers/{server.pk}/import/"
    page = browser.post(address, {"text": large(10) + " " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})
    assert (page.status_code, "choose it as a file" in words(page.content.decode())) == (413, True)
    file = SimpleUploadedFile("large.json", b" " * (MAX_DOCUMENT_BYTES + 1))
    assert "The file has more than 32 MiB." in words(browser.post(address, {"file": file}).content.decode())
    file = SimpleUploadedFile("large.json", large(10).encode() + b" " * settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    assert browser.post(address, {"file": file}).status_code == 302


def test_a_relative_address_is_asked_for() -> None:
    server = make_server()
    browser, place = brought(server, ORDERS.replace("https://{region}.shop.test", ""))
    assert "The document says only /v1: write the whole address" in text_of(browser, place)


def test_a_document_that_is_gone_is_asked_for_again_and_a_strangers_is_not_found() -> None:
    server, other = make_server(), make_server()
    browser, place = brought(server, ORDERS)
    assert browser_of(other.owner).get(place).status_code == 404
    theirs = place.replace(f"/servers/{server.pk}/", f"/servers/{other.pk}/")
    assert "That document is not kept any more" in words(
        browser_of(other.owner).get(theirs, follow=True).content.decode()
    )
    KeptDocument.objects.all().delete()
    for address in (place, f"{place}preview/"):
        page = browser.get(address, follow=True)
        assert page.redirect_chain[-1][0] == f"/servers/{server.pk}/import/"
        assert "That document is not kept any more: bring it again." in words(page.content.decode())


def test_what_is_no_document_says_why_in_the_page() -> None:
    server = make_server()
    page = browser_of(server.owner).post(f"/servers/{server.pk}/import/", {"text": "openapi: 3.1.0"})
    assert "the document describes no operations" in words(page.content.decode())
    assert not KeptDocument.objects.exists()


def test_what_a_document_says_is_shown_as_text() -> None:
    server = make_server()
    evil = (
        large(1).replace("Look up thing 0", "&lt;script&gt;alert(1)&lt;/script&gt;").replace("Things", "<b>Things</b>")
    )
    browser, place = brought(server, evil)
    html = browser.get(place).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<b>Things" not in html
    html = browser.get(sent(browser, place, "preview")).content.decode()
    assert "<script>alert" not in html


def test_a_tool_name_that_is_taken_gets_a_number_or_its_draft_is_replaced() -> None:
    server = make_server()
    mine = make_flow(server, name="Mine", tool_name="get_thing0")
    browser, place = brought(server, large(2))
    preview = sent(browser, place, "preview")
    text = text_of(browser, preview)
    assert "Taken" in text
    assert "Replace the draft of Mine New flow, get_thing0_2 Leave it out" in text.replace("as it is", "out")
    browser.post(preview, {"choice-0": "new", "choice-1": "leave"})
    assert sorted(server.flows.values_list("tool_name", flat=True)) == ["get_thing0", "get_thing0_2"]
    server.flows.exclude(pk=mine.pk).delete()
    browser.post(preview, {"choice-0": "replace-1", "choice-1": "leave"})
    mine.refresh_from_db()
    assert (mine.name, mine.tool_name, mine.is_active) == ("Look up thing 0", "get_thing0", True)
    assert mine.origin["operation"] == "get /things/0"
