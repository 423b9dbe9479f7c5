"""Imports operations of a document into a server of FlowHub by REST, as somebody with a key does."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from compatibility.openapi.calls import request_of, secret_value
from compatibility.openapi.documents import Json, moved
from compatibility.openapi.workers import SECONDS
from tests.live import LiveServer

SERVERS = """
import json
from mcp_bridge.models import ApiKey
from tests.factories import make_server
owner = ApiKey.objects.get(name="demo").owner
print(json.dumps([make_server(owner, f'api-{{number}}').pk for number in range({number})]))
"""
_SECRET = re.compile(r"\{\{\s*secrets\.(\w+)\s*\}\}")


@dataclass(frozen=True)
class Made:
    """What an import made of an operation: a `problem`, or a flow with its number and the parameters of its node."""

    problem: str = ""
    notes: Sequence[str] = ()
    flow: int | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    schema: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """What came of a document: `refused` says why nothing did, else the operations that are listed, by their keys."""

    refused: str = ""
    operations: Mapping[str, Made] = field(default_factory=dict)
    secrets: Sequence[str] = ()


class _Refused(Exception):
    """FlowHub's answer of 4xx or 5xx."""


def servers_for(server: LiveServer, number: int) -> list[int]:
    """New servers of the demo's owner."""
    said = server.manage("shell", "--verbosity", "0", "--command", SERVERS.format(number=number))
    found: list[int] = json.loads(said.stdout.strip().splitlines()[-1])
    return found


def imported(server: LiveServer, number: int, document: Path, origin: str, base: str, keys: Sequence[str]) -> Imported:
    """Import operations into the server of a number; `base` is where the document says that its system is."""
    at = f"/api/servers/{number}"
    body = document.read_bytes()
    try:
        said = _sent(server, f"{at}/import/preview/", body, [("limit", "1")])
        address = moved(said["address"], origin)
    except _Refused as error:
        address = moved(base, origin)
        if '"address"' not in str(error):
            return Imported(refused=str(error))
    try:
        items = _listed(server, at, body, address, keys)
    except _Refused as error:
        return Imported(refused=str(error))
    names = sorted(set(_SECRET.findall(json.dumps([item["flow"] for item in items]))))
    for name in names:
        _sent(server, f"{at}/secrets/", json.dumps({"name": name, "value": secret_value(name)}).encode(), [])
    return Imported("", _made(server, at, body, address, items), names)


def _listed(server: LiveServer, at: str, body: bytes, address: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    """What the preview says of operations, without those that it does not know; raises _Refused."""
    left = list(keys)
    while left:
        asked = [("address", address), ("limit", "100"), *(("operations", key) for key in left)]
        try:
            found: list[dict[str, Any]] = _sent(server, f"{at}/import/preview/", body, asked)["items"]
            return found
        except _Refused as error:
            unknown = [key for key in left if repr(key[:100]) in json.loads(str(error)).get("operations", [""])[0]]
            if not unknown:
                raise
            left = [key for key in left if key not in unknown]
    return []


def _made(server: LiveServer, at: str, body: bytes, address: str, items: list[dict[str, Any]]) -> dict[str, Made]:
    """Import what can be made: all at once, or one by one where that is refused."""
    able = [item for item in items if item["flow"]]
    found = {item["key"]: Made(item["problem"], item["notes"]) for item in items}
    if not able:
        return found
    try:
        asked = [("address", address), *(("operations", item["key"]) for item in able)]
        numbers = {row["toolName"]: row["id"] for row in _sent(server, f"{at}/import/", body, asked)["items"]}
    except _Refused as error:
        if len(able) == 1:
            return found | {able[0]["key"]: Made(str(error), able[0]["notes"])}
        for item in able:
            found |= _made(server, at, body, address, [item])
        return found
    for item in able:
        flow = item["flow"]
        number, parameters = numbers[item["toolName"]], request_of(flow["definition"])
        found[item["key"]] = Made("", item["notes"], number, parameters, flow["inputSchema"])
    return found


def _sent(server: LiveServer, path: str, body: bytes, query: Sequence[tuple[str, str]]) -> Any:
    """POST; raises _Refused with the answer's text."""
    kind = "application/json" if body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"[")) else "application/yaml"
    headers = {"Authorization": f"Bearer {server.credentials['key']}", "Content-Type": kind}
    request = urllib.request.Request(f"{server.url}{path}?{urlencode(query)}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise _Refused(error.read().decode(errors="replace")[:2000]) from None
    except OSError as error:
        raise _Refused(f'{{"timeout": "{error}"}}') from None
