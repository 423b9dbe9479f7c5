"""The checks say what is wrong with an installation before it serves."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import run_checks


def said() -> list[str | None]:
    """What `manage.py check` would show."""
    return [message.id for message in run_checks() if not message.is_silenced()]


def test_a_fresh_installation_has_nothing_to_say() -> None:
    assert said() == []


def test_an_allow_list_that_cannot_be_read_is_an_error(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = "not an address"
    assert said() == ["flowhub.E001"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FLOWHUB_DEBUG", "maybe", "FLOWHUB_DEBUG='maybe': write 1 or 0."),
        ("FLOWHUB_ENVIRONMENT", "moon", "FLOWHUB_ENVIRONMENT='moon': write one of local, production."),
        ("FLOWHUB_PUBLIC_URL", "flows.example.com", "FLOWHUB_PUBLIC_URL='flows.example.com': write scheme and host"),
        ("FLOWHUB_DATABASE_URL", "mysql://x/y", "FLOWHUB_DATABASE_URL must start with sqlite:// or postgres://"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_with_what_to_write(
    name: str, value: str, message: str, tmp_path: object
) -> None:
    environment = os.environ | {"FLOWHUB_DATA": str(tmp_path), name: value}
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert message in done.stderr
