"""Which origin an address names, which a secret may be sent to, and where in a node secrets may stand."""

from typing import Any

import pytest

from flows.engine.destinations import SecretUse, allowed_origin, allowed_origins, astray, is_allowed, origin_of, uses_in

SCHEMA = {
    "properties": {
        "url": {"x-destination": True},
        "headers": {"x-credential": True},
        "auth": {"x-credential": True, "properties": {"tokenUrl": {"x-destination": True}}},
        "more": {"items": {"properties": {"url": {"x-destination": True}, "key": {"x-credential": True}}}},
        "source": {"x-literal": True},
        "text": {},
    }
}


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://API.example.com", "https://api.example.com"),
        ("https://api.example.com:443/a?b#c", "https://api.example.com"),
        ("http://api.example.com:8080/", "http://api.example.com:8080"),
        ("http://[::1]:80/x", "http://[::1]"),
        ("https://api.example.com?x=1", "https://api.example.com"),
        ("ftp://api.example.com/", None),
        ("//api.example.com/", None),
        (" https://api.example.com/", None),
        ("https://api.example.com@other.example/", None),
        ("https://api.example.com\\@other.example/", None),
        ("https://api.example.com:80x/", None),
        ("https://api.exam%70le.com/", None),
        ("https://api.example.com\t.other.example/", None),
        ("https://{host}/", None),
        ("https:///x", None),
        ("", None),
    ],
)
def test_an_address_names_its_origin_for_certain_or_none(address: str, origin: str | None) -> None:
    assert origin_of(address) == origin


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        (" HTTPS://Api.Example.com/ ", "https://api.example.com"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://*.example.com:443", "https://*.example.com"),
    ],
)
def test_an_allowed_origin_has_one_form(written: str, entry: str) -> None:
    assert allowed_origin(written) == entry


@pytest.mark.parametrize(
    "written",
    ["api.example.com", "https://api.example.com/v1", "https://*", "https://*.com", "https://a.*.example.com"],
)
def test_what_is_no_origin_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no origin: write scheme and host|a star stands for the hosts below"):
        allowed_origin(written)


def test_a_list_of_origins_holds_each_once_and_so_many() -> None:
    assert allowed_origins(["https://a.example", "", "https://A.example/"]) == ["https://a.example"]
    with pytest.raises(ValueError, match="at most 20 origins"):
        allowed_origins(f"https://h{number}.example" for number in range(21))


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        ("https://api.example.com", True),
        ("https://a.b.example.com", True),
        ("https://example.com", False),
        ("http://api.example.com", False),
        ("https://api.example.com:8443", False),
        ("https://evilexample.com", False),
        ("https://other.example", True),
        ("https://sub.other.example", False),
    ],
)
def test_a_star_stands_for_the_hosts_below_a_domain(origin: str, fits: bool) -> None:
    assert is_allowed(origin, ["https://*.example.com", "https://other.example"]) is fits


def test_each_secret_is_found_with_the_address_that_it_goes_to() -> None:
    parameters = {
        "url": "https://a.example",
        "headers": {"x": "{{ secrets.A }} {{ trigger.x ?? secrets.B }}"},
        "auth": {"tokenUrl": "https://login.example", "secret": "{{ secrets.C }}"},
        "more": [{"key": "{{ secrets.D }}", "url": "https://d.example"}, {"key": "{{ secrets.E }}"}],
        "source": "{{ secrets.F }}",
        "text": "{{ secrets.G }} {{ secrets }} {{ broken",
    }
    assert list(uses_in(parameters, SCHEMA)) == [
        SecretUse("A", "headers.x", True, ("url",)),
        SecretUse("B", "headers.x", True, ("url",)),
        SecretUse("C", "auth.secret", True, ("auth", "tokenUrl")),
        SecretUse("D", "more[0].key", True, ("more", 0, "url")),
        SecretUse("E", "more[1].key", True, ("url",)),
        SecretUse("G", "text", False, ("url",)),
    ]


@pytest.mark.parametrize(
    ("url", "allowed", "why"),
    [
        ("https://a.example/{{ trigger.x }}", [], ""),
        ("https://a.example/{{ trigger.x }}", ["https://a.example"], ""),
        ("{{ trigger.url }}", ["https://a.example"], ""),
        ("{{ flowhub.url }}/api/", [], ""),
        ("{{ flowhub.url }}{{ trigger.x }}/", [], "whoever calls this flow would choose where"),
        ("{{ flowhub.url ?? trigger.url }}/", [], "whoever calls this flow would choose where"),
        ("{{ trigger.url }}", [], "whoever calls this flow would choose where"),
        ("https://{{ trigger.host }}/", [], "whoever calls this flow would choose where"),
        ("https://a.example{{ trigger.rest }}", [], "whoever calls this flow would choose where"),
        ("https://b.example/", ["https://a.example"], "may go to https://a.example only, and this request goes to"),
    ],
)
def test_a_secret_goes_where_its_author_or_its_origins_say(url: str, allowed: list[str], why: str) -> None:
    parameters: dict[str, Any] = {"url": url, "headers": {"x": "{{ secrets.A }}"}}
    [use] = uses_in(parameters, SCHEMA)
    assert astray(use, parameters, allowed).partition("{{ secrets.A }} ")[2 if why[:3] == "may" else 0].startswith(why)


def test_a_node_that_says_no_address_takes_no_bound_secret() -> None:
    parameters = {"key": "{{ secrets.A }}"}
    [use] = uses_in(parameters, {"properties": {"key": {"x-credential": True}}})
    assert astray(use, parameters, []) == ""
    assert astray(use, parameters, ["https://a.example"]) == (
        "{{ secrets.A }} may go to https://a.example only, and this node does not say where to"
    )
