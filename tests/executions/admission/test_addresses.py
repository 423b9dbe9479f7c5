"""Whose calls are counted together when nobody shows a key."""

from typing import Any

import pytest

from executions.admission.addresses import address_of


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": (peer, 1234) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        (None, ""),
    ],
)
def test_a_caller_is_the_address_of_the_peer_and_of_ipv6_its_network(peer: str | None, counted: str) -> None:
    assert address_of(scope(peer)) == counted


def test_what_a_caller_says_of_itself_is_not_believed() -> None:
    assert address_of(scope("203.0.113.5", "198.51.100.1")) == "203.0.113.5"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "counted"),
    [
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
        (1, ["10.9.9.9", "198.51.100.1"], "198.51.100.1"),
        (2, ["10.9.9.9, 198.51.100.1, 192.0.2.7"], "198.51.100.1"),
        (2, ["198.51.100.1"], "127.0.0.1"),
        (1, [], "127.0.0.1"),
        (1, ["no address at all"], "no address at all"),
    ],
)
def test_behind_so_many_trusted_proxies_it_is_the_address_that_the_first_of_them_saw(
    settings: Any, proxies: int, forwarded: list[str], counted: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert address_of(scope("127.0.0.1", *forwarded)) == counted
