"""Rules about parameters: what a model needs to fill them in."""

from collections.abc import Iterator

from flows.engine.errors import DefinitionError
from flows.review.lint.subject import Note, Subject, at
from flows.schemas.compiled import compile_schema
from flows.schemas.effort import MAX_STEPS, pattern_effort

MAX_VALUES = 100
"""Values of an enum before the lint says that there are many."""
FEWEST_VALUES = 10_000
"""Values of a list or an object that one call may hold before the lint says that there are few."""
FEWEST_CHARACTERS = 100_000
"""Characters of a text that a pattern may be held against before the lint says that there are few."""
_KINDS = frozenset({"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"})


def undescribed(subject: Subject) -> Iterator[Note]:
    """Every parameter's meaning is explained, with its format and an example where that helps.

    What an object is that names its properties, they say.
    https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools (Best practices)
    """
    for parameter in subject.parameters:
        is_said = str(parameter.rule.get("description", "")).strip() or parameter.rule.get("properties")
        if not is_said and "const" not in parameter.rule:
            yield parameter.path, "describe it: what it means, in which form, with an example"


def untyped(subject: Subject) -> Iterator[Note]:
    """A parameter without a type may be anything; Gemini's API asks for one.

    https://ai.google.dev/api/caching#Schema (type is required)
    """
    for parameter in subject.parameters:
        if not _KINDS & parameter.rule.keys():
            yield parameter.path, 'say its "type": a model has to guess it otherwise, and Gemini asks for one'


def without_default(subject: Subject) -> Iterator[Note]:
    """What holds when an optional argument is left out is part of what a call means.

    Of what stands inside an argument, it is often another system that knows.
    https://json-schema.org/understanding-json-schema/reference/annotations (default)
    """
    for parameter in subject.parameters:
        words = str(parameter.rule.get("description", "")).lower()
        is_explained = any(word in words for word in ("default", "without", "left out", "omit", "optional", "if not"))
        if parameter.is_argument and not (parameter.is_required or "default" in parameter.rule or is_explained):
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


def slow(subject: Subject) -> Iterator[Note]:
    """What takes many steps to check is refused where a call holds much of it (`flows.schemas.effort`).

    https://json-schema.org/understanding-json-schema/reference/object#patternProperties (every pattern, every name)
    """
    for root in ("inputSchema", "outputSchema"):
        try:
            compiled = compile_schema(subject.contract.get(root))
        except DefinitionError:
            continue
        efforts = compiled.efforts
        for where, found in compiled.subschemas.items():
            if not isinstance(found.schema, dict):
                continue
            effort = efforts.own(where)
            steps = effort.child + max(efforts.of(effort.places(step)).fixed for step in ("", -1))
            if steps > MAX_STEPS / FEWEST_VALUES:
                yield (
                    at(into=found.steps, root=root),
                    f"one call may hold {MAX_STEPS / steps:,.0f} values here at most, because each takes long to "
                    "check: use fewer patterns and alternatives, and texts as the options of an enum",
                )
            pattern = found.schema.get("pattern")
            if isinstance(pattern, str) and pattern_effort(pattern) > MAX_STEPS / FEWEST_CHARACTERS:
                yield (
                    at("pattern", into=found.steps, root=root),
                    f"one call may hold {MAX_STEPS / pattern_effort(pattern):,.0f} characters here at most, because a "
                    "pattern that counts so far takes long: say the length with minLength and maxLength instead",
                )
