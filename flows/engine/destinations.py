"""Where the secrets of a node go: only into a field for a credential, and only to an origin that they are meant for.

A node type says both in its parameters' schema. In a part with `"x-credential": true` secrets may stand, in no other.
They are sent to the address in the nearest field with `"x-destination": true`: one of the same object, or of an object
around it. An origin is scheme, host and port as they stand in front of an address: `https://api.example.com`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.engine.errors import NodeFailed
from flows.engine.expressions import SecretValues, is_literal, paths_of_text, schema_of

MAX_ORIGINS = 20
"""Origins of one secret."""

# So strict that whatever reads the address later finds the same host in it: no user, no backslash, no blank.
_ORIGIN = re.compile(
    r"(https?)://([^\s/?#\\@%{}:\[\]]+|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?(?=[/?#]|\Z)", re.IGNORECASE
)
# Nothing may follow at once: what comes behind a host can make it another one.
_OWN = re.compile(r"\{\{\s*flowhub\.url\s*\}\}(?=[/?#]|\Z)")
_PORTS = {"http": "80", "https": "443"}
_SUBDOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class SecretUse:
    """A secret that a node names: `place` is where, below its parameters (`headers.authorization`).

    `destination` are the steps to the parameter with the address that it is sent to, None where no field says it.
    """

    name: str
    place: str
    is_credential: bool
    destination: tuple[str | int, ...] | None


def uses_in(parameters: Any, schema: Any) -> Iterator[SecretUse]:
    """Every secret that the parameters of a node name; malformed expressions are passed over."""
    todo: list[tuple[Any, Any, str, tuple[str | int, ...], bool, tuple[str | int, ...] | None]]
    todo = [(parameters, schema, "", (), False, None)]
    while todo:
        value, rule, place, steps, is_credential, destination = todo.pop()
        if is_literal(rule):
            continue
        is_credential = is_credential or (isinstance(rule, Mapping) and rule.get("x-credential") is True)
        if isinstance(value, str):
            for name in filter(None, (path.secret_name for path in paths_of_text(value))):
                yield SecretUse(name, place, is_credential, destination)
        elif isinstance(value, dict):
            rules = {key: schema_of(rule, key) for key in value}
            for key, of_key in rules.items():
                if isinstance(of_key, Mapping) and of_key.get("x-destination") is True:
                    destination = (*steps, key)
            todo += [
                (child, rules[key], f"{place}.{key}".lstrip("."), (*steps, key), is_credential, destination)
                for key, child in reversed(value.items())
            ]
        elif isinstance(value, list):
            of_items = schema_of(rule, None)
            todo += [
                (child, of_items, f"{place}[{index}]", (*steps, index), is_credential, destination)
                for index, child in reversed(list(enumerate(value)))
            ]


def address_at(parameters: Any, destination: tuple[str | int, ...] | None) -> str:
    """The address at these steps, expressions and all; empty when there is none."""
    if destination is None:
        return ""
    for step in destination:
        parameters = parameters[step]
    return parameters if isinstance(parameters, str) else ""


def origin_of(address: str) -> str | None:
    """The origin that an address, or the text before its first expression, names for certain; else None."""
    found = _ORIGIN.match(address)
    if found is None:
        return None
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    return f"{scheme}://{host}" if port in (None, _PORTS[scheme]) else f"{scheme}://{host}:{port}"


def is_settled(address: str) -> bool:
    """Whether it is certain where an address leads to, whatever its expressions become, or that it is FlowHub's own."""
    return _origin_for_certain(address) is not None or _OWN.match(address) is not None


def _origin_for_certain(address: str) -> str | None:
    written, is_filled, _ = address.partition("{{")
    return origin_of(written + "{{" if is_filled else written)


def allowed_origin(text: str) -> str:
    """An entry of a secret's list in its one form; raises ValueError with a sentence for the person who wrote it.

    `https://*.example.com` stands for every host below example.com.
    """
    written = text.strip().rstrip("/")
    found = _ORIGIN.fullmatch(written)
    if found is None:
        raise ValueError(f"{written[:200]!r} is no origin: write scheme and host, https://api.example.com, and no path")
    host = found[2].lower().removeprefix("*.")
    if "*" in host or (found[2].startswith("*.") and not (_SUBDOMAIN.fullmatch(host) and "." in host)):
        raise ValueError(f"{written[:200]!r}: a star stands for the hosts below a domain, https://*.example.com")
    return str(origin_of(written))


def allowed_origins(texts: Iterable[str]) -> list[str]:
    """The list of a secret, each entry in its one form and once; raises ValueError, as `allowed_origin` does."""
    origins = list(dict.fromkeys(allowed_origin(text) for text in texts if text.strip()))
    if len(origins) > MAX_ORIGINS:
        raise ValueError(f"a secret has at most {MAX_ORIGINS} origins; a star stands for the hosts below a domain")
    return origins


def is_allowed(origin: str, allowed: Iterable[str]) -> bool:
    """Whether a secret with these origins may be sent to this one."""
    scheme, _, host = origin.partition("://")
    for entry in allowed:
        if entry == origin:
            return True
        of_scheme, _, below = entry.partition("://*")
        if below and scheme == of_scheme and host.endswith(below) and _SUBDOMAIN.fullmatch(host.partition(":")[0]):
            return True
    return False


def astray(use: SecretUse, parameters: Any, allowed: Collection[str]) -> str:
    """Why a secret with these origins may not be named where a node names it; empty when it may.

    `parameters` are as the definition has them. A secret without origins may go to any address whose scheme and host
    are written out, and to FlowHub itself: then it is the flow's author who chose, and not who calls it.
    """
    reference, address = f"{{{{ secrets.{use.name} }}}}", address_at(parameters, use.destination)
    if not use.is_credential:
        return (
            f"{reference} may stand only where a credential goes: in the address, the authentication, the headers or "
            "the body of a request. Here its value would become part of what the flow works with and gives out"
        )
    if use.destination is None:
        return (
            f"{reference} may go to {', '.join(allowed)} only, and this node does not say where to" if allowed else ""
        )
    origin = _origin_for_certain(address)
    if not allowed and not is_settled(address):
        return (
            f"whoever calls this flow would choose where {reference} goes: write scheme and host of the address out, "
            "https://api.example.com, or say on the Secrets page which origins it may go to"
        )
    if origin is not None and allowed and not is_allowed(origin, allowed):
        return (
            f"{reference} may go to {', '.join(allowed)} only, and this request goes to {origin}: change the address, "
            "or the origins of the secret on the Secrets page"
        )
    return ""


def check(uses: Collection[SecretUse], parameters: Any, secrets: Mapping[str, str]) -> None:
    """Refuse to give a node its secrets, where one would go to an origin that is not among its own; raises NodeFailed.

    `parameters` have their expressions filled in. A secret without origins may go wherever its flow sends it.
    """
    bound = secrets.origins if isinstance(secrets, SecretValues) else {}
    for use in uses:
        allowed = bound.get(use.name)
        if not allowed:
            continue
        origin = origin_of(address_at(parameters, use.destination))
        if origin is None or not is_allowed(origin, allowed):
            raise NodeFailed(
                f"{{{{ secrets.{use.name} }}}} may go to {', '.join(allowed)}, and this request would take it to "
                f"{origin or 'an address that names no origin'}. Nothing was sent. The origins of a secret are on the "
                "server's Secrets page.",
                for_client="This flow may not send its credential to that address, so nothing was sent.",
                is_final=True,
            )
