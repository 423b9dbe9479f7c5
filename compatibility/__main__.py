"""Install frameworks, start a FlowHub with odd tools, let each framework load and call them, and write the table."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compatibility.constructs import CONSTRUCTS, ODD, PLAIN, Construct
from tests.live import ROOT, LiveServer, server_on

HERE = Path(__file__).resolve().parent
PAGE = ROOT / "docs" / "frameworks.md"
PREPARE = """
from django.core.management import call_command
from compatibility.servers import publish_all
call_command("migrate", verbosity=0)
publish_all()
"""
INSTALL_SECONDS = 1800
VISIT_SECONDS = 1200

HEAD = """# Frameworks and schemas

What agent frameworks make of the tools of a FlowHub; written by `python -m compatibility --write`, see its
[README](../compatibility/README.md). Each construct stands in one of the two tools of a server. An empty cell: the
framework loads both, and calls it. *Tool lost*: it does not offer that tool to its model. **All lost**: neither the
other, so one such tool takes a whole server away. *Not strict*: it sends the tool without the strict mode that it was
asked for. The lint names what stands here before a tool is published.
"""

Seen = Mapping[str, Mapping[str, Any]]
"""What a framework made of the constructs, each by its slug: the tools `listed`, then `answer` or `error`."""

WORKS, NOT_STRICT, FAILS, LOST, ALL_LOST, NOT_RUN = "", "not strict", "call fails", "tool lost", "**all lost**", "?"
"""What stands in the table."""


@dataclass(frozen=True)
class Framework:
    """A framework and the environment that it is installed in."""

    name: str
    install: list[str]
    driver: str
    folder: Path

    @property
    def version(self) -> str:
        """The pinned version."""
        return self.install[0].replace("==", "@").rpartition("@")[2]

    def set_up(self) -> str:
        """Install it, unless that was done before; what went wrong, or nothing."""
        mark = self.folder / "installed.json"
        if mark.exists() and json.loads(mark.read_text()) == self.install:
            return ""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.driver.endswith(".py"):
            subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
            pip = [self.folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command = [*pip, "--no-input", *self.install]
        else:
            (self.folder / "package.json").write_text('{"private": true}\n')
            command = ["npm", "install", "--silent", "--no-audit", "--no-fund", *self.install]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            return f"not installed: {done.stderr.strip().splitlines()[-1:]}"
        mark.write_text(json.dumps(self.install))
        return ""

    @property
    def seen(self) -> Seen:
        """What it made of each construct when it was run last."""
        stored = self.folder / "seen.json"
        return json.loads(stored.read_text()) if stored.exists() else {}

    def visit(self, url: str) -> None:
        """Let it load and call the tools of every server."""
        visits = [
            {"url": f"{url}/mcp/{slug}", "tool": ODD, "arguments": construct.arguments}
            for slug, construct in CONSTRUCTS.items()
        ]
        driver = HERE / "drivers" / self.driver
        command = [self.folder / "bin" / "python", driver]
        if driver.suffix == ".mjs":
            # Packages are found from where a program lies.
            for name in (self.driver, "visits.mjs"):
                (self.folder / name).write_text((HERE / "drivers" / name).read_text())
            command = ["node", self.folder / self.driver]
        # Frameworks print what they please, so the results have a file of their own.
        results = self.folder / "results.jsonl"
        results.write_text("")
        with (self.folder / "visits.log").open("w") as log:
            subprocess.run(
                [*command, results],
                input=json.dumps(visits),
                stdout=log,
                stderr=log,
                text=True,
                cwd=self.folder,
                timeout=VISIT_SECONDS,
                check=False,
            )
        seen = [json.loads(line) for line in results.read_text().splitlines()]
        (self.folder / "seen.json").write_text(json.dumps(dict(zip(CONSTRUCTS, seen, strict=False))))


def verdict(construct: Construct, seen: Mapping[str, Any] | None) -> str:
    """What a framework made of a construct, in a word or two."""
    if not seen:
        return NOT_RUN
    listed = seen.get("listed", [])
    if ODD not in listed:
        return LOST if PLAIN in listed else ALL_LOST
    expected = construct.expected or f"answered {json.dumps(construct.arguments)[:-1]}"
    if expected not in str(seen.get("answer", "")).replace("\\", ""):
        return FAILS
    return NOT_STRICT if "(not strict)" in seen["answer"] else WORKS


def main() -> None:
    """Run as said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m compatibility", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where to install; kept, and used again (else a temporary one)")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="frameworks to run; the others stay as they were")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        frameworks = [
            Framework(name, found["install"], found["driver"], folder / found["driver"].partition(".")[0])
            for name, found in tomllib.loads((HERE / "frameworks.toml").read_text()).items()
        ]
        data = Path(temporary) / "data"
        data.mkdir()
        server = server_on(data)
        server.manage("shell", "--verbosity", "0", "--command", PREPARE)
        server.start("serve", "--port", str(server.port))
        try:
            for each in frameworks:
                if options.only is None or each.name in options.only:
                    run(each, server)
        finally:
            server.stop()
        text = page(frameworks)
    print(text)
    if options.write:
        PAGE.write_text(text)


def run(framework: Framework, server: LiveServer) -> None:
    """Install and visit; prints what was seen."""
    print(f"== {framework.name} {framework.version}", flush=True)
    if problem := framework.set_up():
        print(problem)
        return
    try:
        framework.visit(server.url)
    except subprocess.TimeoutExpired:
        print("no end in time")
    for slug, construct in CONSTRUCTS.items():
        found = framework.seen.get(slug, {})
        said = " ".join(str(found.get("error") or found.get("answer")).split())
        print(f"{slug:15} {verdict(construct, found) or 'works':12} {said[:200]}", flush=True)


def page(frameworks: list[Framework]) -> str:
    """The page of the docs: the table, and what was said where something did not work."""
    names = " | ".join(f"{each.name}<br>{each.version}" for each in frameworks)
    rows = [f"| construct | rule of the lint | {names} |", "|---" * (2 + len(frameworks)) + "|"]
    said: dict[str, list[str]] = {}
    for slug, construct in CONSTRUCTS.items():
        verdicts = [verdict(construct, each.seen.get(slug)) for each in frameworks]
        rule = f"`{construct.rule}`" if construct.rule else ""
        rows.append(f"| {construct.title} | {rule} | {' | '.join(verdicts)} |")
        for each, word in zip(frameworks, verdicts, strict=True):
            found = each.seen.get(slug, {})
            told = re.sub(r"http://127\.0\.0\.1:\d+", "", str(found.get("error") or found.get("answer") or ""))
            if told and word in (FAILS, LOST, ALL_LOST):
                told = " ".join(told.split())[:120].replace("`", "")
                said.setdefault(f"{construct.title}: `{told}`", []).append(each.name)
    told = [f"- {what} ({', '.join(names)})" for what, names in said.items()]
    return "\n".join([HEAD, *rows, "", "## What was said", "", *told, ""])


if __name__ == "__main__":
    main()
