"""The filters of a list in words, for those who come by a link that carries some."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.http import QueryDict

from executions.models import Execution
from executions.reading.filters import DRAFT, ExecutionFilter
from executions.templatetags.moments import duration, short_time
from executions.templatetags.statuses import kind_word

register = template.Library()

# Status and search are not among them: toggles and search field show those in any case.
WORDS: Mapping[str, Callable[[Any], str]] = {
    "startedAfter": lambda value: f"from {short_time(value)}",
    "startedBefore": lambda value: f"before {short_time(value)}",
    "source": lambda value: f"source {Execution.Source(value).label}",
    "version": lambda value: value if value == DRAFT else f"version {value}",
    "minDuration": lambda value: f"at least {duration(float(value))}",
    "maxDuration": lambda value: f"at most {duration(float(value))}",
    "errorKind": lambda value: f"{kind_word(value)} ({value})",
    "node": lambda value: f"failed at {value}",
    "caller": lambda value: f"caller {value}",
    "tool": lambda value: f"tool {value}",
    "flow": lambda value: f"flow {value}",
}


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """One filter in words, and the query parameters that are left without it."""

    words: str
    others: QueryDict


@register.simple_tag
def active_filters(chosen: ExecutionFilter) -> list[ActiveFilter]:
    """The filters that an address holds and that can be understood, in the order of the form."""
    values = chosen.form.cleaned_data
    found = []
    for name, words in WORDS.items():
        if values.get(name) not in (None, ""):
            others = chosen.data.copy()
            del others[name]
            found.append(ActiveFilter(words(values[name]), others))
    return found
