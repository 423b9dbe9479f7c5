"""One document: FlowHub, swagger-client and FastMCP are given the same calls, and what they send is compared."""

import base64
import urllib.error
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from compatibility.openapi.answers import planned
from compatibility.openapi.calls import Call, arguments_of, authorizations, built_of, call_of, credentials_in
from compatibility.openapi.documents import Document, Json, base_of, moved, origins
from compatibility.openapi.importing import Imported, Made, imported
from compatibility.openapi.judging import EXPLAINED, NOT_COMPARED, WRONG, Verdict, judged, refused
from compatibility.openapi.values import Checker, NoValue
from compatibility.openapi.wire import Echo, Parts, Sent, parts_of
from compatibility.openapi.workers import NoAnswer, Worker
from tests.live import LiveServer


@dataclass
class Proof:
    """Everything that stands while documents are called."""

    server: LiveServer
    echo: Echo
    reference: Worker
    fastmcp: Worker | None
    scratch: Path
    seed: str
    most: int
    results: list["Result"] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """What came of one operation; `answer` says what is wrong with what the tool answered, if anything."""

    document: str
    operation: str
    verdict: Verdict
    beside: Verdict
    answer: str = ""
    left_out: tuple[str, ...] = ()
    """Optional credentials that were not given, because the flow sends another one."""


def told_by(notes: Sequence[str]) -> Callable[[str], bool]:
    """Whether a note says of an optional parameter that it is a credential which is left out."""
    return lambda name: any(f"optional parameter {name!r} is left out: it is a credential" in note for note in notes)


def prove(proof: Proof, path: Path, number: int) -> Iterator[Result]:
    """Call a sample of the operations of a document, as flows of a server; raises NoAnswer where it cannot be read."""
    here, document = _moved_here(proof, path)
    proof.echo.tokens = {}
    by_scheme = {}
    for name, scheme in document.schemes.items():
        for url in _token_urls(scheme):
            path_of_tokens = urlsplit(url).path
            by_scheme[name] = proof.echo.tokens[path_of_tokens] = f"token-of-{path_of_tokens}"
    chosen = document.sample(proof.seed, proof.most)
    small = document.only(chosen, with_answers=False)
    checker = Checker(document.only(chosen))
    unread = ""
    try:
        proof.reference.ask(load=small, url=f"{proof.echo.origin}/openapi.json", origin=proof.echo.origin)
    except NoAnswer as error:
        unread = f"swagger-client: {error}"
    keys = [operation.key for operation in chosen]
    flows = imported(proof.server, number, here, proof.echo.origin, base_of(document.root), keys)
    calls: dict[str, Call] = {}
    expected: dict[str, list[Parts]] = {}
    found: dict[str, tuple[Verdict, str]] = {}
    for index, operation in enumerate(chosen):
        made = flows.operations.get(operation.key)
        told = _not_made(flows, made)
        try:
            call = call_of(document, checker, operation, proof.seed, made.parameters if made else {})
            arguments = arguments_of(call, made.parameters, made.schema, told_by(made.notes)) if made else {}
            calls[operation.key] = call
            if unread:
                raise NoAnswer(unread)
            built = built_of(call, document, f"op{index}")
            alternatives = authorizations(document, operation, flows.secrets, by_scheme)
            expected[operation.key] = [_sent(proof, built, each, call) for each in [*alternatives, {}]]
        except (NoValue, NoAnswer) as error:
            found[operation.key] = told or Verdict(NOT_COMPARED, [str(error)]), ""
            continue
        # The request without credentials is FastMCP's measure; FlowHub's is one only where the document says so.
        measures = expected[operation.key][: len(alternatives)]
        if told or made is None:
            found[operation.key] = told or Verdict(WRONG), ""
        else:
            found[operation.key] = _called(proof, document, checker, call, made, arguments, measures)
    beside = _beside(proof, document, small, calls, expected)
    for key in keys:
        verdict, answer = found[key]
        left_out = tuple(calls[key].left_out) if key in calls else ()
        yield Result(path.name, key, verdict, beside.get(key, Verdict(NOT_COMPARED)), answer, left_out)


def _moved_here(proof: Proof, path: Path) -> tuple[Path, Document]:
    """The document with the addresses of its servers at the echo server: where it lies, and what it says."""
    raw = path.read_bytes()
    for origin in sorted(origins(proof.reference.ask(read=str(path))["document"]), key=len, reverse=True):
        raw = raw.replace(origin.encode(), proof.echo.origin.encode())
        raw = raw.replace(origin.replace("/", "\\/").encode(), proof.echo.origin.encode())
    here = proof.scratch / path.name
    here.write_bytes(raw)
    return here, Document(proof.reference.ask(read=str(here))["document"])


