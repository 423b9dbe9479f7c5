"""What the card of a node says of it in a few words."""

from django import template

from executions.record.entries import Attempt, NodeEntry
from executions.templatetags.moments import duration

register = template.Library()


@register.filter
def facts(entry: NodeEntry) -> list[str]:
    """What the head of a node's card says beside its name, the time that it took last."""
    found = []
    if entry.log:
        found.append(f"{len(entry.log)}{'+' if entry.log.left_out else ''} in the log")
    if entry.waited_ms is not None:
        found.append(f"waited {duration(entry.waited_ms)} for the answer")
    if entry.attempts and entry.attempts > 1:
        found.append(f"{entry.attempts} attempts")
    items = {"finished": len(entry.finished) + entry.finished.left_out, "reused": entry.reused_items}
    found += [f"{number:,} item{'' if number == 1 else 's'} {word}" for word, number in items.items() if number]
    if entry.handle and entry.handle != "main":
        found.append(f"took “{entry.handle}”")
    if entry.status == "skipped":
        found.append("skipped")
    elif entry.is_waiting:
        found.append("waiting for an answer…")
    elif entry.is_open:
        found.append("running…")
    elif not entry.is_reused:
        found.append(duration(entry.duration_ms))
    return found


@register.filter
def attempt_facts(attempt: Attempt) -> str:
    """` after 40 ms, begun at 1 ms: 503 Busy`, as far as it is known; what follows the word for how it went."""
    took = f" after {duration(attempt.duration_ms)}" if attempt.duration_ms is not None else ""
    began = f", begun at {duration(attempt.start_ms)}" if attempt.start_ms is not None else ""
    return f"{took}{began}: {attempt.error.message}" if attempt.error and attempt.error.message else took + began


@register.filter
def part(half: str, number: int) -> str:
    """`input-3`: the name of a node's input, output or log in the address of its raw JSON."""
    return f"{half}-{number}"
