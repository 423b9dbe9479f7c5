"""REST against its OpenAPI document: a few generated requests an operation; `tests.document` sends all of them."""

import os
import subprocess
import sys

import pytest

from tests.live import ROOT


@pytest.mark.timeout(300)
def test_every_operation_answers_as_the_document_says() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "tests.document", "--examples", "2", "--phases", "fuzzing"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2_000:]
