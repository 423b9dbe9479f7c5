"""Every address of the URLconf by every method that it takes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from flows.values.scopes import Scope

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Door:
    """An address by one method; `scope` is what it needs, where it says so."""

    name: str
    route: str
    method: str
    scope: Scope | None
    names_object: bool
    view: Any


def patterns(resolver: Any, route: str = "", space: str = "") -> Iterator[tuple[str, str, URLPattern]]:
    """Every pattern below a resolver: its name, its whole route, itself."""
    for each in resolver.url_patterns:
        at = route + str(each.pattern)
        if isinstance(each, URLResolver):
            inside = f"{space}{each.namespace}:" if each.namespace else space
            yield from patterns(each, at, inside)
        else:
            yield space + (each.name or ""), at, each


def doors() -> list[Door]:
    """Every door of the URLconf; a page that says no methods is asked by GET and by POST."""
    found = []
    for name, route, pattern in patterns(get_resolver()):
        view = pattern.callback
        cls = getattr(view, "cls", None)
        for method in METHODS:
            if cls is not None and (
                not hasattr(cls, method.lower()) or method.lower() not in getattr(cls, "http_method_names", [])
            ):
                continue
            if cls is None and method not in ("GET", "POST"):
                continue
            scope = getattr(cls, "scopes", {}).get(method) if cls else None
            scope = getattr(view, "acts", None) if cls is None and method == "POST" else scope
            found.append(Door(name, route, method, scope, "<" in route and "admin/" not in route, view))
    return sorted(found, key=lambda door: (door.route, door.method))


def address_of(door: Door, ids: dict[str, Any]) -> str:
    """The address of a door with the ids of things by the names that routes give them."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2].rpartition(":")[2]
        special = {
            ("flows:server-resource", "offer_id"): ids["resource"],
            ("flows:server-resource-delete", "offer_id"): ids["resource"],
            ("flows:node-type", "name"): "return",
            ("oauth:resource", "slug"): "shared",
            ("bridge:tool-raw", "name"): ids["tool"],
            ("executions:inputs", "slug"): "answer",
            ("api-node-inputs", "slug"): "answer",
        }
        return str(special.get((door.name, name), ids.get(name, "1")))

    plain = re.sub(r"[\^\\$]|/\?$", "", re.sub(r"\(\?P<(\w+)>[^)]*\)|<([^>]+)>", value, door.route))
    return "/" + plain.removeprefix("/")
