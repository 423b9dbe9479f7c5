"""Where the secrets of a server are named: in drafts, and in what clients call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flows.engine.destinations import astray, uses_in
from flows.engine.expressions import has_expression, paths_in
from flows.engine.graph import examine, objects_in
from flows.engine.paths import Path
from flows.models import Flow, FlowVersion, Server
from flows.nodes import registry
from flows.nodes.credentials import CLIENT_CREDENTIALS, credentials_in


@dataclass(frozen=True, slots=True)
class Use:
    """A flow that names a secret: in its draft, in the version that clients call, or in both."""

    flow: Flow
    in_draft: bool
    version: FlowVersion | None
    astray: str = ""
    """Why the version could not be published today: the secret stands, or goes, where it may not."""


def uses_of(server: Server) -> Mapping[str, list[Use]]:
    """The uses of each secret by its name, also of secrets that are not there; flows in the order of their names."""
    uses: defaultdict[str, list[Use]] = defaultdict(list)
    origins = dict(server.secrets.values_list("name", "origins"))
    for flow in server.flows.select_related("published_version"):
        drafted, version = names_in(flow.definition), flow.published_version
        called = names_in(version.definition) if version else set()
        graph = examine(version.definition, registry())[0] if version and called else None
        why = {
            use.name: fault
            for node in (graph.order if graph else ())
            for use in node.secrets
            if (fault := astray(use, node.parameters, origins.get(use.name, ())))
        }
        for name in drafted | called:
            uses[name].append(Use(flow, name in drafted, version if name in called else None, why.get(name, "")))
    return uses


def names_in(definition: Any) -> set[str]:
    """The secrets that a definition names, also in nodes that nothing leads to."""
    found: set[str] = set()
    for node in objects_in(definition, "nodes"):
        registered = registry().get(str(node.get("type")))
        schema = registered.node_type.parameters_schema if registered else None
        found |= {use.name for use in uses_in(node.get("parameters", {}), schema)}
    return found


def meanings_in(definitions: Iterable[Any]) -> dict[str, str]:
    """What secrets are for that stand in definitions as credentials, by name: `header X-Api-Key for api.test`."""
    found: dict[str, str] = {}
    nodes = (node for definition in definitions for node in objects_in(definition, "nodes"))
    for parameters in (given for node in nodes if isinstance(given := node.get("parameters"), dict)):
        for _, auth in credentials_in(parameters):
            for field, words in _words_of(auth, parameters).items():
                for _, path in paths_in(auth.get(field), ""):
                    if isinstance(path, Path) and path.secret_name:
                        found.setdefault(path.secret_name, words)
    return found


def _words_of(auth: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    """What the fields of a credential hold, and for which system."""
    kind, name = auth.get("type"), str(auth.get("name", ""))
    where = _place(auth.get("tokenUrl") if kind == CLIENT_CREDENTIALS else parameters.get("url"))
    match kind:
        case "bearer":
            words = {"secret": "token"}
        case "basic":
            words = {"username": "user name", "secret": "password, which may be empty,"}
        case "header" | "cookie":
            words = {"secret": f"{kind} {name}"}
        case "query":
            words = {"secret": f"query parameter {name}"}
        case _ if kind == CLIENT_CREDENTIALS:
            words = {"clientId": "client id", "secret": "client secret"}
        case _:
            words = {}
    return {field: f"{said} for {where}" if where else said.rstrip(",") for field, said in words.items()}


def _place(url: Any) -> str:
    """The host of an address; empty where it is not known yet."""
    try:
        return (urlsplit(url).hostname or "") if isinstance(url, str) and not has_expression(url.split("?")[0]) else ""
    except ValueError:
        return ""
