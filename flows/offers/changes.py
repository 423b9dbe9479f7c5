"""Prompts and resources as they are stored and removed, and how clients learn of it."""

from collections.abc import Collection, Iterable, Iterator

from django.db import IntegrityError, transaction

from flows.audit.log import changed, record
from flows.engine.errors import DefinitionError, Fault
from flows.models import Offer, Prompt
from flows.offers import prompts, resources
from flows.publishing import announcements
from flows.revisions.writes import edited_fields, write

MAX_OFFERS = 200
"""Prompts of one server, and as many resources."""


def offer_faults(offer: Offer) -> list[Fault]:
    """Everything that keeps it from being stored, each at its path in the JSON of REST and of files."""
    return prompts.prompt_faults(offer) if isinstance(offer, Prompt) else resources.resource_faults(offer)


def save_offer(offer: Offer, names: Iterable[str] = (), expected: Collection[int] | None = None) -> None:
    """Store a new prompt or resource, or fields of one (without names all), and let connected clients know.

    Raises DefinitionError with every fault, and Stale when its revision is none of `expected`.
    """
    faults = offer_faults(offer) or list(_room_faults(offer))
    if faults:
        raise DefinitionError(faults)
    try:
        with transaction.atomic():
            if offer._state.adding:
                offer.save()
                record("made", offer, offer.server, offer.key)
            else:
                names, stored = list(names) or edited_fields(offer), type(offer).objects.filter(pk=offer.pk).first()
                write(offer, names, expected)
                if differing := changed(offer, stored, names) if stored else []:
                    record("changed", offer, offer.server, ", ".join(differing))
            offer.server.touch()
            announcements.announce(offer.server.slug)
    except IntegrityError:
        taken = str(offer._meta.constraints[0].violation_error_message)
        raise DefinitionError([Fault(offer.key_field, taken)]) from None


def delete_offer(offer: Offer, expected: Collection[int] | None = None) -> None:
    """Delete a prompt or resource and let connected clients know; raises Stale when its revision is none of these."""
    with transaction.atomic():
        write(offer, (), expected)
        record("deleted", offer, offer.server, offer.key)
        offer.delete()
        offer.server.touch()
        announcements.announce(offer.server.slug)


def _room_faults(offer: Offer) -> Iterator[Fault]:
    others = type(offer).objects.filter(server=offer.server_id).exclude(pk=offer.pk)
    if offer._state.adding and others.count() >= MAX_OFFERS:
        yield Fault(offer.key_field, f"this server has {MAX_OFFERS} {offer.kind}s already; remove one first")
    yield from prompts.size_faults(offer, others) if isinstance(offer, Prompt) else resources.size_faults(offer, others)
