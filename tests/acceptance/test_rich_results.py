"""Answers of every kind, and the pages that draw them, as the SDK's client gets them in both eras."""

from collections.abc import Iterator
from typing import Any

import pytest
from mcp import MCPError
from mcp.client import advertise

from flows import mcp_apps
from tests.definitions import beside, chain, node
from tests.live import LiveServer
from tests.mcp_client import ERAS, LEGACY, MODERN, connect
from tests.published import published

pytestmark = pytest.mark.anyio

EXTENSION = "io.modelcontextprotocol/ui"
MIME = "text/html;profile=mcp-app"
APPS = advertise(EXTENSION, {"mimeTypes": [MIME]})
LIMITED_KEY = "fh_rich-results-key-0123456789abcdef"

BLOCKS: list[dict[str, Any]] = [
    {"type": "text", "text": "Chart:", "annotations": {"audience": ["user"], "priority": 0.5}},
    {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png", "annotations": {"priority": 1.0}},
    {"type": "audio", "data": "UklGRg==", "mimeType": "audio/wav"},
    {"type": "resource", "resource": {"uri": "report:7", "mimeType": "text/csv", "text": "a,b"}},
    {"type": "resource", "resource": {"uri": "https://example.com/b", "mimeType": "image/png", "blob": "AAEC"}},
    {
        "type": "resource_link",
        "uri": "https://example.com/r.pdf",
        "name": "r",
        "title": "R",
        "description": "The report.",
        "mimeType": "application/pdf",
        "size": 3,
        "annotations": {"lastModified": "2026-11-22T10:00:00Z"},
    },
]
STATS = {"title": "Shop", "stats": [{"label": "Orders", "value": 7}]}
PAGE = {"title": "Weather", "html": "<h1>Berlin</h1>", "text": "Berlin: sunny."}
FLOWS: dict[str, dict[str, Any]] = {
    "blocks": {
        "definition": beside(
            node("media", "return_content", content=BLOCKS),
            node("words", "return", text="Done."),
            node("value", "return", json={"n": 1}),
        )
    },
    "shop": {"definition": chain(node("figures", "ui_stat_card", **STATS))},
    "weather": {"definition": chain(node("page", "ui_html", **PAGE))},
    "greeting": {"definition": chain(node("page", "ui_html", html="<b>{{ trigger.name }}</b>", text="Hello."))},
}


@pytest.fixture(scope="module")
def server(uvicorn_server: LiveServer) -> Iterator[LiveServer]:
    with published(uvicorn_server, FLOWS):
        yield uvicorn_server


def wire(model: Any) -> dict[str, Any]:
    whole = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    for name in ("resultType", "ttlMs", "cacheScope"):
        whole.pop(name, None)
    return whole


@pytest.mark.parametrize("era", ERAS)
async def test_blocks_of_every_kind_and_of_several_nodes_arrive_whole_and_in_order(
    server: LiveServer, era: str
) -> None:
    async with connect(server, era) as client:
        result = wire(await client.call_tool("blocks", {}))
    execution = server.get_json(f"/api/executions/{result['_meta']['flowhub/executionId']}/")
    # The SDK's model takes resultType for granted.
    assert execution["result"] == result | ({"resultType": "complete"} if era == MODERN else {})
    assert {name: value for name, value in result.items() if name != "_meta"} == {
        "content": [*BLOCKS, {"type": "text", "text": "Done."}, {"type": "text", "text": '{"n": 1}'}],
        "structuredContent": {"n": 1},
        "isError": False,
    }


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_with_a_picture_names_the_page_that_draws_it(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        tools = {tool.name: tool.meta for tool in (await client.list_tools()).tools}
        # The handshake's capabilities have no place for extensions; hosts go by the tools.
        assert client.server_capabilities.extensions == ({EXTENSION: {}} if era == MODERN else None)
        page = wire(await client.read_resource(tools["shop"]["ui"]["resourceUri"]))["contents"]
    named = {name: meta for name, meta in tools.items() if meta}
    assert named == {
        "greeting": {"ui": {"resourceUri": "ui://demo/greeting/page"}},
        "shop": {"ui": {"resourceUri": "ui://demo/shop/figures"}},
        "weather": {"ui": {"resourceUri": "ui://demo/weather/page"}},
    }
    assert page == [
        {
            "uri": "ui://demo/shop/figures",
            "mimeType": MIME,
            "text": mcp_apps.document(),
            "_meta": {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}},
        }
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_html_is_the_page_itself_unless_each_call_fills_it_in(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        own = wire(await client.read_resource("ui://demo/weather/page"))["contents"][0]["text"]
        filled_in = wire(await client.read_resource("ui://demo/greeting/page"))["contents"][0]["text"]
        result = wire(await client.call_tool("greeting", {"name": "Ada"}))
    assert (own, filled_in) == (mcp_apps.own_document("<h1>Berlin</h1>", "Page"), mcp_apps.document())
    assert result["content"] == [{"type": "text", "text": "Hello."}]
    assert result["structuredContent"] == {"ui": "html", "title": "", "html": "<b>Ada</b>", "text": "Hello."}


@pytest.mark.parametrize("era", ERAS)
async def test_pages_are_listed_for_clients_that_draw_them(server: LiveServer, era: str) -> None:
    async with connect(server, era) as client:
        assert [str(each.uri) for each in (await client.list_resources()).resources] == ["demo:order-states"]
    async with connect(server, era, extensions=[APPS]) as client:
        stored, *listed = wire(await client.list_resources())["resources"]
    assert stored["uri"] == "demo:order-states"
    assert [entry["uri"] for entry in listed] == [
        "ui://demo/greeting/page",
        "ui://demo/shop/figures",
        "ui://demo/weather/page",
    ]
    assert listed[1] == {
        "uri": "ui://demo/shop/figures",
        "name": "shop_view",
        "title": "Shop",
        "description": "Draws what the tool shop answers.",
        "mimeType": MIME,
        "_meta": {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}},
    }


@pytest.fixture(scope="module")
def limited_key(server: LiveServer) -> str:
    """A key that opens one tool."""
    program = (
        "from django.contrib.auth import get_user_model; from mcp_bridge.models import ApiKey; "
        f"ApiKey.issue(get_user_model().objects.get(is_superuser=True), 'rich', key='{LIMITED_KEY}', tools=['weather'])"
    )
    server.manage("shell", "--no-imports", "-c", program)
    return LIMITED_KEY


@pytest.mark.parametrize(("era", "code"), [(MODERN, -32602), (LEGACY, -32002)])
async def test_a_page_that_is_not_there_or_not_for_this_key_is_not_found(
    server: LiveServer, limited_key: str, era: str, code: int
) -> None:
    async with connect(server, era, key=limited_key) as client:
        assert (await client.read_resource("ui://demo/weather/page")).contents
        for uri in ("ui://demo/shop/figures", "ui://demo/weather/other", "ui://internal/x/y"):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            error = caught.value.error
            assert (error.code, error.message, error.data) == (code, _not_found(uri), {"uri": uri})


def _not_found(uri: str) -> str:
    return (
        f"There is no resource at {uri!r} on this server. resources/list and resources/templates/list name what "
        "there is."
    )
