"""Clients that only sign in: from the first 401 to a call that is recorded, with the Python SDK's own OAuth client."""

import pytest

from tests.live import LiveServer
from tests.signing_in import Kept, signed_in

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_only_signs_in_calls_a_server_that_is_not_public(server: LiveServer, mode: str) -> None:
    kept = Kept()
    async with signed_in(server, kept, mode=mode) as client:
        result = await client.call_tool("greet", {"name": "Ada", "n": 1})
    assert [block.text for block in result.content] == ["Hello, Ada! 1"]
    assert kept.tokens is not None
    assert kept.tokens.expires_in == 3600
    assert kept.tokens.scope == "mcp:call"
    record = server.get_json(f"/api/executions/{result.meta['flowhub/executionId']}/")
    assert record["caller"]["principal"] == f"Signing client of {server.credentials['username']}"
    # Whoever has a token is not asked again.
    async with signed_in(server, kept, mode=mode) as client:
        assert (await client.call_tool("greet", {"name": "Bo", "n": 2})).is_error is False
    assert len(kept.pages) == 1