def _token_urls(scheme: Mapping[str, Json]) -> list[str]:
    flows = scheme.get("flows")
    urls = [
        scheme.get("tokenUrl"),
        *(each.get("tokenUrl") for each in (flows or {}).values() if isinstance(each, dict)),
    ]
    return [url for url in urls if isinstance(url, str)]


def _not_made(flows: Imported, made: Made | None) -> Verdict | None:
    """The verdict where there is no flow to call."""
    if flows.refused:
        return Verdict(EXPLAINED, [f"the document is refused: {flows.refused}"])
    if made is None:
        return Verdict(WRONG, ["it is not listed, and nothing says so"])
    if made.flow is None:
        return Verdict(EXPLAINED if made.problem else WRONG, [f"cannot be made: {made.problem}"])
    return None


def _sent(proof: Proof, built: Mapping[str, Json], authorized: Json, call: Call) -> Parts:
    """What swagger-client sends; raises NoAnswer. Where fetch refuses, it is what was to be sent."""
    proof.echo.taken()
    proof.echo.answer = (200, "application/json", b"{}")
    said = proof.reference.ask(build=built, authorized=authorized)["built"]
    named = _headers_of(call)
    if arrived := proof.echo.taken(call.operation.method, call.operation.path):
        return parts_of(arrived[0], named)
    url = urlsplit(said["url"])
    target = f"{url.path}?{url.query}" if url.query else url.path
    headers = [(name, str(value)) for name, value in said["headers"].items()]
    return parts_of(Sent(said["method"], target, headers, base64.b64decode(said.get("body", ""))), named)


def _headers_of(call: Call) -> list[str]:
    names = [key.partition(".")[2] for key in call.parameters if key.startswith("header.")]
    return [name for name in names if name.lower() not in ("accept", "content-type", "authorization")]


def _called(
    proof: Proof,
    document: Document,
    checker: Checker,
    call: Call,
    made: Made,
    arguments: Mapping[str, Json],
    expected: list[Parts],
) -> tuple[Verdict, str]:
    """Call the flow, and judge what it sent; then what is wrong with its answer."""
    given = [made.parameters.get("url"), *(auth.get("tokenUrl") for auth in credentials_in(made.parameters))]
    urls = [url for url in given if isinstance(url, str) and url.startswith(("http://", "https://"))]
    if strange := [url for url in urls if not url.startswith(proof.echo.origin)]:
        return Verdict(WRONG, [f"it would be sent to {strange[0][:100]}"]), ""
    plan = planned(document, checker, call.operation, proof.seed)
    proof.echo.answer = plan.answer
    proof.echo.taken()
    try:
        execution = proof.server.post_json(f"/api/flows/{made.flow}/test/", {"arguments": arguments})
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:400]
        return refused(f"FlowHub refused the call ({error.code}): {said}", call, made.notes), ""
    except OSError as error:
        return Verdict(WRONG, [f"FlowHub did not answer: {error}"]), ""
    arrived = proof.echo.taken(call.operation.method, call.operation.path)
    result = execution.get("result") or {}
    if not arrived:
        text = " ".join(each.get("text", "") for each in result.get("content", []) if isinstance(each, dict))
        return refused(f"nothing was sent: {text[:300]}", call, made.notes), ""
    verdict = judged(expected, parts_of(arrived[0], _headers_of(call)), call, document, made.notes)
    return verdict, plan.fault(result)


def _beside(
    proof: Proof,
    document: Document,
    small: Mapping[str, Json],
    calls: Mapping[str, Call],
    expected: Mapping[str, list[Parts]],
) -> dict[str, Verdict]:
    """What FastMCP sends of the same calls; its credentials are its HTTP client's, so they are not compared."""
    if proof.fastmcp is None:
        return {}
    asked = {
        "document": small,
        "url": moved(base_of(small), proof.echo.origin).rstrip("/"),
        "calls": [
            {"at": key, "method": call.operation.method, "path": call.operation.path, "parameters": call.parameters}
            | ({"body": call.body} if call.has_body else {})
            for key, call in calls.items()
        ],
    }
    try:
        said, why = proof.fastmcp.ask(**asked)["said"], ""
    except NoAnswer as error:
        said, why = [], str(error)
    found: dict[str, Verdict] = dict.fromkeys(calls, Verdict(WRONG, [f"no tools: {why}"]))
    for answer in said:
        key = answer["at"]
        if "error" in answer:
            found[key] = Verdict(WRONG, [answer["error"]])
            continue
        headers = [(name, value) for name, value in answer["headers"]]
        sent = Sent(answer["method"], answer["target"], headers, base64.b64decode(answer["body"]))
        if key in expected:
            found[key] = judged(expected[key][-1:], parts_of(sent, _headers_of(calls[key])), calls[key], document)
    return {key: verdict if key in expected else Verdict(NOT_COMPARED) for key, verdict in found.items()}
