"""The operations of a document, each with the flow that it becomes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import Any
from urllib.parse import urlsplit

from flows.schemas.compiled import SchemaError
from flows.transfer.openapi.answers import Answer, Answers
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.request import NodeRequest, request_of
from flows.transfer.openapi.schemas import Converter, describe, fitting
from flows.transfer.openapi.security import literal
from flows.transfer.openapi.words import Occasions, description_of, in_words, title_of
from flows.values.http_methods import ANNOTATIONS
from flows.values.reserved_names import GET_RESULT
from flows.values.tool_names import tool_name_of

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
MAX_OPERATIONS = 500
"""Operations of one document that are offered."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; `flow` is what it becomes, or None when it cannot, and then `problem` says why."""

    method: str
    path: str
    title: str
    tool_name: str
    description: str
    is_deprecated: bool
    flow: dict[str, Any] | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What tells it from the others of its document."""
        return f"{self.method} {self.path}"


def address_of(document: Document) -> str:
    """Where the other system is, with its variables filled in; relative when the document says no more."""
    return _server(document.root.get("servers"))


def _server(servers: Any) -> str:
    """The address of the first server, variables at their defaults; empty when there is none."""
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = str(first.get("url", "")) if isinstance(first, dict) else ""
    variables = first.get("variables") if url else None
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict):
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url.rstrip("/")


def operations_of(document: Document, address: str) -> list[Operation]:
    """Every operation, in the document's order, at most 500; `address` is where the other system is."""
    makers, names = _Makers(Converter(document), Answers(document), Occasions(document)), {GET_RESULT}
    found = []
    for method, path, item in _listed(document):
        operation = item[method] if isinstance(item[method], dict) else {}
        tool_name = _free(tool_name_of(str(operation.get("operationId") or f"{method} {path}")), names)
        names.add(tool_name)
        found.append(_operation(makers, method, path, item, tool_name, address))
    return found[:MAX_OPERATIONS]


@dataclass(frozen=True, slots=True)
class _Makers:
    """What knows a document's schemas, its answers, and which operation is for what."""

    converter: Converter
    answers: Answers
    occasions: Occasions


def _listed(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, raw in document.root["paths"].items():
        try:
            item = document.object(raw)
        except Unusable:
            continue
        yield from ((method, path, item) for method in item if method in METHODS)


def _operation(
    makers: _Makers, method: str, path: str, item: dict[str, Any], tool_name: str, address: str
) -> Operation:
    operation = item[method] if isinstance(item[method], dict) else {}
    answer = makers.answers.of(method, operation)
    made = Operation(
        method=method,
        path=path,
        title=title_of(method, path, item),
        tool_name=tool_name,
        description=description_of(method, path, item, answer.words),
        is_deprecated=operation.get("deprecated") is True,
    )
    try:
        own = _server(operation.get("servers") or item.get("servers"))
        base = own if urlsplit(own).scheme else address
        request = request_of(makers.converter, method, path, item, literal(base), made.notes.append)
        describe(request.properties, _examples(makers.converter.document, item, operation))
        _name_body(request, operation, makers.converter.document)
        flow = _flow(made, request, answer) | {
            "whenToUse": makers.occasions.to_use(path, operation),
            "whenNotToUse": makers.occasions.not_to_use(method, path, item),
            "inputSchema": fitting(request.input_schema, made.notes.append),
            "annotations": _annotations(method, operation),
        }
    except SchemaError as error:
        return _without_flow(made, f"its parameters cannot be described here: {error}")
    except Unusable as error:
        return _without_flow(made, str(error))
    except RecursionError:
        return _without_flow(made, "its schemas are nested too deep when references are written out")
    except (AttributeError, KeyError, TypeError):
        # A list where an object belongs, and the like: one check for all places of a stranger's document.
        return _without_flow(made, "the document describes it in a form that is not OpenAPI")
    return replace(made, flow=flow)


def _without_flow(made: Operation, problem: str) -> Operation:
    return replace(made, problem=problem, notes=[])


def _flow(made: Operation, request: NodeRequest, answer: Answer) -> dict[str, Any]:
    """The flow as a file of flows has it, but for what it takes and when to use it: trigger, request, answer."""
    parameters = request.parameters
    if answer.accept and not any(name.lower() == "accept" for name in parameters.get("headers", {})):
        parameters["headers"] = {"Accept": literal(answer.accept)} | parameters.get("headers", {})
    if answer.read_as:
        parameters["responseAs"] = answer.read_as
    nodes = [
        _node("trigger", "trigger", "Call", 0, {}),
        _node("request", "http_request", f"{made.method.upper()} {made.path}"[:200], 1, parameters),
        _node("answer", "return", "Answer", 2, answer.returns),
    ]
    lines = [
        {
            "id": f"{source}-{target}",
            "sourceNodeId": source,
            "sourceHandle": "main",
            "targetNodeId": target,
            "targetHandle": "main",
        }
        for source, target in (("trigger", "request"), ("request", "answer"))
    ]
    return {
        "name": made.title,
        "toolName": made.tool_name,
        "toolDescription": made.description,
        "outputSchema": answer.schema,
        "timeoutSeconds": 300,
        "answerSeconds": None,
        "definition": {"nodes": nodes, "connections": lines},
    }


def _name_body(request: NodeRequest, operation: dict[str, Any], document: Document) -> None:
    """A body that the document does not describe is called what its schema is called there."""
    if not any(name.startswith("body") and value == "{{ trigger.body }}" for name, value in request.parameters.items()):
        return
    content = document.object(operation["requestBody"]).get("content", {})
    references = [media.get("schema", {}).get("$ref") for media in content.values()]
    schema = request.properties["body"]
    called = in_words(str(next(filter(None, references), schema.get("title", ""))).rpartition("/")[2])
    if called and not schema.get("description"):
        schema["description"] = f"{called}, the body of the request."


def _examples(document: Document, item: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """An example of each parameter that has one."""
    parameters = [document.object(raw) for source in (item, operation) for raw in source.get("parameters") or []]
    return {
        str(each.get("name")): each.get("example", (each.get("schema") or {}).get("example")) for each in parameters
    }


def _annotations(method: str, operation: dict[str, Any]) -> dict[str, bool]:
    """What the method promises; what can answer 201 alone adds something and destroys nothing (RFC 9110 15.3.2)."""
    responses = operation.get("responses")
    successes = [str(status) for status in (responses if isinstance(responses, dict) else ()) if str(status)[:1] == "2"]
    adds = {"destructiveHint": False} if method == "post" and successes == ["201"] else {}
    return ANNOTATIONS.get(method.upper(), {}) | adds


def _node(slug: str, kind: str, name: str, x: int, parameters: dict[str, Any]) -> dict[str, Any]:
    position = {"x": x * 220, "y": 0}
    return {"id": slug, "type": kind, "name": name, "slug": slug, "position": position, "parameters": parameters}


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}_{number}" for number in count(2))
    return next(each for each in chain((name,), numbered) if each not in taken)
