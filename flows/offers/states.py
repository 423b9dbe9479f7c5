"""Whether clients see a prompt or resource now, in a word, and what keeps them from it."""

from dataclasses import dataclass

from flows.models import Offer
from flows.offers.checks import flow_faults


@dataclass(frozen=True, slots=True)
class State:
    """A word for a pill, the pill's kind, and a sentence where one is needed."""

    word: str
    kind: str
    why: str = ""


def state_of(offer: Offer) -> State:
    """The state of one that was read with its flow and the flow's published version."""
    if not offer.is_active:
        return State("Inactive", "is-wait", "Clients do not see it.")
    if not offer.is_answered:
        return State("No answer", "is-bad", "The flow that answered is deleted, so clients do not see it.")
    if offer.flow is None:
        return State("Offered", "is-ok")
    if offer.flow.published_version is None or not offer.flow.is_active:
        why = "not published" if offer.flow.published_version is None else "inactive"
        return State(f"Flow {why}", "is-wait", f"Clients see it once the flow {offer.flow.tool_name} is not {why}.")
    if faults := flow_faults(offer):
        return State("Does not fit", "is-bad", " ".join(f"{fault.message}." for fault in faults))
    return State("Offered", "is-ok")
