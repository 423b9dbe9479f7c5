"""Rules about what agent frameworks and clients' own checks make of a schema.

Most of these read a tool in code of their own, and many give up on all tools of a server when one cannot be read. Each
was run against FlowHub: `docs/frameworks.md` has the table with the versions, and `compatibility` makes it anew.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeGuard

from flows.engine.questions import CAPABILITIES, KINDS
from flows.review.lint import js_patterns
from flows.review.lint.subject import Note, Subject, at

_OF_PYDANTIC = frozenset({"model_config", "model_dump"})


def type_lists(subject: Subject) -> Iterator[Note]:
    """A list of types is what most frameworks cannot read; `anyOf` says the same to all of them.

    https://github.com/microsoft/semantic-kernel, https://github.com/microsoft/autogen, https://github.com/stanfordnlp/dspy
    """
    for steps, schema in subject.objects:
        kinds = schema.get("type")
        if isinstance(kinds, list) and len(kinds) > 1:
            said = ", ".join(f'{{"type": "{kind}"}}' for kind in kinds)
            yield (
                at("type", into=steps),
                f'write "anyOf": [{said}]: semantic-kernel and AutoGen lose every tool of the server over a list of '
                "types, DSPy this one",
            )


def kept_names(subject: Subject) -> Iterator[Note]:
    """Frameworks make a class of the parameters, in which some names are taken.

    https://docs.pydantic.dev/latest/concepts/models (names with a leading underscore, protected names)
    """
    for parameter in subject.parameters:
        if parameter.name.startswith("_"):
            yield (
                parameter.path,
                "take a name without the underscore: AutoGen, CrewAI, LlamaIndex and mcp-use lose every tool of the "
                "server over it",
            )
        elif parameter.name in _OF_PYDANTIC:
            yield (
                parameter.path,
                "take another name: LlamaIndex, AutoGen, mcp-use and mcpo lose every tool of the server over it",
            )
        elif parameter.name == "self":
            yield (
                parameter.path,
                "take another name: LangChain (Python), LlamaIndex, CrewAI, DSPy, mcp-use, semantic-kernel and "
                "smolagents fail with each call that gives it",
            )


def alternatives(subject: Subject) -> Iterator[Note]:
    """Frameworks merge the alternatives of a parameter, or take one of them; one beside null is taken by all.

    https://github.com/langchain-ai/langchainjs, https://github.com/run-llama/llama_index
    """
    for steps, schema in subject.objects:
        options = schema.get("anyOf")
        several = [each for each in options if "properties" in each] if _are_objects(options) else []
        if steps and "oneOf" in schema:
            yield (
                at("oneOf", into=steps),
                "name all properties in one object, or make it two parameters: LangChain.js refuses calls that fit, "
                "LlamaIndex tells the model that it is text",
            )
        elif steps and len(several) > 1:
            yield (
                at("anyOf", into=steps),
                "name all properties in one object, or make it two parameters: LangChain.js refuses calls that fit",
            )


def _are_objects(options: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(options, list) and all(isinstance(each, dict) for each in options)


def maps(subject: Subject) -> Iterator[Note]:
    """An object whose names are open keeps a whole tool out of OpenAI's strict mode, without a word.

    https://platform.openai.com/docs/guides/structured-outputs#supported-schemas (additionalProperties must be false)
    """
    for steps, schema in subject.objects:
        is_open = isinstance(schema.get("additionalProperties"), dict) or "properties" not in schema
        if steps and schema.get("type") == "object" and is_open:
            yield at(into=steps), "openai-agents sends the whole tool without its strict mode: name the properties"


def tuples(subject: Subject) -> Iterator[Note]:
    """Lists with a schema for each place are of JSON Schema 2020-12; some read schemas as draft 7, or strictly.

    https://github.com/modelcontextprotocol/typescript-sdk, https://github.com/firebase/genkit
    """
    for root, steps, schema in subject.every_object:
        if "prefixItems" in schema:
            lost = (
                "clients with the TypeScript SDK 1.x refuse answers that fit"
                if root == "outputSchema"
                else "Genkit cannot call the tool, and AutoGen takes nothing but texts in it"
            )
            yield at("prefixItems", into=steps, root=root), f"write an object with named properties: {lost}"


def fractions(subject: Subject) -> Iterator[Note]:
    """Clients check `multipleOf` in binary fractions, in which 19.99 is no multiple of 0.01.

    https://json-schema.org/draft/2020-12/json-schema-validation#section-6.2.1
    """
    for root, steps, schema in subject.every_object:
        step = schema.get("multipleOf")
        if isinstance(step, float) and not step.is_integer() and Decimal(step) != Decimal(str(step)):
            yield (
                at("multipleOf", into=steps, root=root),
                "take whole cents, or text with a pattern: clients in Python and TypeScript refuse values such as "
                "19.99 that FlowHub takes, because they compute in binary fractions",
            )


def patterns(subject: Subject) -> Iterator[Note]:
    """TypeScript clients compile every pattern of a list of tools, with the flag `u`.

    https://github.com/modelcontextprotocol/typescript-sdk, https://tc39.es/ecma262/#sec-patterns
    """
    for root, steps, schema in subject.every_object:
        found: list[tuple[tuple[str, ...], Any]] = [(("pattern",), schema.get("pattern"))]
        named = schema.get("patternProperties")
        found += [(("patternProperties", name), name) for name in named] if isinstance(named, dict) else []
        for where, pattern in found:
            refused = js_patterns.fault(pattern) if isinstance(pattern, str) else ""
            if refused:
                yield (
                    at(*where, into=steps, root=root),
                    f"write it without {refused!r}, which JavaScript refuses: clients with the TypeScript SDK lose "
                    "every tool of the server over it",
                )


def audio(subject: Subject) -> Iterator[Note]:
    """Sound is content that not every framework can hand on.

    https://github.com/langchain-ai/langchain-mcp-adapters
    """
    if subject.answers_audio:
        yield "definition", "the answer holds audio: LangChain (Python) and Anthropic's helper lose the whole answer"


def asking(subject: Subject) -> Iterator[Note]:
    """A 2026-07-28 client that cannot be asked gets an error of the protocol, which many keep from their model.

    https://modelcontextprotocol.io/specification/2026-07-28/basic/utilities/capabilities (-32021)
    """
    if subject.asks is not None:
        yield (
            "definition",
            f"it asks {KINDS[subject.asks]}: a client without the capability {CAPABILITIES[subject.asks]!r} gets an "
            "error, which openai-agents keeps from its model and others raise as an exception. Clients read so at the "
            "end of the description; a parameter that stands for the answer serves them all",
        )
