"""What docs/architecture.md, the READMEs of the rooms and README.md say of the code is so."""

import importlib
import re
from pathlib import Path

import pytest

from flows.nodes import BUILTIN_NODE_TYPES
from tests.live import ROOT

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
README = (ROOT / "README.md").read_text()
PACKAGES = ("flows", "executions", "mcp_bridge")
NO_ROOMS = {"migrations", "management", "templatetags"}
ROOMS = sorted(
    str(path.parent.relative_to(ROOT))
    for package in PACKAGES
    for path in (ROOT / package).glob("*/__init__.py")
    if path.parent.name not in NO_ROOMS
)
WITH_CODE = {"flows/engine", "flows/nodes", "flows/mcp_apps"}
"""Rooms whose __init__.py says something: what the engine is, the list of node types, all of MCP Apps."""


def rows(page: str, head: str) -> list[list[str]]:
    """The cells of every table that begins with this head."""
    tables = re.findall(rf"^\| {re.escape(head)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    return [[cell.strip() for cell in row.strip("|").split("|")] for table in tables for row in table.splitlines()]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def readme(room: str) -> str:
    return (ROOT / room / "README.md").read_text()


def first_sentence(room: str) -> str:
    paragraph = " ".join(readme(room).split("\n\n")[1].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


def test_every_room_is_listed_with_the_sentence_that_its_readme_begins_with() -> None:
    listed = {named(room)[0]: sentence for room, sentence in rows(ARCHITECTURE, "room")}
    assert listed == {room: first_sentence(room) for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_s_readme_names_its_modules_and_no_others(room: str) -> None:
    there = {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    said = {name for holds, *_ in rows(readme(room), "module") for name in named(holds)} - {"__init__.py"}
    assert said == there


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_s_readme_is_short_and_says_what_holds_there(room: str) -> None:
    text = readme(room)
    if room != "flows/engine":  # the model that is longer than the others
        assert len(text.splitlines()) <= 40
        assert "\n**Imports.** " in text
        assert "\n**Rule" in text


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_s_init_holds_nothing(room: str) -> None:
    assert ((ROOT / room / "__init__.py").read_text() == "") is (room not in WITH_CODE)


def test_every_object_of_a_process_is_there() -> None:
    objects = [name for name, _ in rows(ARCHITECTURE, "object") for name in named(name)]
    assert len(objects) > 10
    for name in objects:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_every_module_that_the_architecture_names_is_there() -> None:
    names = set(re.findall(r"\b(?:flowhub|mcp_bridge|executions|flows)(?:\.[a-z_]+)+\b", ARCHITECTURE))
    objects = {name for name, _ in rows(ARCHITECTURE, "object") for name in named(name)}
    missing = {name for name in names - objects if not _exists(ROOT / name.replace(".", "/"))}
    assert missing == set()
    assert {path for path in named(ARCHITECTURE) if path.endswith(".py") and not (ROOT / path).is_file()} == set()


def _exists(path: Path) -> bool:
    return path.is_dir() or path.with_suffix(".py").is_file()


def test_every_model_says_who_writes_it() -> None:
    models = {
        name
        for package in PACKAGES
        for name in re.findall(
            # Not the abstract ones, which have no rows.
            r"^class (?!ServerOffer\b|Revised\b)(\w+)\((?:models\.Model|ServerOffer|Revised)\)",
            (ROOT / package / "models.py").read_text(),
            re.MULTILINE,
        )
    }
    assert {name for cell, _ in rows(ARCHITECTURE, "rows") for name in named(cell)} == models


def test_the_readme_lists_every_node_type() -> None:
    listed = [name for cell, _ in rows(README, "node") for name in named(cell)]
    assert sorted(listed) == sorted(node_type.type for node_type in BUILTIN_NODE_TYPES)


@pytest.mark.parametrize("package", [*PACKAGES])
def test_the_layout_in_the_readme_names_every_room(package: str) -> None:
    layout = README.partition("## Layout")[2].partition("```\n")[2].partition("```")[0]
    lines = re.search(rf"^{package}/.*\n(?:  .*\n)*", layout, re.MULTILINE)
    assert lines is not None
    assert set(re.findall(r"\b([a-z_]+)/", lines[0])) - {package} == {
        room.partition("/")[2] for room in ROOMS if room.startswith(f"{package}/")
    }


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", *ROOMS])
def test_every_link_to_a_file_leads_to_one(page: str) -> None:
    path = ROOT / page if page.endswith(".md") else ROOT / page / "README.md"
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
