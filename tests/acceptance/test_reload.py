"""`serve --reload`, which `make dev` starts: whoever changes FlowHub sees it without starting anything again."""

import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowhub import reload
from tests.live import ROOT, LiveServer, server_on, wait_until

SECONDS = 120


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """FlowHub's source, to be changed."""
    copy = tmp_path / "source"
    for folder in (*reload.PACKAGES, "templates", "static"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", copy)
    return copy


@pytest.fixture
def server(source: Path, tmp_path: Path) -> Iterator[LiveServer]:
    """What `make dev` starts, but for what builds the canvas."""
    server = server_on(tmp_path, FLOWHUB_DEBUG="1")
    options = ["--port", str(server.port), "--migrate", "--demo", "--banner", "--reload"]
    with server.output.open("w") as output:
        server.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", *options],
            cwd=source,
            env=server.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    yield server
    assert server.stop() == 0


def read(server: LiveServer, path: str) -> str:
    with urllib.request.urlopen(server.url + path, timeout=20) as answer:
        return answer.read().decode()


def becomes(server: LiveServer, path: str, text: str) -> None:
    def answered() -> bool:
        try:
            return text in read(server, path)
        except OSError:
            return False

    wait_until(answered, SECONDS, lambda: f"{text!r} is not in {path}:\n{server.log}")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.timeout(3 * SECONDS)
def test_pages_styles_and_modules_that_change_are_answered_anew(server: LiveServer, source: Path) -> None:
    becomes(server, "/login/", "Build flows, publish them as tools")
    wait_until(lambda: f"Dashboard  {server.url}/\n" in server.log, SECONDS, lambda: f"no banner:\n{server.log}")

    edit(source / "templates" / "account" / "login.html", "Build flows, publish them", "Draw flows, publish them")
    assert "Draw flows, publish them as tools" in read(server, "/login/")
    edit(source / "static" / "css" / "flowhub.css", "--radius: 8px", "--radius: 80px")
    assert "--radius: 80px" in read(server, "/static/css/flowhub.css")
    assert "Changed: " not in server.log

    edit(source / "flowhub" / "health.py", '"alive": True', '"alive": "and kicking"')
    becomes(server, "/healthz", '"alive": "and kicking"')
    assert "Changed: flowhub/health.py. Starting again ...\n" in server.log
    assert server.log.count("Demo loaded: 4 new flows.\n") == server.log.count("Demo loaded") == 1
