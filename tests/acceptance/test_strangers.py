"""What who has no key learns at the doors, and how long somebody guesses keys: nothing, and not long."""

import httpx2
import pytest
import websockets
from websockets.asyncio.client import connect as open_socket

from mcp_bridge.keys.guesses import MAX_OF_ADDRESS, SECONDS
from tests.live import LiveServer
from tests.mcp_client import MODERN
from tests.wire import ENVELOPE

pytestmark = pytest.mark.anyio

ELSEWHERE = "127.0.0.2"
"""An address of this machine from which no other test calls."""
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": MODERN,
    "Mcp-Method": "tools/list",
}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": ENVELOPE}}


def client(address: str = "127.0.0.1") -> httpx2.AsyncClient:
    """An HTTP client that calls from this address."""
    return httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(local_address=address), headers=HEADERS, timeout=30)


VARIES = ("date", "set-cookie", "content-security-policy")
"""Headers whose values, or their order, differ from answer to answer."""


def seen(answer: httpx2.Response, named: str) -> tuple[int, str]:
    """All that an answer tells, with the name that was asked for left out."""
    headers = [f"{name}: {value}" for name, value in answer.headers.items() if name not in VARIES]
    return answer.status_code, "\n".join([*headers, answer.text]).replace(f"/{named}", "/…")


async def test_who_has_no_key_of_a_server_cannot_tell_whether_there_is_one(server: LiveServer) -> None:
    async with client() as http:
        for key in ("", "fh_unknown"):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            there, missing, odd = [
                seen(await http.post(f"{server.url}/mcp/{slug}", json=LIST, headers=headers), slug)
                for slug in ("demo", "nowhere", "de%0Amo")
            ]
            assert there[0] == 401
            assert there == missing == odd
            challenge = 'www-authenticate: Bearer realm="flowhub"' + (', error="invalid_token"' if key else "")
            where = f', resource_metadata="{server.url}/.well-known/oauth-protected-resource/mcp/…", scope="mcp:call"'
            assert challenge + where in there[1].splitlines()
        get = [seen(await http.get(f"{server.url}/mcp/{slug}"), slug) for slug in ("demo", "nowhere")]
        assert get[0] == get[1]
        assert get[0][0] == 401
        prm = "/.well-known/oauth-protected-resource/mcp"
        about = [seen(await http.get(f"{server.url}{prm}/{slug}"), slug) for slug in ("demo", "dmeo")]
        assert about[0][0] == 200
        assert about[0] == about[1]
        headers = {"Authorization": f"Bearer {server.credentials['key']}"}
        mistyped = await http.post(f"{server.url}/mcp/dmeo", json=LIST, headers=headers)
    assert mistyped.status_code == 401
    assert mistyped.json()["error"]["message"] == (
        "Nobody is let in here without an API key that opens a published server at this address, or a client "
        "that has signed in to it. Check both: the address, and the header Authorization: Bearer fh_..."
    )


async def test_who_is_not_logged_in_cannot_tell_what_there_is_behind_other_doors(server: LiveServer) -> None:
    flow = server.get_json("/api/flows/?search=greet")["items"][0]["id"]
    server.post_json(f"/api/flows/{flow}/test/", {"arguments": {"name": "Ada", "n": 1}})
    execution = server.get_json("/api/executions/?limit=1")["items"][0]["id"]
    ids = {"flow": (str(flow), "987654321"), "execution": (execution, execution[:-12] + "0" * 12)}
    pages = {
        "flow": ("/flows/{}/", "/api/flows/{}/", "/flows/{}/tool/", "/api/flows/{}/export/"),
        "execution": ("/executions/{}/", "/api/executions/{}/", "/executions/{}/ui/"),
    }
    async with client() as http:
        for kind, (there, missing) in ids.items():
            for page in pages[kind]:
                answers = [seen(await http.get(server.url + page.format(each)), each) for each in (there, missing)]
                assert answers[0] == answers[1], page
                assert answers[0][0] in (302, 401)
    codes = []
    for each in ids["flow"]:
        url = server.url.replace("http", "ws") + f"/ws/flows/{each}/"
        async with open_socket(url, origin=websockets.Origin(server.url)) as socket:
            await socket.wait_closed()
            codes.append(socket.close_code)
    assert codes == [4401, 4401]


async def test_after_some_unknown_keys_an_address_is_told_to_wait_and_a_right_key_still_works(
    server: LiveServer,
) -> None:
    async with client(ELSEWHERE) as elsewhere, client() as http:

        async def status(client: httpx2.AsyncClient, key: str) -> int:
            headers = {"Authorization": f"Bearer {key}"}
            return (await client.post(f"{server.url}/mcp/demo", json=LIST, headers=headers)).status_code

        # Two windows may meet while it guesses.
        tries = [await status(elsewhere, f"fh_{number}") for number in range(2 * MAX_OF_ADDRESS + 1)]
        assert set(tries) == {401, 429}
        refused = await elsewhere.post(
            f"{server.url}/mcp/demo", json=LIST, headers={"Authorization": "Bearer fh_one-more"}
        )
        assert 0 < int(refused.headers["retry-after"]) <= SECONDS
        message = refused.json()["error"]["message"]
        assert message == (
            "Too many unknown API keys came from this address. Check the key; again in "
            f"{refused.headers['retry-after']} s."
        )
        assert await status(elsewhere, server.credentials["key"]) == 200
        assert await status(http, "fh_unknown") == 401
    assert "fh_one-more" not in server.log
    assert f"{MAX_OF_ADDRESS} guesses (key by address, {ELSEWHERE}): no more for " in server.log
