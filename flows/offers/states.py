"""Whether clients see a prompt or resource now, in a word, and what keeps them from it."""

from dataclasses import dataclass

from flows.models import Prompt, Resource
from flows.offers.prompts import flow_faults as prompt_flow_faults
from flows.offers.resources import flow_faults as resource_flow_faults


@dataclass(frozen=True, slots=True)
class State:
    """A word for a pill, the pill's kind, and a sentence where one is needed."""

    word: str
    kind: str
    why: str = ""


def state_of(row: Prompt | Resource) -> State:
    """The state of a row that was read with its flow and the flow's published version."""
    if not row.is_active:
        return State("Inactive", "is-wait", "Clients do not see it.")
    if not _has_answer(row):
        return State("No answer", "is-bad", "The flow that answered is deleted, so clients do not see it.")
    if row.flow is None:
        return State("Offered", "is-ok")
    if row.flow.published_version is None or not row.flow.is_active:
        why = "not published" if row.flow.published_version is None else "inactive"
        return State(f"Flow {why}", "is-wait", f"Clients see it once the flow {row.flow.tool_name} is not {why}.")
    faults = prompt_flow_faults(row) if isinstance(row, Prompt) else resource_flow_faults(row)
    if faults:
        return State("Does not fit", "is-bad", " ".join(f"{fault.message}." for fault in faults))
    return State("Offered", "is-ok")


def _has_answer(row: Prompt | Resource) -> bool:
    return bool(row.flow or (row.messages if isinstance(row, Prompt) else row.text or row.blob))
