"""Many flows published in one go: each is checked as alone, and clients hear of all of them once."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from django.db import transaction

from flows.engine.errors import Fault
from flows.models import Flow, FlowVersion
from flows.publishing import announcements, versions
from flows.publishing.callers import callers_of
from flows.publishing.review import reasons_to_ask
from flows.revisions.writes import Stale

MAX_TOGETHER = 500
"""Flows that are published in one go."""

What = Literal["published", "ready", "unchanged", "faulty", "breaking", "stale"]
WHAT: tuple[What, ...] = get_args(What)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one flow: `published`, `ready` to be, or why it was not.

    `unchanged`: clients call this draft already. `breaking`: what clients meet depends on it, as `reasons` say, and
    nobody confirmed. `stale`: its draft was changed in this moment.
    """

    flow: Flow
    what: What
    version: FlowVersion | None = None
    faults: Sequence[Fault] = ()
    reasons: Sequence[str] = ()


def judged(flows: Collection[Flow], user: Any, *, confirmed: bool = False) -> list[Outcome]:
    """What publishing these flows would do; with `confirmed` also to those that others depend on. Stores nothing."""
    return [_judged(flow, user, confirmed) for flow in flows]


def _judged(flow: Flow, user: Any, confirmed: bool) -> Outcome:
    if faults := versions.publishing_faults(flow):
        return Outcome(flow, "faulty", faults=faults)
    if not versions.has_unpublished_changes(flow):
        return Outcome(flow, "unchanged", flow.published_version)
    reasons = reasons_to_ask(flow)
    if reasons and not confirmed and callers_of(flow, user).live.total:
        return Outcome(flow, "breaking", reasons=reasons)
    return Outcome(flow, "ready", reasons=reasons)


def publish_together(
    flows: Collection[Flow], user: Any, *, note: str = "", activate: bool = False, confirmed: bool = False
) -> list[Outcome]:
    """Publish those of the flows that can be, all in one transaction; what became of each, in their order.

    A flow is published as it is in `flows`, or not at all. With `activate` inactive ones are switched on, also those
    whose draft clients call already.
    """
    # To check takes longer than to store: it is done before the transaction, which lets nobody else write.
    checked = judged(flows, user, confirmed=confirmed)
    with transaction.atomic():
        done = list(_stored(checked, user, note, activate))
        for slug in {outcome.flow.server.slug for outcome in done}:
            announcements.announce(slug)
    return done


def _stored(checked: Sequence[Outcome], user: Any, note: str, activate: bool) -> Iterator[Outcome]:
    for outcome in checked:
        flow = outcome.flow
        if outcome.what == "unchanged" and activate and not flow.is_active:
            versions.set_active(flow, True)
        if outcome.what != "ready":
            yield outcome
            continue
        try:
            version = versions.insert_version(flow, user, note=note, activate=activate)
        except (Stale, Flow.DoesNotExist):
            yield Outcome(flow, "stale")
        else:
            yield Outcome(flow, "published", version)
