"""The first steps on the dashboard: until a client has called, they say what to do, and what is done."""

from typing import Any

import pytest
from django.utils import timezone

from executions.models import Execution
from executions.record.status import Status
from flows.models import Flow
from flows.publishing import versions
from mcp_bridge.models import ApiKey
from tests.definitions import answer
from tests.executions.pages.test_views import browser_of, words
from tests.factories import make_execution, make_flow, make_server, make_user, publish

pytestmark = pytest.mark.django_db

ASKS = {"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}, "required": ["name"]}


def dashboard(owner: Any) -> str:
    return words(browser_of(owner).get("/").content.decode())


def greeting(**fields: Any) -> Flow:
    return publish(make_server(), "greet", answer("{{ trigger.name }}"), input_schema=ASKS, **fields)


def test_they_begin_with_what_is_missing_for_a_call() -> None:
    owner = make_user()
    assert "Make a server first" in dashboard(owner)
    server = make_server(owner)
    assert "A template works at once." in dashboard(owner)
    flow = make_flow(server)
    assert "None of your flows can be called yet" in dashboard(owner)
    versions.publish(flow)
    text = dashboard(owner)
    assert "Publish a flow" not in text
    assert f"/mcp/{server.slug} copy What to paste into which client" in text


def test_what_to_say_holds_the_arguments_of_a_saved_case() -> None:
    flow = greeting()
    assert "Say to the model: Use the tool greet. copy Test call…" in dashboard(flow.server.owner)
    flow.cases.create(name="Secret", arguments={}, omitted=["name"])
    flow.cases.create(name="Ada", arguments={"name": "Ada", "n": 7, "on": True})
    assert 'Use the tool greet with name "Ada", n 7 and on true. copy Test call without' in words(
        browser_of(flow.server.owner).get("/").content.decode()
    )


def test_steps_that_are_done_are_ticked_and_a_test_leads_to_its_execution() -> None:
    flow = greeting()
    assert "(done)" not in dashboard(flow.server.owner)
    key, _ = ApiKey.issue(flow.server.owner, "laptop")
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now())
    tested = make_execution(flow, source=Execution.Source.TEST)
    page = browser_of(flow.server.owner).get("/").content.decode()
    assert words(page).count("(done)") == 3
    assert f'href="/flows/{flow.pk}/usage/{tested.pk}/"' in page


def test_they_go_away_with_the_first_call_of_a_client_also_of_one_that_was_refused() -> None:
    flow = greeting()
    make_execution(flow, source=Execution.Source.TEST)
    assert "First steps" in dashboard(flow.server.owner)
    make_execution(flow, status=Status.ERROR, error_kind="rejected")
    assert "First steps" not in dashboard(flow.server.owner)
    assert "First steps" in dashboard(greeting().server.owner)


def test_a_person_hides_them() -> None:
    browser = browser_of(make_user())
    assert browser.get("/first-steps/hide/").status_code == 405
    assert browser.post("/first-steps/hide/").headers["Location"] == "/"
    text = words(browser.get("/").content.decode())
    assert "First steps" not in text
    assert "Make a server first" in text


@pytest.mark.django_db(transaction=True)
def test_the_test_call_makes_the_call_and_leads_to_it() -> None:
    flow = greeting()
    browser = browser_of(flow.server.owner)
    assert browser.post("/first-steps/call/").headers["Location"] == f"/flows/{flow.pk}/test/"
    flow.cases.create(name="Ada", arguments={"name": "Ada"})
    led = browser.post("/first-steps/call/").headers["Location"]
    execution = Execution.objects.get()
    assert led == f"/flows/{flow.pk}/usage/{execution.pk}/"
    assert (execution.status, execution.source, execution.initial_params) == ("fulfilled", "test", {"name": "Ada"})


def test_arguments_that_fit_no_more_lead_to_the_test_tab() -> None:
    flow = greeting()
    flow.cases.create(name="Before", arguments={"name": 7})
    answered = browser_of(flow.server.owner).post("/first-steps/call/", follow=True)
    assert answered.redirect_chain == [(f"/flows/{flow.pk}/test/", 302)]
    assert "Not called: name: 7 is not of type" in words(answered.content.decode()).replace('"', "")
    assert browser_of(make_user()).post("/first-steps/call/").status_code == 404
