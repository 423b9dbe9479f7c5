"""`docs/limits.md` says what the code says."""

from pathlib import Path

import pytest
from django.core.management import call_command

from flowhub.limits import Limit, limits, page
from tests.live import ROOT


def test_the_page_lists_the_limits_of_the_code() -> None:
    found = page(limits(ROOT))
    assert (ROOT / "docs" / "limits.md").read_text() == found, "run manage.py list_limits --write"


def test_each_limit_says_what_it_limits() -> None:
    assert [f"{each.module}.{each.name}" for each in limits(ROOT) if not each.meaning] == []


def test_the_command_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("list_limits")
    assert capsys.readouterr().out == page(limits(ROOT))


def test_a_limit_is_read_with_its_value_its_unit_and_its_words(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text("""
from flowhub import env

MAX_PARTS = 5_000
MAX_BYTES = 2 * 1024**2
\"\"\"Of one file; in two
lines.\"\"\"
MAX_LEVELS = 3  # deeper is cut
# ---
# How long a | client waits.
# And no longer.
_MAX_WAIT_SECONDS = env.integer("FLOWHUB_MAX_WAIT", 3600)
MAXIMAL = 1
LEAST = 1


class Case:
    MAX_LENGTH = 10
    \"\"\"Characters of a name.\"\"\"
""")
    found = limits(tmp_path)
    assert found == [
        Limit("flows", "MAX_PARTS", 5000, ""),
        Limit("flows", "MAX_BYTES", 2 * 1024 * 1024, "Of one file; in two lines."),
        Limit("flows", "MAX_LEVELS", 3, "Deeper is cut."),
        Limit("flows", "_MAX_WAIT_SECONDS", 3600, "How long a | client waits. And no longer.", "FLOWHUB_MAX_WAIT"),
        Limit("flows.Case", "MAX_LENGTH", 10, "Characters of a name."),
    ]
    assert [each.shown for each in found] == ["5,000", "2 MiB", "3", "3,600 s", "10 characters"]
    assert page(found).partition("\n## ")[2].splitlines() == [
        "flows",
        "",
        "| limit | value | of what | module |",
        "|---|---|---|---|",
        "| `MAX_PARTS` | 5,000 |  | `flows` |",
        "| `MAX_BYTES` | 2 MiB | Of one file; in two lines. | `flows` |",
        "| `MAX_LEVELS` | 3 | Deeper is cut. | `flows` |",
        "| `_MAX_WAIT_SECONDS` | 3,600 s | How long a \\| client waits. And no longer. `FLOWHUB_MAX_WAIT` | `flows` |",
        "| `MAX_LENGTH` | 10 characters | Characters of a name. | `flows.Case` |",
    ]


def test_a_limit_that_is_no_number_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "odd.py").write_text("MAX_PARTS = len('abc')\n")
    with pytest.raises(ValueError, match=r"^flows\.odd\.MAX_PARTS: write the limit as a number"):
        limits(tmp_path)
