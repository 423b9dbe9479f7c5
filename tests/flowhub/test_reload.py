"""What stands behind `serve --reload`: a command that is begun again whenever the code changes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowhub.reload import BUILT, PACKAGES
from tests.live import ROOT, wait_until

SUPERVISOR = """
import sys
from pathlib import Path
from flowhub.reload import serve_and_reload
serve_and_reload(Path(sys.argv[1]), [sys.executable, sys.argv[1] + "/flows/program.py"], sys.argv[2:])
"""

PROGRAM = """
import signal, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
try:
    print("{word} began", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("{word} ended", flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
    program = tmp_path / "flows" / "program.py"
    program.write_text(PROGRAM.format(word="first"))
    return program


@pytest.fixture
def supervisor(program: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with (tmp_path / "said").open("w") as output:
        # As npm does, what runs beside begins another program.
        begins = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', {PROGRAM.format(word='beside')!r}])"
        command = [sys.executable, "-c", SUPERVISOR, str(tmp_path), sys.executable, "-c", begins]
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, text=True)
    yield process
    process.terminate()  # with all that it has begun
    process.wait(timeout=10)


@pytest.fixture
def says(supervisor: subprocess.Popen[str], tmp_path: Path) -> Callable[[str], str]:
    """Wait until the program, or who watches it, has said something; gives back all that was said."""

    def wait(words: str) -> str:
        output = tmp_path / "said"
        wait_until(lambda: words in output.read_text(), 30, lambda: f"{words!r} was not said:\n{output.read_text()}")
        return output.read_text()

    return wait


def test_a_change_ends_the_program_in_peace_and_begins_it_anew(program: Path, says: Callable[[str], str]) -> None:
    says("first began")
    program.write_text(PROGRAM.format(word="second"))
    says("first ended\nsecond began")


def test_a_program_that_is_broken_begins_again_when_it_is_mended(program: Path, says: Callable[[str], str]) -> None:
    says("first began")
    program.write_text("a sentence is no program")
    says("SyntaxError")
    program.write_text(PROGRAM.format(word="mended"))
    says("mended began")


def test_other_files_change_nothing(program: Path, tmp_path: Path, says: Callable[[str], str]) -> None:
    says("first began")
    (tmp_path / "flows" / "README.md").write_text("words")
    (tmp_path / "flows" / "data.json").write_text("{}")
    assert "README" not in says("Changed: flows/data.json. Starting again")


def test_who_ends_the_one_ends_the_other(supervisor: subprocess.Popen[str], says: Callable[[str], str]) -> None:
    says("first began")
    supervisor.terminate()
    assert supervisor.wait(timeout=30) == 0
    says("first ended")


def test_what_runs_beside_ends_with_it_and_all_that_it_has_begun(
    supervisor: subprocess.Popen[str], says: Callable[[str], str]
) -> None:
    says("first began")
    says("beside began")
    supervisor.terminate()
    assert supervisor.wait(timeout=30) == 0
    says("beside ended")


def test_a_canvas_that_was_built_anew_is_served_and_one_that_is_the_same_changes_nothing(
    tmp_path: Path, says: Callable[[str], str]
) -> None:
    says("first began")
    built = tmp_path / BUILT
    built.parent.mkdir(parents=True)
    built.write_text("{}")
    assert says("Changed: dist/builder/.vite/manifest.json.").count("Changed") == 1
    built.write_text("{}")
    (tmp_path / "flows" / "data.json").write_text("{}")
    assert says("Changed: flows/data.json. Starting again").count("Changed") == 2
