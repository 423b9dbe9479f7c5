"""Rules about descriptions, which are all that a model knows of a tool before it calls it."""

from collections.abc import Iterator

from flows.review.lint.subject import Note, Subject

WHEN = "WHEN TO USE:"
WHEN_NOT = "WHEN NOT TO USE:"
SHORTEST = 40
SHORT_LIMIT = 1024
LONG_LIMIT = 2048


def _own_words(subject: Subject) -> str:
    """The description without when to use the tool."""
    return subject.description.split(WHEN)[0].split(WHEN_NOT)[0].strip()


def missing(subject: Subject) -> Iterator[Note]:
    """A tool without a description is called by its name alone.

    https://modelcontextprotocol.io/specification/2026-07-28/server/tools (Data Types)
    """
    if not _own_words(subject):
        yield "description", "say in one or two sentences what the tool does and gives back; the model reads it"


def short(subject: Subject) -> Iterator[Note]:
    """Detailed descriptions are the most important factor by far, says Claude's documentation.

    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (Best practices)
    """
    words = _own_words(subject)
    if 0 < len(words) < SHORTEST:
        yield (
            "description",
            f"{len(words)} characters tell little; say what the tool does and gives back",
        )


def long(subject: Subject) -> Iterator[Note]:
    """Several OpenAI deployments refuse more than 1,024 characters, and some clients cut there.

    https://github.com/getsentry/sentry-mcp/issues/106 (Azure and older models), https://github.com/aaif-goose/goose/pull/739
    """
    if SHORT_LIMIT < len(subject.description) <= LONG_LIMIT:
        yield (
            "description",
            (
                f"it has {len(subject.description):,} characters; some OpenAI deployments refuse more than "
                f"{SHORT_LIMIT:,}, and some clients cut there: put what matters first, the rest into parameters"
            ),
        )


def too_long(subject: Subject) -> Iterator[Note]:
    """Claude Code cuts a tool's description at 2 KB.

    https://code.claude.com/docs/en/mcp (Tool search: descriptions and instructions are cut at 2 KB each)
    """
    if len(subject.description) > LONG_LIMIT:
        yield (
            "description",
            (
                f"it has {len(subject.description):,} characters; Claude Code cuts at {LONG_LIMIT:,} and some OpenAI "
                f"deployments refuse more than {SHORT_LIMIT:,}: put what matters first, the rest into parameters"
            ),
        )


def when(subject: Subject) -> Iterator[Note]:
    """A model chooses between tools by when each is to be used.

    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (Best practices: when it should be used)
    """
    if WHEN not in subject.description:
        yield "description", 'fill in "When to use": a model chooses between tools by it'


def when_not(subject: Subject) -> Iterator[Note]:
    """With several tools at hand, where one ends matters too.

    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (Best practices: and when it should not)
    """
    if WHEN_NOT not in subject.description and subject.neighbours:
        yield "description", 'fill in "When not to use": it keeps the model from taking this tool for another\'s work'
