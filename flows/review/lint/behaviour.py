"""Rules about what a tool says of its behaviour: annotations and the output schema."""

from collections.abc import Iterator, Sequence

from flows.review.lint.subject import Note, Subject

FLAGS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")


def unknown_annotation(subject: Subject) -> Iterator[Note]:
    """Annotations have five names.

    https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations
    """
    for name in subject.annotations:
        if name not in (*FLAGS, "title"):
            yield f"annotations.{name}", f"it is not sent: clients know only {', '.join(FLAGS)} and title"


def wrong_annotation(subject: Subject) -> Iterator[Note]:
    """The four flags are true or false, and the title is text; a tool with other values may not be served.

    https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations
    """
    for name, value in subject.annotations.items():
        if name in FLAGS and not isinstance(value, bool | None):
            yield f"annotations.{name}", "write true or false: it cannot be sent to clients otherwise"
        elif name == "title" and not isinstance(value, str | None):
            yield "annotations.title", "write text: it cannot be sent to clients otherwise"


def contradiction(subject: Subject) -> Iterator[Note]:
    """`destructiveHint` means something only where `readOnlyHint` is false.

    https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations (destructiveHint)
    """
    if subject.annotations.get("readOnlyHint") is True and subject.annotations.get("destructiveHint") is True:
        yield "annotations.destructiveHint", "a tool that only reads destroys nothing; take one of the two away"


def could_be_read_only(subject: Subject) -> Iterator[Note]:
    """Without annotations a tool counts as one that writes, may destroy and reaches an open world.

    https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations (defaults)
    """
    if subject.effects == () and subject.annotations.get("readOnlyHint") is not True:
        yield (
            "annotations",
            'no node of the flow changes anything outside: {"readOnlyHint": true} lets clients call it without asking',
        )


def says_nothing(subject: Subject) -> Iterator[Note]:
    """As above, for a flow that reaches outside and says nothing of what it does there.

    https://modelcontextprotocol.io/specification/2026-07-28/schema#toolannotations (defaults)
    """
    if subject.effects and "readOnlyHint" not in subject.annotations:
        named = _named(subject.effects)
        yield (
            "annotations",
            f"say with readOnlyHint whether {named} only reads; else clients take it for destructive",
        )


def may_not_be_read_only(subject: Subject) -> Iterator[Note]:
    """A tool that says it only reads is called without asking; FlowHub does not know what its requests do.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools (Tool annotations are hints)
    """
    if subject.effects and subject.annotations.get("readOnlyHint") is True:
        yield (
            "annotations.readOnlyHint",
            f"make sure that {_named(subject.effects)} changes nothing: clients will not ask first",
        )


def no_output_schema(subject: Subject) -> Iterator[Note]:
    """Structured content that a schema describes can be checked and used by programs.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools#output-schema
    """
    if subject.returns_json and "outputSchema" not in subject.contract:
        yield "outputSchema", "the flow returns JSON: a schema tells clients and models what comes back"


def unmet_output_schema(subject: Subject) -> Iterator[Note]:
    """A tool with an output schema must give structured results that fit it; FlowHub fails a call that does not.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools#output-schema
    """
    if subject.only_text and "outputSchema" in subject.contract:
        yield (
            "outputSchema",
            "no node of the flow answers with JSON, so every call fails: add one, or take the schema away",
        )


def switched_by_strangers(subject: Subject) -> Iterator[Note]:
    """What `offer` turns on or off is so for every client until somebody turns it back.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools#list-changed-notification
    """
    if subject.is_public and subject.switches:
        yield (
            "definition",
            f"anybody may call this server, so a stranger can hide its tools from everybody with "
            f"{_named(subject.switches)}: take that out, or let in with a key alone",
        )


def _named(effects: Sequence[str]) -> str:
    names = [repr(name) for name in effects[:3]]
    return " and ".join(names) + (" and others" if len(effects) > 3 else "")
