"""The operations of a document, each with the flow that it becomes."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from flows.schemas.compiled import SchemaError
from flows.transfer.openapi.answers import Answer, Answers
from flows.transfer.openapi.bodies import media_types_of
from flows.transfer.openapi.document import Document, Place, Unusable
from flows.transfer.openapi.request import NodeRequest, parameters_of, request_of
from flows.transfer.openapi.schemas import Converter, describe, fitting
from flows.transfer.openapi.security import Alternative, Security, literal
from flows.transfer.openapi.words import MAX_NAME, Occasions, description_of, in_words, title_of
from flows.values.http_methods import ANNOTATIONS
from flows.values.reserved_names import GET_RESULT
from flows.values.tool_names import tool_name_of

MAX_CONVERTED = 2_000_000
"""Schemas that operations that are converted together may have when every reference is written out."""
MAX_PARAMETERS = 500
"""Parameters of one operation."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; converted it has the `flow` that it becomes, or a `problem` that says why it cannot be made."""

    method: str
    path: str
    title: str
    tool_name: str
    description: str
    is_deprecated: bool
    tags: tuple[str, ...] = ()
    flow: dict[str, Any] | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What tells it from the others of its document."""
        return f"{self.method} {self.path}".strip()


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
    # Without a scheme it is that of the document's own address, which nobody knows; https is one that all have.
    return f"https:{url}".rstrip("/") if url.startswith("//") else url.rstrip("/")


class Operations:
    """The operations of a document, and the flows that they become.

    `address` is where the other system is. `credentials` is the key of one of `alternatives_of`, `media_type` one of
    `media_types`: an operation that does not know it takes its own first. An operation has the same tool name whatever
    it is converted with.
    """

    def __init__(self, document: Document, address: str = "", credentials: str = "", media_type: str = "") -> None:
        self.document, self.address, self.media_type = document, address, media_type
        self._security = Security(document, credentials)
        self._converter = Converter(document)
        self._answers, self._occasions = Answers(document), Occasions(document)
        self._listed = list(_listed(document))

    @property
    def listed(self) -> list[Operation]:
        """Every operation, in the document's order, none of them converted: quick also for thousands.

        `problem` says of some already that they cannot be made: what is in another document, or cannot be sent.
        """
        return [operation for operation, _ in self._listed]

    @property
    def media_types(self) -> list[tuple[str, int]]:
        """The media types that bodies leave to choose from, each with the number of operations that do."""
        numbers: Counter[str] = Counter()
        for _, place in self._listed:
            try:
                numbers.update(media_types_of(self.document.object(place.item[place.method].get("requestBody"))))
            except (Unusable, KeyError):
                continue  # there is none, or the operation says what is wrong with it
        return list(numbers.items())

    def converted(self, only: Collection[str] | None = None) -> list[Operation]:
        """The operations of these keys, or all, in the document's order, with the flows that they become."""
        wanted = None if only is None else frozenset(only)
        found, left = [], MAX_CONVERTED
        for operation, place in self._listed:
            if wanted is not None and operation.key not in wanted:
                continue
            if operation.problem:
                found.append(operation)
            elif left <= 0:
                found.append(_without_flow(operation, "this is too much at once; choose fewer operations"))
            else:
                self._converter.begin()
                found.append(self._convert(operation, place.item))
                left -= self._converter.spent
        return found

    def _convert(self, made: Operation, item: dict[str, Any]) -> Operation:
        method, path, document = made.method, made.path, self.document
        operation = item[method]
        answer = self._answers.of(method, operation)
        made = replace(made, description=description_of(method, path, item, answer.words))
        try:
            if sum(len(source.get("parameters") or ()) for source in (item, operation)) > MAX_PARAMETERS:
                raise Unusable(f"it has more than {MAX_PARAMETERS} parameters")
            own = _server(operation.get("servers") or item.get("servers"))
            base = urljoin(f"{self.address}/", own).rstrip("/") if own else self.address
            if own and not urlsplit(own).scheme:
                made.notes.append(f"it has an address of its own, {own[:200]!r}, which is taken for {base[:200]}")
            request = request_of(
                self._converter, self._security, method, path, item, literal(base), made.notes.append, self.media_type
            )
            describe(request.properties, _examples(document, item, operation))
            _name_body(request, operation, document)
            flow = _flow(made, request, answer) | {
                "whenToUse": self._occasions.to_use(path, operation),
                "whenNotToUse": self._occasions.not_to_use(method, path, item),
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


def alternatives_of(document: Document) -> list[Alternative]:
    """The ways in which operations may show who calls, where they leave a choice; see `Operations`."""
    security = Security(document)
    return security.alternatives(
        (operation, _credentials(document, security, place.item, operation))
        for place in document.places()
        if not place.problem and isinstance(operation := place.item.get(place.method), dict)
    )


def _credentials(
    document: Document, security: Security, item: dict[str, Any], operation: dict[str, Any]
) -> list[dict[str, Any]]:
    try:
        return [each for each in parameters_of(document, item, operation) if security.is_credential(each)]
    except (Unusable, TypeError):
        return []  # the operation says why it cannot be made


def _name(operation: dict[str, Any]) -> str:
    """The name of an operation, cut at once: thousands of operations may refer to one that is megabytes long."""
    name = operation.get("operationId")
    return name[:MAX_NAME] if isinstance(name, str) else ""


def _listed(document: Document) -> list[tuple[Operation, Place]]:
    found, names = [], {GET_RESULT}
    numbers: dict[str, int] = {}
    for place in document.places():
        operation = place.item.get(place.method, {})
        name = tool_name = tool_name_of(_name(operation) or f"{place.method} {place.path}")
        while tool_name in names:
            numbers[name] = numbers.get(name, 1) + 1
            tool_name = f"{name}_{numbers[name]}"
        names.add(tool_name)
        tags = operation.get("tags")
        made = Operation(
            place.method,
            place.path,
            title_of(place.method, place.path, place.item),
            tool_name,
            description_of(place.method, place.path, place.item, ""),
            operation.get("deprecated") is True,
            tags=tuple(tag[:100] for tag in tags[:10] if isinstance(tag, str)) if isinstance(tags, list) else (),
            problem=place.problem,
        )
        found.append((made, place))
    return found


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
    declared = [media.get("schema") for media in content.values()]
    references = [each.get("$ref") for each in declared if isinstance(each, dict)]
    schema = request.properties["body"]
    called = in_words(str(next(filter(None, references), schema.get("title", ""))).rpartition("/")[2])
    if called and not schema.get("description"):
        schema["description"] = f"{called}, the body of the request."


def _examples(document: Document, item: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """An example of each parameter that has one."""
    parameters = [document.object(raw) for source in (item, operation) for raw in source.get("parameters") or []]
    found = {}
    for each in parameters:
        schema = each.get("schema")
        found[str(each.get("name"))] = each.get("example", schema.get("example") if isinstance(schema, dict) else None)
    return found


def _annotations(method: str, operation: dict[str, Any]) -> dict[str, bool]:
    """What the method promises; what can answer 201 alone adds something and destroys nothing (RFC 9110 15.3.2)."""
    responses = operation.get("responses")
    successes = [str(status) for status in (responses if isinstance(responses, dict) else ()) if str(status)[:1] == "2"]
    adds = {"destructiveHint": False} if method == "post" and successes == ["201"] else {}
    return ANNOTATIONS.get(method.upper(), {}) | adds


def _node(slug: str, kind: str, name: str, x: int, parameters: dict[str, Any]) -> dict[str, Any]:
    position = {"x": x * 220, "y": 0}
    return {"id": slug, "type": kind, "name": name, "slug": slug, "position": position, "parameters": parameters}
