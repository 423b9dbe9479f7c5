"""What somebody whose flows no client has called yet does next: connect, call, look."""

import json
from dataclasses import dataclass
from typing import Any

from executions.models import Execution, ExecutionCount
from flows.models import Flow, SavedCase

LOOKED_AT = 50
"""Saved cases that are looked at for one that can be called as it is."""


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """A flow that clients can call, with arguments that fit it; and the newest execution, which somebody's test made.

    `flow` is None when there is none. `arguments` is None when nobody has said any: then the person types them.
    """

    flow: Flow | None
    arguments: dict[str, Any] | None
    execution: Execution | None

    @property
    def words(self) -> str:
        """What to say to a model: `Use the tool greet with name "Ada" and n 7.`"""
        if self.flow is None or self.flow.published_version is None:
            return ""
        given = [f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in (self.arguments or {}).items()]
        listed = " and ".join(filter(None, [", ".join(given[:-1]), *given[-1:]]))
        return f"Use the tool {self.flow.published_version.tool_name}{f' with {listed}' if listed else ''}."


def first_steps_of(user: Any) -> FirstSteps | None:
    """The steps of a person; None once a client has called one of the flows that they may see."""
    counts = ExecutionCount.objects.filter(hour=ExecutionCount.ALL_HOURS, is_trial=False, number__gt=0)
    if not user.is_superuser:
        counts = counts.filter(owner_key=user.pk)
    if counts.exists():
        return None
    callable_flows = Flow.objects.visible_to(user).callable().filter(server__is_published=True)
    cases = SavedCase.objects.visible_to(user).filter(flow__in=callable_flows).select_related("flow__published_version")
    known = next((case for case in cases.order_by("flow__name", "pk")[:LOOKED_AT] if not case.omitted), None)
    flow = known.flow if known else callable_flows.first()
    needs_none = flow is not None and not flow.input_schema.get("required")
    return FirstSteps(
        flow,
        known.arguments if known else {} if needs_none else None,
        Execution.objects.visible_to(user).for_list().newest_first().first(),
    )
