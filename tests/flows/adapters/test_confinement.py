"""What the workers of the sandbox can no longer do, as the system says of their processes."""

import logging
import shutil
import sys
from pathlib import Path

import pytest

from flows.adapters.confinement import ADDRESS_SPACE_MIB, OPEN_FILES, confined_worker
from flows.adapters.sandbox import SandboxedCode
from tests.flows.adapters.test_sandbox import workers

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the system are for Linux"),
]


async def test_a_worker_writes_nothing_opens_little_and_gains_no_privileges() -> None:
    before, sandbox = set(workers()), SandboxedCode()
    assert await sandbox.run("len('x' * 40_000_000)", {}, lambda text: None) == 40_000_000
    [worker] = [Path(f"/proc/{pid}") for pid in set(workers()) - before]
    lines = (worker / "limits").read_text().splitlines()[1:]
    limits = {line[:26].strip(): tuple(line[26:].split()[:2]) for line in lines}
    space = str(ADDRESS_SPACE_MIB * 1024 * 1024)
    assert {name: limits[name] for name in ("Max core file size", "Max file size", "Max open files")} == {
        "Max core file size": ("0", "0"),
        "Max file size": ("0", "0"),
        "Max open files": (str(OPEN_FILES), str(OPEN_FILES)),
    }
    assert limits["Max address space"] == (space, space)
    status = dict(line.split(":\t", 1) for line in (worker / "status").read_text().splitlines())
    assert status["NoNewPrivs"] == ("1" if shutil.which("setpriv") else "0")
    assert (worker / "environ").read_bytes() == b""
    await sandbox.close()


def test_the_log_says_what_is_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    worker = confined_worker(tmp_path)
    assert worker is not None
    assert [(each.name, each.stat().st_mode & 0o777) for each in tmp_path.iterdir()] == [(Path(worker).name, 0o700)]
    assert (
        "no core dumps, no writing of files, 16 open files, 256 MiB of address space, no new privileges" in caplog.text
    )


async def test_where_the_limits_cannot_be_set_code_runs_without_them_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert confined_worker(tmp_path / "not there") is None
    assert "workers of the sandbox run without limits of the system: " in caplog.text
