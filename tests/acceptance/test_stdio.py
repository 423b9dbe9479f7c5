"""`python -m mcp_bridge.stdio`, driven by the SDK's own stdio client: everything of both eras goes through it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import ElicitResult, ToolListChangedNotification

from tests.definitions import answer, chain, node
from tests.live import ROOT, LiveServer, free_port
from tests.mcp_client import ERAS, LEGACY, MODERN
from tests.published import published

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

WAITING = 20.0
"""Seconds for what a busy machine may take."""


@asynccontextmanager
async def through_stdio(
    url: str, era: str, *, key: str, errors: IO[str], slug: str = "demo", folder: Path = ROOT, **more: Any
) -> AsyncIterator[Client]:
    """A client whose only way to FlowHub is the program's stdin and stdout."""
    program = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_bridge.stdio", "--server", slug, "--url", url],
        env={"FLOWHUB_KEY": key, "PYTHONPATH": str(ROOT)},
        cwd=folder,
    )
    mode = "legacy" if era == LEGACY else "auto"
    async with Client(stdio_client(program, errlog=errors), mode=mode, read_timeout_seconds=WAITING, **more) as client:
        yield client


@pytest.fixture
def errors(tmp_path: Path) -> Iterator[IO[str]]:
    """What the program says to people."""
    with (tmp_path / "errors").open("w+") as file:
        yield file


def said(errors: IO[str]) -> str:
    errors.seek(0)
    return errors.read()


@pytest.mark.parametrize("era", ERAS)
async def test_tools_are_listed_and_called_and_errors_come_through(
    uvicorn_server: LiveServer, era: str, errors: IO[str], tmp_path: Path
) -> None:
    key = uvicorn_server.credentials["key"]
    async with through_stdio(uvicorn_server.url, era, key=key, errors=errors, folder=tmp_path) as client:
        assert client.session.protocol_version == (MODERN if era == MODERN else "2025-11-25")
        assert {"greet", "lookup_order"} <= {tool.name for tool in (await client.list_tools()).tools}
        greeted = await client.call_tool("greet", {"name": "Zoë \u2028 😀", "n": 2**70})
        assert greeted.content[0].text == f"Hello, Zoë \u2028 😀! {2**70}"
        order = await client.call_tool("lookup_order", {"order_id": "A-10481"})
        assert order.structured_content["customer"] == "Ada Lovelace"
        unknown = await client.call_tool("lookup_order", {"order_id": "A-0"})
        assert (unknown.is_error, "There is no order A-0" in unknown.content[0].text) == (True, True)
        with pytest.raises(MCPError, match="There is no tool 'nothing'"):
            await client.call_tool("nothing", {})
    assert said(errors) == ""


