"""Call operations of real documents through FlowHub, and compare each request with what swagger-client sends."""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from compatibility.__main__ import Framework
from compatibility.openapi.documents import Json
from compatibility.openapi.importing import servers_for
from compatibility.openapi.judging import EXPLAINED, NOT_COMPARED, REFERENCE, WORDS, WRONG, summary
from compatibility.openapi.proving import Proof, Result, prove
from compatibility.openapi.wire import Echo
from compatibility.openapi.workers import HERE, NoAnswer, Worker
from tests.live import live_server

SWAGGER_CLIENT = ["swagger-client@3.39.0", "js-yaml@4.3.2"]
FASTMCP = ["fastmcp==4.2.3"]


def main() -> None:
    """Run as said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m compatibility.openapi", description=__doc__)
    parser.add_argument("documents", type=Path, help="a folder of documents, .json, .yaml and .yml")
    parser.add_argument("--folder", type=Path, help="where to install; kept, and used again (else a temporary one)")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="documents to call, by the names of their files")
    parser.add_argument("--most", type=int, default=15, help="operations of a document, beside those that are special")
    parser.add_argument("--seed", default="flowhub", help="chooses operations and values")
    parser.add_argument("--port", type=int, default=0, help="where the echo server listens")
    parser.add_argument("--without-fastmcp", action="store_true", help="leave FastMCP out")
    parser.add_argument("--results", type=Path, help="where to write every result, a line of JSON each")
    options = parser.parse_args()
    paths = [
        path
        for path in sorted(options.documents.iterdir())
        if path.suffix in (".json", ".yaml", ".yml") and (not options.only or path.name in options.only)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        client = Framework("swagger-client", SWAGGER_CLIENT, "reference.mjs", folder / "swagger-client")
        fastmcp = Framework("fastmcp", FASTMCP, "fastmcp_tools.py", folder / "fastmcp")
        for each in (client, *([] if options.without_fastmcp else [fastmcp])):
            if problem := each.set_up():
                sys.exit(f"{each.name}: {problem}")
        data, scratch = Path(temporary) / "data", Path(temporary) / "documents"
        data.mkdir()
        scratch.mkdir()
        echo = Echo(options.port)
        with live_server(data, FLOWHUB_OUTBOUND_ALLOW=urlsplit(echo.origin).netloc) as server:
            (client.folder / "reference.mjs").write_text((HERE / "reference.mjs").read_text())
            reference = Worker(["node", "--max-old-space-size=6000", "reference.mjs"], client.folder)
            python = str(fastmcp.folder / "bin" / "python")
            beside = Worker([python, str(HERE / "fastmcp_tools.py")], fastmcp.folder)
            proof = Proof(
                server,
                echo,
                reference,
                None if options.without_fastmcp else beside,
                scratch,
                options.seed,
                options.most,
            )
            try:
                for path, number in zip(paths, servers_for(server, len(paths)), strict=True):
                    run(proof, path, number)
            finally:
                reference.stop()
                beside.stop()
                echo.stop()
    if options.results:
        options.results.write_text("".join(f"{json.dumps(_row(each))}\n" for each in proof.results))
    report(proof.results)


def _row(result: Result) -> dict[str, Json]:
    return {
        "document": result.document,
        "operation": result.operation,
        "verdict": result.verdict.word,
        "reasons": result.verdict.reasons,
        "fastmcp": result.beside.word,
        "fastmcpReasons": result.beside.reasons,
        "answer": result.answer,
        "leftOut": list(result.left_out),
    }


def run(proof: Proof, path: Path, number: int) -> None:
    """Call a document; prints a line for each operation."""
    print(f"== {path.name}", flush=True)
    try:
        for result in prove(proof, path, number):
            proof.results.append(result)
            reasons = " | ".join(result.verdict.reasons)[:300]
            print(f"{result.verdict.word:12} fastmcp {result.beside.word:12} {result.operation} {reasons}", flush=True)
    except NoAnswer as error:
        print(f"cannot be read: {error}", flush=True)


def report(results: list[Result]) -> None:
    """The counts, then each wrong one."""
    counts = {word: sum(each.verdict.word == word for each in results) for word in WORDS}
    beside = {word: sum(each.beside.word == word for each in results) for word in WORDS}
    print(f"\n{len({each.document for each in results})} documents, {len(results)} operations")
    print(f"FlowHub: {', '.join(summary(counts))}")
    signed = sum(any("signed" in reason for reason in each.verdict.reasons) for each in results)
    counts[EXPLAINED] -= signed
    print(f"without {signed} that are signed for AWS: {', '.join(summary(counts))}")
    optional = sum(bool(each.left_out) for each in results)
    print(f"of these {optional} without an optional credential, in place of which another one was chosen at the import")
    print(f"FastMCP: {', '.join(summary(beside))}")
    faults = Counter(reason for each in results if each.verdict.word == REFERENCE for reason in each.verdict.reasons)
    print("\nswagger-client is wrong:")
    for reason, number in faults.most_common():
        print(f"  {number} {reason}")
    for title, word in (("Explained", EXPLAINED), ("Not compared", NOT_COMPARED), ("Wrong", WRONG)):
        print(f"\n{title}:")
        alike: dict[tuple[str, str], list[str]] = {}
        for each in results:
            if each.verdict.word == word:
                alike.setdefault((each.document, " | ".join(each.verdict.reasons)[:400]), []).append(each.operation)
        for (document, reasons), operations in alike.items():
            more = f" and {len(operations) - 1} more" if len(operations) > 1 else ""
            print(f"  {document} {operations[0]}{more}: {reasons}")
    print("\nAnswers:")
    for each in results:
        if each.answer:
            print(f"  {each.document} {each.operation}: {each.answer}")


if __name__ == "__main__":
    main()
