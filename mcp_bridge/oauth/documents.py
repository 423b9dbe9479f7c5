"""Client id metadata documents: a client named by an address, fetched through FlowHub's guarded client."""

import json
from typing import Any

from asgiref.sync import async_to_sync
from oauth2_provider.cimd import CIMDError

from flows.adapters.http_client import outbound_client
from flows.engine.errors import NodeFailed
from mcp_bridge.oauth.registration import MAX_REDIRECT_URIS, MAX_REGISTRATION_BYTES, clean_name, why_no_redirect

FETCH_SECONDS = 5.0
KEPT_SECONDS = 3600
"""How long a document is believed."""


class GuardedFetcher:
    """What the toolkit fetches documents with, by its setting CIMD_METADATA_FETCHER."""

    def fetch(self, client_id: str) -> tuple[dict[str, Any], int]:
        """The document at an https address, held to what a registration is held to; raises CIMDError."""
        if not client_id.startswith("https://"):
            raise CIMDError("the address of a client's document begins with https://")
        try:
            answer = async_to_sync(outbound_client().request)(
                "GET", client_id, headers={"accept": "application/json"}, timeout=FETCH_SECONDS
            )
        except NodeFailed as failed:
            raise CIMDError(failed.message) from None
        if answer.status != 200 or len(answer.body) > MAX_REGISTRATION_BYTES:
            raise CIMDError(f"status {answer.status}, {len(answer.body):,} bytes")
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            raise CIMDError("the document is no JSON") from None
        if not isinstance(document, dict):
            raise CIMDError("the document is no JSON object")
        uris = document.get("redirect_uris")
        if not isinstance(uris, list) or not 0 < len(uris) <= MAX_REDIRECT_URIS:
            raise CIMDError(f"redirect_uris is a list of 1 to {MAX_REDIRECT_URIS} addresses")
        for uri in uris:
            if why := why_no_redirect(uri):
                raise CIMDError(why)
        return document | {"client_name": clean_name(document.get("client_name"))}, KEPT_SECONDS
