"""The route of a call: which functions of FlowHub one `tools/call` of three nodes enters, from the wire and back.

    python benchmarks/route.py --route

Calls a tool through the whole ASGI application, in one process without a socket, and watches the call that follows once
everything is warm. Counts what is entered in FlowHub's packages, how often the route changes from one file to another,
how often the body is parsed, and how often JSON is written on the event loop. Ends with status 1 when something is
above what is allowed. With `--route` it prints the route in order.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import tools

from mcp_bridge.servers.host import current_host

ROOT = tools._flowhub.ROOT

PACKAGES = ("flowhub", "mcp_bridge", "executions", "flows")
ALLOWED = {"functions": 93, "files": 29, "parses of the body": 1, "writings of JSON": 11}

PARSERS = {"from_json", "validate_json", "loads"}
WRITERS = {"dumps", "encode", "to_json", "model_dump_json"}
JSON_MODULES = ("json", "orjson", "pydantic_core", "pydantic")


@dataclass
class Route:
    """What was entered, in order, each as file and function; a coroutine once, however often it goes on."""

    entered: list[tuple[str, str]] = field(default_factory=list)
    parses: list[str] = field(default_factory=list)
    writings: list[str] = field(default_factory=list)
    _frames: set[FrameType] = field(default_factory=set)
    _names: dict[CodeType, tuple[str, str] | None] = field(default_factory=dict)

    def watch(self, frame: FrameType, event: str, what: Any) -> None:
        """Take an event of `sys.setprofile`."""
        if event == "call" and frame not in self._frames:
            self._frames.add(frame)
            if (name := self._name_of(frame.f_code)) is not None:
                self.entered.append(name)
            elif _is_json(frame.f_globals.get("__name__")):
                self._note(frame.f_code.co_name, frame.f_back)
        elif event == "c_call" and _is_json(what.__module__ or type(getattr(what, "__self__", None)).__module__):
            self._note(what.__name__, frame)

    def _note(self, name: str, frame: FrameType | None) -> None:
        if frame is None or _is_json(frame.f_globals.get("__name__")) or frame.f_globals is vars(tools):
            return
        where = f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"
        if name in PARSERS:
            self.parses.append(where)
        elif name in WRITERS:
            self.writings.append(where)

    def _name_of(self, code: CodeType) -> tuple[str, str] | None:
        if code not in self._names:
            path = Path(code.co_filename)
            is_ours = path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
            # What a function is written as: a comprehension is a line of it.
            is_own = code.co_name not in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>")
            name = (path.relative_to(ROOT).as_posix(), code.co_qualname) if is_ours and is_own else None
            self._names[code] = name
        return self._names[code]

    def counts(self) -> dict[str, int]:
        """The numbers, by what they count."""
        files = [file for file, _ in self.entered]
        return {
            "functions": len(set(self.entered)),
            "calls": len(self.entered),
            "files": len(set(files)),
            "changes of file": sum(one != other for one, other in pairwise(files)),
            "parses of the body": len(self.parses),
            "writings of JSON": len(self.writings),
        }


def _is_json(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in JSON_MODULES


@contextmanager
def watched() -> Iterator[Route]:
    """Watch this thread."""
    route = Route()
    sys.setprofile(route.watch)
    try:
        yield route
    finally:
        sys.setprofile(None)


async def route_of_a_call(key: str) -> Route:
    """The shortest route of ten calls, in the era without sessions; now and then a call meets a clock that is due."""
    client, routes = tools.Client(key, 1, tools.MODERN), []
    try:
        for _ in range(10):
            with watched() as route:
                await client.call()
            routes.append(route)
        return min(routes, key=lambda route: len(route.entered))
    finally:
        await current_host().aclose()


def main() -> None:
    """Measure, say what is allowed, and leave nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--route", action="store_true", help="Print the route in order.")
    options = parser.parse_args()
    try:
        route = asyncio.run(route_of_a_call(tools.prepare(1)))
    finally:
        tools.clean_up()
    if options.route:
        for file, function in route.entered:
            print(f"{file:44}{function}")
    counts = route.counts()
    for name, number in counts.items():
        print(f"{name:20}{number:5}" + (f"   allowed {ALLOWED[name]}" if name in ALLOWED else ""))
    print("parsed by", ", ".join(route.parses))
    print("written by", ", ".join(route.writings))
    sys.exit(any(counts[name] > most for name, most in ALLOWED.items()))


if __name__ == "__main__":
    main()
