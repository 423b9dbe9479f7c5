"""The Secrets tab of a server, and secrets over REST: names and dates come out, values never do."""

import json
import logging
from html import unescape
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.test import Client
from django.views.debug import SafeExceptionReporterFilter
from rest_framework.test import APIClient

from flows.models import Secret
from flows.publishing import versions
from tests.definitions import chain, node
from tests.executions.pages.test_views import browser_of, words
from tests.factories import announcements, make_flow, make_server, make_user, release
from tests.flows.api.test_views import rest, wire_time
from tests.flows.secrets.test_secrets import VALUE, using_secrets

pytestmark = pytest.mark.django_db


def value_of(flow: Any, name: str) -> str:
    return versions.secret_values(flow.pk, {name})[name]


class TestPages:
    def test_a_secret_is_added_listed_and_its_value_is_on_no_page(self, caplog: pytest.LogCaptureFixture) -> None:
        flow = make_flow(name="Orders", definition=using_secrets("API_KEY"))
        browser, tab = browser_of(flow.server.owner), f"/servers/{flow.server_id}/secrets/"
        caplog.set_level(logging.DEBUG)
        answer = browser.post(tab, {"name": "API_KEY", "value": f" {VALUE} "}, follow=True)
        assert answer.redirect_chain == [(tab, 302)]
        assert "API_KEY is stored." in answer.content.decode()
        assert value_of(flow, "API_KEY") == f" {VALUE} "
        pages = [tab, f"{tab}API_KEY/", f"{tab}API_KEY/remove/", f"/servers/{flow.server_id}/", "/servers/"]
        for page in [answer, *map(browser.get, pages)]:
            assert page.status_code == 200
            assert VALUE not in page.content.decode()
            assert Secret.objects.get().encrypted not in page.content.decode()
        assert VALUE not in caplog.text

    def test_the_list_says_which_drafts_and_versions_name_a_secret_and_which_are_missing(self) -> None:
        flow = make_flow(name="Orders", definition=using_secrets("USED"))
        versions.set_secret(flow.server, "USED", VALUE)
        versions.publish(flow)
        flow.definition = using_secrets("NEXT")
        flow.save()
        versions.set_secret(flow.server, "IDLE", VALUE)
        text = words(browser_of(flow.server.owner).get(f"/servers/{flow.server_id}/secrets/").content.decode())
        rows = text.partition("Last changed")[2]
        assert "LOST Missing Orders draft v1 never never" in rows
        assert "NEXT Missing Orders draft never never" in rows
        assert "IDLE any address of a flow no flow" in rows
        assert "USED any address of a flow Orders v1" in rows

    def test_where_a_secret_may_be_sent_is_given_with_it_and_changed_later(self) -> None:
        server = make_server()
        browser, tab = browser_of(server.owner), f"/servers/{server.pk}/secrets/"
        refused = browser.post(tab, {"name": "KEY", "value": VALUE, "origins": "api.example.com"})
        assert "is no origin: write scheme and host, https://api.example.com, and no path." in unescape(
            refused.content.decode()
        )
        origins = "HTTPS://Api.example.com/\n\nhttps://*.example.org"
        answer = browser.post(tab, {"name": "KEY", "value": VALUE, "origins": origins}, follow=True)
        assert "KEY https://api.example.com, https://*.example.org no flow" in words(answer.content.decode())
        browser.post(f"{tab}KEY/", {"origins": "https://other.example"})
        secret = Secret.objects.get()
        assert (secret.origins, versions.secret_values_of_server(server, ["KEY"])["KEY"]) == (
            ["https://other.example"],
            VALUE,
        )

    def test_a_version_of_before_that_breaks_the_rule_of_today_is_shown(self) -> None:
        flow = make_flow(name="Orders", definition=chain(node("answer", "return", text="{{ secrets.OLD }}")))
        versions.set_secret(flow.server, "OLD", VALUE)
        release(flow)
        text = words(browser_of(flow.server.owner).get(f"/servers/{flow.server_id}/secrets/").content.decode())
        assert "v1 astray Published before the rule of today: {{ secrets.OLD }} may stand only where" in unescape(text)

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("api key", VALUE, "Use capital letters, digits and underscores"),
            ("TAKEN", VALUE, "This server has a secret of that name; give it a new value instead."),
            ("", "", "This field is required."),
            ("API_KEY", VALUE * 2000, "Ensure this value has at most 16384 characters"),
        ],
    )
    def test_a_refused_form_says_why_and_does_not_give_the_value_back(
        self, name: str, value: str, message: str
    ) -> None:
        server = versions.set_secret(make_server(), "TAKEN", "before").server
        answer = browser_of(server.owner).post(f"/servers/{server.pk}/secrets/", {"name": name, "value": value})
        assert answer.status_code == 200
        assert message in answer.content.decode()
        assert VALUE not in answer.content.decode()
        assert list(server.secrets.values_list("name", flat=True)) == ["TAKEN"]

    def test_a_new_value_counts_from_the_next_call_on(self) -> None:
        flow = make_flow()
        versions.set_secret(flow.server, "API_KEY", "before")
        browser, page = browser_of(flow.server.owner), f"/servers/{flow.server_id}/secrets/API_KEY/"
        answer = browser.post(page, {"value": VALUE}, follow=True)
        assert "API_KEY has a new value. The next call of a flow uses it." in answer.content.decode()
        assert VALUE not in answer.content.decode()
        assert value_of(flow, "API_KEY") == VALUE

    def test_an_empty_value_is_stored_and_said_to_be_empty(self) -> None:
        flow = make_flow(definition=using_secrets("PASSWORD"))
        browser, tab = browser_of(flow.server.owner), f"/servers/{flow.server_id}/secrets/"
        added = browser.post(tab, {"name": "PASSWORD", "value": ""}, follow=True).content.decode()
        assert "PASSWORD is stored and empty. Flows can name it from now on." in added
        assert "PASSWORD Empty" in words(added)
        assert value_of(flow, "PASSWORD") == ""
        filled = browser.post(f"{tab}PASSWORD/", {"value": VALUE}, follow=True).content.decode()
        assert "PASSWORD has a new value. The next call of a flow uses it." in filled
        assert "PASSWORD Empty" not in words(filled)
        emptied = browser.post(f"{tab}PASSWORD/", {"value": ""}, follow=True).content.decode()
        assert "PASSWORD is empty now. The next call of a flow uses it." in emptied

    def test_removing_names_what_still_needs_the_secret_and_asks_first(self) -> None:
        flow = make_flow(name="Orders", definition=using_secrets("API_KEY"))
        versions.set_secret(flow.server, "API_KEY", VALUE)
        versions.publish(flow)
        browser, page = browser_of(flow.server.owner), f"/servers/{flow.server_id}/secrets/API_KEY/remove/"
        asked = words(browser.get(page).content.decode())
        assert "1 flow still names it." in asked
        assert "Orders draft v1" in asked
        assert Secret.objects.count() == 1
        assert "API_KEY is removed." in browser.post(page, follow=True).content.decode()
        assert Secret.objects.count() == 0

    def test_the_build_page_leads_from_a_missing_secret_to_the_form_that_adds_it(self) -> None:
        flow = make_flow(definition=using_secrets("API_KEY"))
        browser = browser_of(flow.server.owner)
        link = f"/servers/{flow.server_id}/secrets/?name=API_KEY#new-secret"
        assert f'href="{link}"' in browser.get(f"/flows/{flow.pk}/build/").content.decode()
        assert 'name="name" value="API_KEY"' in browser.get(link).content.decode()

    def test_a_strangers_server_has_no_secrets_page(self) -> None:
        secret = versions.set_secret(make_server(), "API_KEY", VALUE)
        other = make_server()
        browser = browser_of(other.owner)
        base = f"/servers/{secret.server_id}/secrets/"
        for page in (base, f"{base}API_KEY/", f"{base}API_KEY/remove/", f"/servers/{other.pk}/secrets/API_KEY/"):
            assert browser.get(page).status_code == 404
            assert browser.post(page, {"name": "NEW", "value": "stolen"}).status_code == 404
        assert Client().get(base).status_code == 302
        assert [(row.name, row.encrypted) for row in Secret.objects.all()] == [("API_KEY", secret.encrypted)]

    def test_an_error_report_hides_the_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = make_server()
        browser = browser_of(server.owner)
        seen: list[Any] = []

        def fail(*args: Any) -> None:
            raise OSError("disk full")

        monkeypatch.setattr(versions, "set_secret", fail)
        browser.raise_request_exception = False

        def remember(request: Any = None, **kwargs: Any) -> None:
            seen.append(SafeExceptionReporterFilter().get_post_parameters(request))

        got_request_exception.connect(remember)
        try:
            browser.post(f"/servers/{server.pk}/secrets/", {"name": "API_KEY", "value": VALUE})
        finally:
            got_request_exception.disconnect(remember)
        assert [dict(each.items()) for each in seen] == [{"name": "API_KEY", "value": "********************"}]


