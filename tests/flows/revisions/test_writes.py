"""Of two who started from the same revision, one writes."""

import pytest

from flows.models import Flow
from flows.publishing import versions
from flows.revisions.writes import Stale, write
from tests.factories import make_flow, make_server

pytestmark = pytest.mark.django_db


def test_the_statement_that_writes_compares_whatever_was_read_before() -> None:
    first = make_flow(name="Before")
    second = Flow.objects.get(pk=first.pk)
    first.name, second.name = "First", "Second"
    write(first, ["name"], {1})
    with pytest.raises(Stale) as refused:
        write(second, ["name"], {1})
    assert (refused.value.current.revision, Flow.objects.get(pk=first.pk).name) == (2, "First")
    write(second, ["name"])
    assert (second.revision, Flow.objects.get(pk=first.pk).name) == (3, "Second")


def test_only_the_named_fields_are_written() -> None:
    first = make_flow(name="Before")
    second = Flow.objects.get(pk=first.pk)
    first.name, second.when_to_use = "First", "Always."
    write(first, ["name"])
    write(second, ["when_to_use"])
    stored = Flow.objects.get(pk=first.pk)
    assert (stored.name, stored.when_to_use, stored.revision) == ("First", "Always.", 3)


def test_a_late_deletion_deletes_nothing() -> None:
    flow = make_flow()
    write(flow, ["name"])
    with pytest.raises(Stale):
        versions.delete(flow, {1})
    assert Flow.objects.filter(pk=flow.pk).exists()


def test_publishing_and_switching_leave_the_revision_and_a_copy_begins_anew() -> None:
    flow = make_flow(make_server())
    write(flow, ["name"])
    versions.publish(flow)
    versions.set_active(flow, False)
    assert (Flow.objects.get(pk=flow.pk).revision, versions.duplicate(flow).revision) == (2, 1)
