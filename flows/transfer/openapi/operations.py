"""The operations of a document, each with the flow that it becomes."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from flows.schemas.compiled import SchemaError, check_tool_input_schema
from flows.transfer.openapi.document import Document, Unusable
from flows.transfer.openapi.request import NodeRequest, request_of
from flows.transfer.openapi.schemas import Converter
from flows.transfer.openapi.security import literal
from flows.values.http_methods import ANNOTATIONS
from flows.values.reserved_names import GET_RESULT
from flows.values.tool_names import tool_name_of

METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
MAX_OPERATIONS = 5_000
"""Operations of one document that are offered."""
_MAX_DESCRIPTION = 4_000
"""Characters of an operation's description that its tool keeps."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; `flow` is what it becomes, or None when it cannot, and then `problem` says why."""

    method: str
    path: str
    title: str
    tool_name: str
    description: str
    is_deprecated: bool
    tags: list[str] = field(default_factory=list)
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


def operations_of(document: Document, address: str, only: Collection[str] | None = None) -> list[Operation]:
    """Every operation, in the document's order; `address` is where the other system is."""
    converter, names = Converter(document), {GET_RESULT}
    found = []
    for method, path, item in _listed(document):
        operation = item[method] if isinstance(item[method], dict) else {}
        tool_name = _free(tool_name_of(str(operation.get("operationId") or f"{method} {path}")), names)
        names.add(tool_name)
        if only is not None and f"{method} {path}" not in only:
            continue
        found.append(_operation(converter, method, path, item, tool_name, address))
    return found[:MAX_OPERATIONS]


def listed(document: Document) -> list[Operation]:
    return [replace(each, flow=None, problem="", notes=[]) for each in operations_of(document, "https://")]


def _listed(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, raw in document.root["paths"].items():
        try:
            item = document.object(raw)
        except Unusable:
            continue
        yield from ((method, path, item) for method in item if method in METHODS)


def _operation(
    converter: Converter, method: str, path: str, item: dict[str, Any], tool_name: str, address: str
) -> Operation:
    operation = item[method] if isinstance(item[method], dict) else {}
    summary = " ".join(str(operation.get("summary") or item.get("summary") or "").split())
    title = (summary or str(operation.get("operationId") or f"{method.upper()} {path}"))[:200]
    long = str(operation.get("description") or item.get("description") or "").strip()
    description = "\n\n".join(dict.fromkeys(filter(None, (summary, long)))) or f"Calls {method.upper()} {path}."
    made = Operation(
        method,
        path,
        title,
        tool_name,
        description[:_MAX_DESCRIPTION],
        operation.get("deprecated") is True,
        [str(tag) for tag in operation.get("tags") or ()],
    )
    try:
        own = _server(operation.get("servers") or item.get("servers"))
        base = own if urlsplit(own).scheme else address
        request = request_of(converter, method, path, item, literal(base), made.notes.append)
        flow = _flow(made, request, _answer(converter.document, operation))
        check_tool_input_schema(flow["inputSchema"])
    except SchemaError as error:
        return _without_flow(made, f"its parameters cannot be described here: {error}")
    except Unusable as error:
        return _without_flow(made, str(error))
    except RecursionError:
        return _without_flow(made, "its schemas are nested too deep when references are written out")
    except (AttributeError, KeyError, TypeError):
        # A list where an object belongs, and the like: one check for all places of a stranger's document.
        return _without_flow(made, "the document describes it in a form that is not OpenAPI")
    return Operation(**{name: getattr(made, name) for name in made.__slots__} | {"flow": flow})


def _without_flow(made: Operation, problem: str) -> Operation:
    return Operation(**{name: getattr(made, name) for name in made.__slots__} | {"problem": problem, "notes": []})


def _flow(made: Operation, request: NodeRequest, answer: dict[str, Any]) -> dict[str, Any]:
    """The flow as a file of flows has it: trigger, request, answer."""
    nodes = [
        _node("trigger", "trigger", "Call", 0, {}),
        _node("request", "http_request", f"{made.method.upper()} {made.path}"[:200], 1, request.parameters),
        _node("answer", "return", "Answer", 2, answer),
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
        "whenToUse": "",
        "whenNotToUse": "",
        "inputSchema": request.input_schema,
        "outputSchema": None,
        "annotations": ANNOTATIONS.get(made.method.upper(), {}),
        "timeoutSeconds": 300,
        "answerSeconds": None,
        "definition": {"nodes": nodes, "connections": lines},
    }


def _node(slug: str, kind: str, name: str, x: int, parameters: dict[str, Any]) -> dict[str, Any]:
    position = {"x": x * 220, "y": 0}
    return {"id": slug, "type": kind, "name": name, "slug": slug, "position": position, "parameters": parameters}


def _answer(document: Document, operation: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the `return` node: JSON when a success is answered with JSON, text for other content."""
    responses = operation.get("responses")
    found = [
        document.object(response)
        for status, response in (responses.items() if isinstance(responses, dict) else ())
        if str(status).startswith("2") or status == "default"
    ]
    types = [name for response in found[:1] for name in (response.get("content") or {})]
    if any("json" in name.lower() for name in types):
        return {"json": "{{ request.body }}"}
    return {"text": "{{ request.body }}" if types else "Done: the other system answered {{ request.status }}."}


def _free(name: str, taken: set[str]) -> str:
    numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)
