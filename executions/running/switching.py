"""Flows that turn on or off what their own server offers."""

import logging
from dataclasses import dataclass

from django.db import transaction

from executions.database import in_database
from executions.running.targets import Target
from flows.access.actors import Actor, Door, acting_as
from flows.engine.errors import DefinitionError, NodeFailed
from flows.engine.node import OfferKind
from flows.models import Flow, Prompt, Resource
from flows.offers.changes import save_offer
from flows.publishing.versions import set_active

logger = logging.getLogger(__name__)

Row = Flow | Prompt | Resource


# Not frozen: one is made for every execution.
@dataclass(slots=True, eq=False)
class Offers:
    """The OfferSwitch of one execution: reaches the server of its flow, and no other."""

    target: Target

    async def turn(self, kind: OfferKind, name: str, is_on: bool | None) -> tuple[bool, bool]:
        """See `flows.engine.node.OfferSwitch`."""
        with acting_as(Actor(Door.MCP, name=f"flow {self.target.tool_name}")):
            was_on, now_on = await in_database(lambda: _turn(self.target, kind, name, is_on))
        if was_on != now_on:
            word = "on" if now_on else "off"
            logger.info("flow %s turned %s %s of its server %s", self.target.tool_name, kind, name[:200], word)
        return was_on, now_on


def _turn(target: Target, kind: OfferKind, name: str, is_on: bool | None) -> tuple[bool, bool]:
    with transaction.atomic():
        row = _found(target, kind, name)
        was_on = row.is_active
        now_on = not was_on if is_on is None else is_on
        if was_on != now_on:
            _set(row, now_on)
    return was_on, now_on


def _found(target: Target, kind: OfferKind, name: str) -> Row:
    rows = {
        "flow": Flow.objects.filter(published_version__isnull=False),
        "prompt": Prompt.objects.all(),
        "resource": Resource.objects.all(),
    }[kind]
    key = {"flow": "published_version__tool_name", "prompt": "name", "resource": "uri"}[kind]
    # A flow that was deleted while it runs has no server any more.
    there = rows.filter(server__flows=target.flow_id) if target.flow_id else rows.none()
    row: Row | None = there.filter(**{key: name}).select_related("server").select_for_update(of=("self",)).first()
    if row is None:
        names = sorted(there.values_list(key, flat=True))
        which = "published flow with the tool name" if kind == "flow" else kind
        raise NodeFailed(f"This server has no {which} {name!r}. It has: {', '.join(names[:50]) or 'none'}.")
    return row


def _set(row: Row, is_on: bool) -> None:
    if isinstance(row, Flow):
        set_active(row, is_on)
        return
    row.is_active = is_on
    try:
        save_offer(row)
    except DefinitionError as error:
        raise NodeFailed(f"{row} cannot be turned {'on' if is_on else 'off'} as it is: {error}") from None
