"""The plug-in of docs/plugins.md, built from the page, installed by pip and used by a real process."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import ROOT, LiveServer, server_on

PAGE = (ROOT / "docs" / "plugins.md").read_text()

CALL = """
import json
from django.contrib.auth import get_user_model
from executions.acting.trials import caller_of, try_out
from executions.running.targets import draft_target
from flows.models import Server
from flows.transfer import files
user = get_user_model().objects.create(username="ada")
server = Server.objects.create(slug="plugins", name="Plugins", owner=user)
[flow] = files.import_contents(server, files.read(open({path!r}).read()), {{}}).flows
executions = [try_out(draft_target(flow), {{"text": text}}, caller_of(user)) for text in ("one two three", " ")]
print(json.dumps([[each.status, each.result, each.failed_node_name] for each in executions]))
"""


def block(language: str) -> str:
    """The page's one code block in a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def wheel(folder: Path, name: str, module: str, source: str, entry_points: dict[str, str]) -> Path:
    """A package of one module, as its build backend makes it; built here, because that would have to be downloaded."""
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    points = "\n".join(f"{key} = {value}" for key, value in entry_points.items())
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[flowhub.node_types]\n{points}\n",
    }
    sums = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},"
        for path, text in files.items()
    ]
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in (files | {f"{info}/RECORD": "\n".join([*sums, f"{info}/RECORD,,\n"])}).items():
            archive.writestr(inside, text)
    return path


@pytest.fixture
def server(tmp_path: Path) -> LiveServer:
    """A process's surroundings: a data folder of its own, and a folder with plug-ins."""
    found = server_on(tmp_path / "data", PYTHONPATH=str(tmp_path / "plugins"))
    found.data.mkdir()
    return found


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., None]:
    """Install a package of one module with pip, where the server's processes find it; nothing is downloaded."""

    def run(name: str, module: str, source: str, entry_points: dict[str, str]) -> None:
        built = wheel(tmp_path, name, module, source, entry_points)
        options = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--target"]
        command = [sys.executable, "-m", "pip", "install", *options, str(tmp_path / "plugins"), str(built)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    return run


def project() -> dict[str, Any]:
    """The page's pyproject.toml."""
    return tomllib.loads(block("toml"))


def test_the_plug_in_of_the_page_is_installed_and_its_flow_runs(
    server: LiveServer, install: Callable[..., None], tmp_path: Path
) -> None:
    package = project()["project"]
    [module] = project()["tool"]["setuptools"]["py-modules"]
    install(package["name"], module, block("python"), package["entry-points"]["flowhub.node_types"])
    assert "no issues" in server.manage("check").stderr + server.manage("check").stdout
    server.manage("migrate", "--verbosity", "0")
    flow = tmp_path / "flow.json"
    flow.write_text(block("json"))
    said = server.manage("shell", "--verbosity", "0", "-c", CALL.format(path=str(flow))).stdout
    fulfilled, failed = json.loads(said.splitlines()[-1])
    content = [{"type": "text", "text": '{"words": 3}'}]
    assert fulfilled == ["fulfilled", {"content": content, "isError": False, "structuredContent": {"words": 3}}, ""]
    assert (failed[0], failed[2]) == ("error", "Count")
    assert "There are no words to count. Give a text." in failed[1]["content"][0]["text"]


def test_broken_plug_ins_are_left_out_logged_and_shown_by_check(
    server: LiveServer, install: Callable[..., None], tmp_path: Path
) -> None:
    source = block("python")
    install("no-import", "no_import", "import no_such_module\n", {"no_import": "no_import:Node"})
    install(
        "no-handles",
        "no_handles",
        source.replace("    handles =", "    ways ="),
        {"unfinished": "no_handles:WordCount"},
    )
    install("taken", "taken", source.replace('"word_count"', '"trigger"'), {"taken": "taken:WordCount"})
    install("no-schema", "no_schema", source.replace('"object"', '"thing"'), {"no_schema": "no_schema:WordCount"})
    done = server.manage("check")
    left_out = re.findall(r"\(flowhub\.W001\) Node type left out: (\w+) \((\S+)\): (\w+): ", done.stderr)
    assert sorted(left_out) == [
        ("no_import", "no_import:Node", "ModuleNotFoundError"),
        ("no_schema", "no_schema:WordCount", "ValidationError"),
        ("taken", "taken:WordCount", "ValueError"),
        ("unfinished", "no_handles:WordCount", "TypeError"),
    ]
    for name, *_ in left_out:
        assert f"The node type '{name}' could not be loaded" in done.stderr
    listed = "from flows.nodes import *; print('http_request' in registry(), 'word_count' in registry())"
    assert server.manage("shell", "--verbosity", "0", "-c", listed).stdout.splitlines()[-1] == "True False"
