"""Rules about parameters: what a model needs to fill them in."""

from collections.abc import Iterator

from flows.review.lint.subject import Note, Subject, at

MAX_VALUES = 100
"""Values of an enum before the lint says that there are many."""
_KINDS = frozenset({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})


def undescribed(subject: Subject) -> Iterator[Note]:
    """Every parameter's meaning is explained, with its format and an example where that helps.

    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (Best practices)
    """
    for parameter in subject.parameters:
        if not str(parameter.rule.get("description", "")).strip() and "const" not in parameter.rule:
            yield parameter.path, "describe it: what it means, in which form, with an example"


def untyped(subject: Subject) -> Iterator[Note]:
    """A parameter without a type may be anything; Gemini's API asks for one.

    https://ai.google.dev/api/caching#Schema (type is required)
    """
    for parameter in subject.parameters:
        if not _KINDS & parameter.rule.keys():
            yield parameter.path, 'say its "type": a model has to guess it otherwise, and Gemini asks for one'


def without_default(subject: Subject) -> Iterator[Note]:
    """What holds when an optional parameter is left out is part of what a call means.

    https://json-schema.org/understanding-json-schema/reference/annotations (default)
    """
    for parameter in subject.parameters:
        words = str(parameter.rule.get("description", "")).lower()
        is_explained = any(word in words for word in ("default", "without", "left out", "omit", "optional", "if not"))
        if not (parameter.is_required or "default" in parameter.rule or is_explained):
            yield parameter.path, 'give it a "default", or say in its description what holds when it is left out'


def unguarded(subject: Subject) -> Iterator[Note]:
    """A node that uses an optional parameter fails whenever a client leaves it out, and frameworks often do.

    https://json-schema.org/understanding-json-schema/reference/object#required
    """
    for place, path in subject.unguarded:
        yield (
            place,
            f"a call may leave {path} out, and then this fails: give the parameter a default, or write a fallback, "
            f"{{{{ {path} ?? ... }}}}",
        )


def many_values(subject: Subject) -> Iterator[Note]:
    """Each value of an enum is read with every request; OpenAI's strict mode takes 1,000 in all.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (limitations on enum size)
    """
    for steps, schema in subject.objects:
        values = schema.get("enum")
        if isinstance(values, list) and len(values) > MAX_VALUES:
            yield (
                at("enum", into=steps),
                f"{len(values):,} values are read with every request; take text, and let the flow refuse others",
            )
