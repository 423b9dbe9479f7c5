"""Rules about what the APIs behind the clients make of an input schema.

Clients hand the schema on to the API of a model. Some send it as it is, some leave out what the API does not know, and
some leave out the tool.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.review.lint.subject import Note, Subject, at

DEEPEST = 5
MAX_PROPERTIES = 100
"""Properties of a schema that all of OpenAI's APIs take."""

_CHOICES = ("oneOf", "anyOf", "allOf")
_NOT_STRICT = frozenset(
    {
        *("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties"),
        *("unevaluatedProperties", "unevaluatedItems", "propertyNames", "minProperties", "maxProperties", "contains"),
        *("minContains", "maxContains", "uniqueItems", "prefixItems"),
    }
)
_IN_GEMINI = frozenset(
    {
        *(
            "type",
            "format",
            "title",
            "description",
            "nullable",
            "enum",
            "maxItems",
            "minItems",
            "properties",
            "required",
        ),
        *(
            "minProperties",
            "maxProperties",
            "minLength",
            "maxLength",
            "pattern",
            "example",
            "examples",
            "anyOf",
            "oneOf",
        ),
        *("propertyOrdering", "default", "items", "minimum", "maximum", "prefixItems", "additionalProperties"),
        *("$id", "$defs", "$ref", "$anchor", "$schema", "$comment", "const", "readOnly", "writeOnly", "deprecated"),
    }
)


def choice_at_root(subject: Subject) -> Iterator[Note]:
    """Claude's API refuses a schema with a choice at its root, and with it the whole request; OpenAI's does too.

    https://github.com/anthropics/claude-code/issues/5973 quotes the answer,
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (root objects must not be anyOf)
    """
    for keyword in _CHOICES:
        if keyword in subject.root:
            yield (
                at(keyword),
                "move it into a parameter, or say it in words: Claude's API refuses the whole request over it",
            )


def open_objects(subject: Subject) -> Iterator[Note]:
    """OpenAI's strict mode wants `additionalProperties: false` on every object.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    for steps, schema in subject.objects:
        if "properties" in schema and schema.get("additionalProperties") is not False:
            yield (
                at(into=steps),
                'say "additionalProperties": false: OpenAI\'s strict mode wants it, and misspelt names are refused',
            )


def optional_parameters(subject: Subject) -> Iterator[Note]:
    """OpenAI's strict mode wants every property required; one that may be left out takes null instead.

    Clients require them all by themselves, and a null that an inner schema refuses counts as left out. An argument with
    a default, or that takes null, loses nothing by it.
    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (all fields must be required)
    """
    names = [
        each.name
        for each in subject.parameters
        if each.is_argument and not (each.is_required or "default" in each.rule or _takes_null(each.rule))
    ]
    if names:
        listed = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        yield (
            at("required"),
            f"OpenAI's strict mode leaves nothing out: to be usable there, require {listed}, and allow null by "
            '"anyOf": [..., {"type": "null"}]; a default is lost then',
        )


def _takes_null(rule: Mapping[str, Any]) -> bool:
    options = rule.get("anyOf")
    return rule.get("type") == "null" or (isinstance(options, list) and {"type": "null"} in options)


def strict_keywords(subject: Subject) -> Iterator[Note]:
    """OpenAI's strict mode knows a part of JSON Schema.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (some keywords are not supported)
    """
    for steps, schema in subject.objects:
        for keyword in sorted(_NOT_STRICT & schema.keys()):
            if steps or keyword not in _CHOICES:
                yield at(keyword, into=steps), "OpenAI's strict mode does not know it; say it in the description too"


def gemini_keywords(subject: Subject) -> Iterator[Note]:
    """Gemini's API knows a part of JSON Schema and passes over the rest.

    https://ai.google.dev/api/caching#Schema,
    https://ai.google.dev/gemini-api/docs/structured-output (JSON Schema support)
    """
    for steps, schema in subject.objects:
        for keyword in schema:
            if keyword not in _IN_GEMINI and not keyword.startswith("x-") and keyword not in _NOT_STRICT:
                yield at(keyword, into=steps), "Gemini's API passes over it; say it in the description too"


def references(subject: Subject) -> Iterator[Note]:
    """Clients that use Gemini's `parameters` field have no `$ref` to hand on.

    https://ai.google.dev/api/caching#Schema ($ref is not among its fields)
    """
    found = [steps for steps, schema in subject.objects if "$ref" in schema]
    if found and not list(recursion(subject)):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        yield at("$ref", into=found[0]), f"write the schema in place{more}: some clients do not follow references"


def recursion(subject: Subject) -> Iterator[Note]:
    """Schemas that hold themselves are refused by Claude's strict mode, and end some frameworks.

    https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations),
    https://ai.google.dev/gemini-api/docs/structured-output ($ref)
    """
    for name, found in subject.schemas.items():
        target = found.reference
        if target is not None and _leads_back(subject, target, name):
            yield (
                at("$ref", into=found.steps),
                "the schema holds itself: LlamaIndex, mcp-use and mcpo lose every tool of the server over it, and "
                "Claude's strict mode refuses it",
            )


def _leads_back(subject: Subject, start: str, goal: str) -> bool:
    pending, seen = [start], set()
    while pending:
        name = pending.pop()
        if name == goal:
            return True
        if name in seen or name not in subject.schemas:
            continue
        seen.add(name)
        found = subject.schemas[name]
        pending += found.leads_to
    return False


def depth(subject: Subject) -> Iterator[Note]:
    """Five levels of objects is what the older of OpenAI's limits allows, and models fill in deeper ones badly.

    https://learn.microsoft.com/azure/ai-services/openai/how-to/structured-outputs (5 levels; OpenAI's own: 10)
    """
    objects = [steps for steps, schema in subject.objects if "properties" in schema]
    deepest = max(objects, key=_levels, default=())
    if _levels(deepest) > DEEPEST:
        yield (
            at(into=deepest),
            f"{_levels(deepest)} levels of objects; {DEEPEST} is the most that all of OpenAI's APIs take: flatten it",
        )


def _levels(steps: tuple[str | int, ...]) -> int:
    """How many objects stand around a schema, itself counted."""
    levels, rest = 1, iter(steps)
    for step in rest:
        if step == "properties":
            levels += 1
            next(rest, None)
    return levels


def size(subject: Subject) -> Iterator[Note]:
    """100 properties is what the older of OpenAI's limits allows.

    https://learn.microsoft.com/azure/ai-services/openai/how-to/structured-outputs (100 properties; OpenAI's own: 5,000)
    """
    count = len(subject.parameters)
    if count > MAX_PROPERTIES:
        yield (
            "inputSchema",
            f"{count} properties; {MAX_PROPERTIES} is the most that all of OpenAI's APIs take: make several tools",
        )