class TestRest:
    def test_secrets_are_listed_made_changed_and_removed_and_no_answer_holds_a_value(self) -> None:
        flow = make_flow()
        script, address = rest(flow.server.owner), f"/api/servers/{flow.server_id}/secrets/"
        with announcements() as announced:
            given = {"name": "API_KEY", "value": "first", "origins": ["https://API.example.com/"]}
            made = script.post(address, given, format="json")
        assert announced == []  # on commit, which a test's transaction never does
        secret = Secret.objects.get()
        item = {
            "name": "API_KEY",
            "origins": ["https://api.example.com"],
            "createdAt": wire_time(secret.created_at),
            "updatedAt": wire_time(secret.updated_at),
        }
        assert (made.status_code, made.json()) == (201, item)
        listed = {"items": [item], "total": 1, "page": 1, "limit": 20, "totalPages": 1}
        assert script.get(address).json() == listed
        changed = script.put(f"{address}API_KEY/", {"value": f"{VALUE}\nline 2"}, format="json")
        secret.refresh_from_db()
        assert (changed.status_code, changed.json()) == (200, item | {"updatedAt": wire_time(secret.updated_at)})
        assert value_of(flow, "API_KEY") == f"{VALUE}\nline 2"
        moved = script.patch(f"{address}API_KEY/", {"origins": []}, format="json")
        assert (moved.status_code, moved.json()["origins"]) == (200, [])
        assert value_of(flow, "API_KEY") == f"{VALUE}\nline 2"
        assert script.delete(f"{address}API_KEY/").status_code == 204
        assert script.get(address).json()["items"] == []

    @pytest.mark.parametrize(
        ("body", "faulty"),
        [
            ({"name": "a b", "value": VALUE}, "name"),
            ({"name": "TAKEN", "value": VALUE}, "name"),
            ({"name": "NEW", "value": None}, "value"),
            ({"name": "NEW"}, "value"),
            ({"name": "NEW", "value": VALUE * 2000}, "value"),
            ({"name": "NEW", "value": {"text": VALUE}}, "value"),
            ({"name": "NEW", "value": VALUE, "origins": ["example.com"]}, "origins"),
        ],
    )
    def test_what_is_refused_names_the_field_and_not_the_value(self, body: Any, faulty: str) -> None:
        server = versions.set_secret(make_server(), "TAKEN", "before").server
        for accept in ("application/json", "text/html"):
            answer = rest(server.owner).post(
                f"/api/servers/{server.pk}/secrets/", body, format="json", headers={"accept": accept}
            )
            assert answer.status_code == 400
            assert VALUE not in answer.content.decode()
            if accept == "application/json":
                assert list(answer.json()) == [faulty]
        assert server.secrets.count() == 1

    def test_a_value_may_be_empty(self) -> None:
        flow = make_flow()
        script, address = rest(flow.server.owner), f"/api/servers/{flow.server_id}/secrets/"
        assert script.post(address, {"name": "A", "value": ""}, format="json").status_code == 201
        assert value_of(flow, "A") == ""
        assert script.put(f"{address}A/", {"value": VALUE}, format="json").status_code == 200
        assert script.put(f"{address}A/", {"value": ""}, format="json").status_code == 200
        assert value_of(flow, "A") == ""

    def test_the_browsable_pages_hold_no_value(self) -> None:
        server = versions.set_secret(make_server(), "API_KEY", "before").server
        script, base = rest(server.owner), f"/api/servers/{server.pk}/secrets/"
        body = json.dumps({"value": VALUE})
        kwargs: dict[str, Any] = {"content_type": "application/json", "headers": {"accept": "text/html"}}
        answers = [script.get(base, headers={"accept": "text/html"}), script.put(f"{base}API_KEY/", body, **kwargs)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert not [answer for answer in answers if VALUE in answer.content.decode()]

    def test_foreign_and_unknown_are_404_and_nothing_changes(self) -> None:
        secret = versions.set_secret(make_server(), "API_KEY", VALUE)
        mine = make_server()
        theirs = f"/api/servers/{secret.server_id}/secrets/"
        for base in (theirs, "/api/servers/0/secrets/", "/api/servers/x/secrets/"):
            script = rest(mine.owner)
            answers = [
                script.get(base),
                script.post(base, {"name": "NEW", "value": "stolen"}, format="json"),
                script.put(f"{base}API_KEY/", {"value": "stolen"}, format="json"),
                script.delete(f"{base}API_KEY/"),
            ]
            assert [answer.status_code for answer in answers] == [404] * 4
        assert rest(mine.owner).put(f"/api/servers/{mine.pk}/secrets/API_KEY/", {"value": "x"}).status_code == 404
        assert APIClient().get(theirs).status_code in {401, 403}
        assert [(row.name, row.encrypted) for row in Secret.objects.all()] == [("API_KEY", secret.encrypted)]

    def test_servers_are_listed_so_that_a_script_finds_their_ids(self) -> None:
        server = make_server(make_user(), "orders")
        make_server()
        item = {"id": server.pk, "slug": "orders", "name": "Orders", "access": "key", "isPublished": True}
        item |= {"description": "", "agentTools": False, "linksFailures": True, "revision": 1}
        item |= {"callsPerMinute": None, "callsAtOnce": None}
        item |= {"strangerCallsPerMinute": None, "strangerCallsAtOnce": None}
        assert rest(server.owner).get("/api/servers/").json()["items"] == [item]
