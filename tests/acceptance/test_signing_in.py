"""Clients that only sign in: from the first 401 to a call that is recorded, with the Python SDK's own OAuth client."""

import os
import re
import subprocess
from pathlib import Path

import httpx2
import pytest

from tests.live import LiveServer, free_port, wait_until
from tests.people import person
from tests.signing_in import Kept, answer, signed_in

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


@pytest.mark.node
def test_the_official_suite_of_authorization_servers_finds_no_failure(
    uvicorn_server: LiveServer, tmp_path: Path
) -> None:
    port, here = free_port(), uvicorn_server.url
    callback = f"http://127.0.0.1:{port}/callback"
    metadata = {"redirect_uris": [callback], "token_endpoint_auth_method": "none"}
    client = httpx2.post(f"{here}/oauth/register/", json=metadata).json()["client_id"]
    folder, output = Path(os.environ["FLOWHUB_TEST_NODE"]), tmp_path / "output"
    program = folder / "node_modules" / "conformance" / "dist" / "index.js"
    options = ["--url", here, "--client-id", client, "--resource", f"{here}/mcp/demo", "-p", str(port)]
    with output.open("w") as out:
        running = subprocess.Popen([folder / "node", program, "authorization", *options], stdout=out, stderr=out)
    try:
        wait_until(lambda: "Callback server started" in output.read_text(), 30, output.read_text)
        page = re.search(rf"{here}/oauth/authorize/\S+", output.read_text())
        assert page
        with person(uvicorn_server) as somebody:
            httpx2.get(callback, params=answer(somebody, page[0]))
        assert running.wait(timeout=30) == 0, output.read_text()
    finally:
        running.kill()
        running.wait(timeout=10)
    assert "Total: 2 passed, 0 failed" in output.read_text()