@pytest.mark.parametrize("era", ERAS)
async def test_progress_and_changes_of_the_tool_list_come_through(
    uvicorn_server: LiveServer, era: str, errors: IO[str]
) -> None:
    key, changed = uvicorn_server.credentials["key"], asyncio.Event()
    heard: list[Any] = []

    async def on_progress(value: float, total: float | None, message: str | None) -> None:
        heard.append((value, message))

    async def on_message(message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed.set()

    definition = chain(node("first", "delay", seconds=0.1), node("second", "delay", seconds=0.1), answer("done"))
    with published(uvicorn_server, {f"steps_{era[:4]}": {"definition": definition}}) as ids:
        [name] = ids
        async with through_stdio(uvicorn_server.url, era, key=key, errors=errors, message_handler=on_message) as client:
            await client.call_tool(name, {}, progress_callback=on_progress)
            assert [message for _, message in heard] == ["First", "Second", "Answer"]
            if era == LEGACY:
                await until_told(uvicorn_server, changed)
            else:
                async with client.listen(tools_list_changed=True) as subscription:
                    with published(uvicorn_server, {"one_more": {"definition": chain(answer(1))}}):
                        async with asyncio.timeout(WAITING):
                            await anext(aiter(subscription))


async def until_told(server: LiveServer, changed: asyncio.Event) -> None:
    """The stream of news opens after the handshake, some time; what is published before that is not told."""
    async with asyncio.timeout(WAITING):
        while not changed.is_set():
            with published(server, {"one_more": {"definition": chain(answer(1))}}):
                await asyncio.wait([asyncio.create_task(changed.wait())], timeout=1)


@pytest.mark.parametrize("era", ERAS)
async def test_a_flow_asks_through_stdio(uvicorn_server: LiveServer, era: str, errors: IO[str]) -> None:
    async def on_question(context: Any, params: Any) -> ElicitResult:
        return ElicitResult(action="accept", content={"reason": f"because of {params.message}"})

    form = {"type": "object", "properties": {"reason": {"type": "string"}}, "required": ["reason"]}
    definition = chain(node("ask", "ask_user", message="rain", schema=form), answer("{{ ask.content.reason }}"))
    definition["connections"][-1]["sourceHandle"] = "accept"
    key = uvicorn_server.credentials["key"]
    with published(uvicorn_server, {f"asking_{era[:4]}": {"definition": definition}}) as [name]:
        async with through_stdio(
            uvicorn_server.url, era, key=key, errors=errors, elicitation_callback=on_question
        ) as client:
            assert (await client.call_tool(name, {})).content[0].text == '"because of rain"'


async def test_parameters_that_are_repeated_in_headers_are_repeated(
    uvicorn_server: LiveServer, errors: IO[str]
) -> None:
    region = {"type": "string", "x-mcp-header": "Region"}
    fields = {
        "inputSchema": {"type": "object", "properties": {"region": region}},
        "definition": chain(answer("{{ trigger.region }}")),
    }
    key = uvicorn_server.credentials["key"]
    with published(uvicorn_server, {"routed": fields}):
        async with through_stdio(uvicorn_server.url, MODERN, key=key, errors=errors) as client:
            await client.list_tools()
            assert (await client.call_tool("routed", {"region": "Zürich"})).content[0].text == '"Zürich"'


@pytest.mark.parametrize(
    ("slug", "key", "says"),
    [
        ("demo", "fh_wrong", "FlowHub refuses the key in FLOWHUB_KEY for {url}/mcp/demo"),
        ("demo", "", "{url}/mcp/demo needs a key: set FLOWHUB_KEY"),
        ("nowhere", "fh_wrong", "FlowHub refuses the key in FLOWHUB_KEY for {url}/mcp/nowhere"),
    ],
)
@pytest.mark.parametrize("era", ERAS)
async def test_a_wrong_key_or_server_is_told_to_the_client_and_on_stderr(
    uvicorn_server: LiveServer, era: str, slug: str, key: str, says: str, errors: IO[str]
) -> None:
    says = says.format(url=uvicorn_server.url)
    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        async with through_stdio(uvicorn_server.url, era, key=key, errors=errors, slug=slug):
            pass
    assert says in told(caught.value)
    assert says in said(errors)


@pytest.mark.parametrize("era", ERAS)
async def test_an_address_where_nothing_answers_is_told_too(era: str, errors: IO[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        async with through_stdio(url, era, key="fh_any", errors=errors):
            pass
    assert f"FlowHub does not answer at {url}/mcp/demo. Is it running" in told(caught.value)
    assert "FlowHub does not answer" in said(errors)


def told(error: BaseException) -> str:
    return " ".join(map(told, error.exceptions)) if isinstance(error, BaseExceptionGroup) else str(error)


FORGET = "from mcp_bridge.models import HandshakeSession; HandshakeSession.objects.all().delete()"


async def test_a_client_goes_on_after_flowhub_was_restarted(uvicorn_server: LiveServer, errors: IO[str]) -> None:
    server, key = uvicorn_server, uvicorn_server.credentials["key"]
    async with through_stdio(server.url, LEGACY, key=key, errors=errors) as client:
        await client.call_tool("greet", {"name": "Ada", "n": 1})
        server.kill()
        with pytest.raises(MCPError, match="FlowHub does not answer"):
            await client.call_tool("greet", {"name": "Ada", "n": 2})
        server.start("serve", "--port", str(server.port))
        again = await client.call_tool("greet", {"name": "Ada", "n": 3})
        assert again.content[0].text == "Hello, Ada! 3"
        assert "it is begun anew" not in said(errors)
        server.kill()
        server.manage("shell", "-v0", "-c", FORGET)
        server.start("serve", "--port", str(server.port))
        again = await client.call_tool("greet", {"name": "Ada", "n": 4})
        assert again.content[0].text == "Hello, Ada! 4"
    assert "it is begun anew" in said(errors)


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWHUB_")}
    return subprocess.Popen(
        [sys.executable, "-m", "mcp_bridge.stdio", *arguments],
        cwd=ROOT,
        env=kept | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_stdout_carries_messages_alone_and_the_program_ends_with_stdin(uvicorn_server: LiveServer) -> None:
    program = started("--server", "demo", "--url", uvicorn_server.url, FLOWHUB_KEY=uvicorn_server.credentials["key"])
    assert program.stdin is not None
    assert program.stdout is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    lines = ["no message", json.dumps({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": hello})]
    program.stdin.write("\n".join(lines) + "\n")
    program.stdin.flush()
    answers = [json.loads(program.stdout.readline()) for _ in lines]
    rest, errors = program.communicate(timeout=WAITING)
    assert answers[0] == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "This line is no JSON-RPC message."},
    }
    assert (answers[1]["id"], answers[1]["result"]["protocolVersion"]) == ("a", "2025-06-18")
    assert (rest, program.returncode) == ("", 0)
    assert errors == "flowhub: the client sent a line that is no message\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: --server"),
        (("--server", "demo", "--url", "flows.example.com"), "'flows.example.com' is no address of a FlowHub"),
        (("--server", "demo", "--url", "ftp://x"), "'ftp://x' is no address of a FlowHub"),
    ],
)
def test_options_that_make_no_sense_say_what_to_write(arguments: tuple[str, ...], says: str) -> None:
    program = started(*arguments)
    output, errors = program.communicate(timeout=WAITING)
    assert (output, program.returncode) == ("", 2)
    assert says in errors


def test_the_program_needs_neither_django_nor_settings() -> None:
    code = "import sys, mcp_bridge.stdio; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": os.environ["PATH"]}, check=True, timeout=60)
