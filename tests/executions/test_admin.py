"""Executions in the admin."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from executions import admin
from executions.models import Execution
from flows.publishing import versions
from tests.factories import STARTED, make_execution, make_flow, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:executions_execution_changelist")


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(make_user("operator", is_superuser=True))
    return client


def listed(operator: Client, query: str = "") -> list[Execution]:
    return list(operator.get(f"{LIST}?{query}").context["cl"].result_list)


def test_the_list_is_newest_first_and_reads_no_payload(operator: Client, django_assert_max_num_queries: Any) -> None:
    flow = make_flow()
    made = [make_execution(flow, started_at=STARTED + timedelta(seconds=n)) for n in range(9)]
    with django_assert_max_num_queries(6) as queries:
        assert listed(operator) == made[::-1]
    assert not [query for query in queries if "initial_params" in query["sql"] or "node_executions" in query["sql"]]


def test_the_list_counts_no_further_than_its_cap(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "COUNTED_ROWS", 3)
    flow = make_flow()
    for _ in range(5):
        make_execution(flow)
    page = operator.get(LIST)
    assert page.context["cl"].result_count == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status__exact=error", "b"),
        ("source__exact=test", "a"),
        ("error_kind=timeout", "b"),
        ("q=find", "a"),
        ("q=order", ""),
        ("q=019abcde-f0", "b"),
        ("q=019abcdef01270008000000000000000", "b"),
        ("q=%20", "ab"),
    ],
)
def test_executions_are_filtered_and_found(query: str, found: str, operator: Client) -> None:
    a = make_execution(make_flow(tool_name="find_order"), id=uuid.UUID(int=7), source="test")
    b = make_execution(
        make_flow(tool_name="bake"),
        id=uuid.UUID("019abcde-f012-7000-8000-000000000000"),
        status="error",
        error_kind="timeout",
    )
    assert set(listed(operator, query)) == {{"a": a, "b": b}[name] for name in found}


def test_an_execution_is_shown_whole_escaped_and_with_its_status_in_words(operator: Client) -> None:
    flow = make_flow()
    execution = make_execution(
        flow,
        status="error",
        flow_version=versions.publish(flow),
        initial_params={"text": "<script>alert(1)</script>"},
        error_info={"message": "no answer"},
    )
    page = operator.get(reverse("admin:executions_execution_change", args=[execution.pk])).content.decode()
    assert "&quot;text&quot;: &quot;&lt;script&gt;alert(1)&lt;/script&gt;&quot;" in page
    assert "<script>alert(1)" not in page
    assert 'aria-label="Error - Execution failed"' in page
    assert "&quot;message&quot;: &quot;no answer&quot;" in page
    assert "13 ms" in page or "12 ms" in page
    assert "v1" in page


def test_a_payload_that_is_too_long_to_show_is_cut() -> None:
    shown = admin.indented("x" * (admin.SHOWN_CHARACTERS + 9))
    assert shown.endswith("\n… and 11 characters more</pre>")


def test_nobody_adds_changes_or_deletes_a_record(operator: Client) -> None:
    execution = make_execution()
    for name in ("change", "delete"):
        address = reverse(f"admin:executions_execution_{name}", args=[execution.pk])
        assert operator.post(address, {"post": "yes", "status": "error"}).status_code == 403
    assert operator.get(reverse("admin:executions_execution_add")).status_code == 403
    operator.post(LIST, {"action": "delete_selected", "_selected_action": [str(execution.pk)], "post": "yes"})
    execution.refresh_from_db()
    assert execution.status == "fulfilled"
