"""A tool's definition exactly as clients get it in `tools/list`, in both eras."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types.methods
from pydantic import ValidationError

from executions.reading.drawn_answers import view_of_definition
from flows.models import Flow, FlowVersion
from flows.publishing.callers import asked_kind, graph_or_none
from flows.publishing.versions import contract_of
from mcp_bridge.catalogue.offered import LEGACY_VERSION, MODERN_VERSION
from mcp_bridge.catalogue.snapshot import in_both_eras

MODERN, LEGACY = "modern", "legacy"
ERAS = {MODERN: MODERN_VERSION, LEGACY: LEGACY_VERSION}
"""The eras, and the protocol version in whose form each is shown."""

_REST = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


@dataclass(frozen=True, slots=True)
class Definitions:
    """A tool as it is sent in each era; both are None, and `why` says so, when it cannot be sent."""

    modern: dict[str, Any] | None
    legacy: dict[str, Any] | None
    why: str = ""

    def of(self, era: str) -> dict[str, Any] | None:
        """The definition of one era."""
        return self.legacy if era == LEGACY else self.modern


def definitions(flow: Flow, version: FlowVersion | None) -> Definitions:
    """The tool of a version, of the draft without one.

    It goes through the SDK's own writer, which leaves out what a version of the protocol does not know.
    """
    contract, definition = (version.contract, version.definition) if version else (contract_of(flow), flow.definition)
    is_handed_over = (version or flow).answer_seconds is not None
    view = view_of_definition(definition)
    modern, legacy, _ = in_both_eras(
        contract, flow.server.slug, view, asks=asked_kind(graph_or_none(definition)), is_handed_over=is_handed_over
    )
    try:
        return Definitions(_sent(modern, MODERN_VERSION, _REST), _sent(legacy, LEGACY_VERSION, {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # Where in the tool: the way there begins with `tools`, 0.
        place = ".".join(str(step) for step in first["loc"][2:])
        return Definitions(None, None, f"{place}: {first['msg']}")


def _sent(tool: dict[str, Any], version: str, rest: Mapping[str, Any]) -> dict[str, Any]:
    result = mcp_types.methods.serialize_server_result("tools/list", version, {"tools": [tool], **rest})
    sent: dict[str, Any] = result["tools"][0]
    # The writer sorts the parts by its own model; people read them in the order of the contract.
    order = [key for key in tool if key in sent]
    return {key: sent[key] for key in (*order, *(key for key in sent if key not in order))}
