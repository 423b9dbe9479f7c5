"""The header that tells FlowHub whose node calls it."""

from typing import Any

import pytest

from flows.adapters import lineage
from flows.adapters.lineage import HEADER, Lineage, headers_for, read

ME = Lineage("01a20676-9b50-763a-b704-55b808f94883", 3)


@pytest.fixture(autouse=True)
def running() -> None:
    lineage.running.set(lambda: ME)


@pytest.mark.parametrize(
    ("allowed", "host", "is_own"),
    [
        (["flows.example.com", "127.0.0.1"], "flows.example.com", True),
        (["flows.example.com", "127.0.0.1"], "127.0.0.1", True),
        ([".example.com"], "flows.example.com", True),
        (["flows.example.com"], "example.com", False),
        (["*"], "flows.example.com", False),
    ],
)
def test_the_header_goes_to_flowhub_s_own_hosts_alone(
    settings: Any, allowed: list[str], host: str, is_own: bool
) -> None:
    settings.ALLOWED_HOSTS = allowed
    sent = dict(headers_for(host))
    assert (read(sent[HEADER.encode()].decode()) == ME) if is_own else sent == {}


@pytest.mark.parametrize("header", ["", "a b", "01a20676-9b50-763a-b704-55b808f94883 1", "x 1:forged"])
def test_what_flowhub_has_not_signed_tells_nothing(header: str) -> None:
    assert read(header) is None


def test_outside_of_an_execution_nothing_is_sent() -> None:
    lineage.running.set(None)
    assert headers_for("127.0.0.1") == []
