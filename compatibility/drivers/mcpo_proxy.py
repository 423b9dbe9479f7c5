"""mcpo: a proxy that makes a REST path of each tool."""

import asyncio
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from visits import main

START_TRIES = 100


@asynccontextmanager
async def opened(url):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("--host", "127.0.0.1", "--port", str(port), "--server-type", "streamable-http", "--", url)
    process = await asyncio.create_subprocess_exec(str(Path(sys.executable).with_name("mcpo")), *command)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(START_TRIES):
                if process.returncode is not None:
                    raise RuntimeError("mcpo ended while it started")
                try:
                    paths = (await client.get("/openapi.json")).json()["paths"]
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
            yield {path.strip("/"): caller(client, path) for path in paths}
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def caller(client, path):
    async def call(arguments):
        answer = await client.post(path, json=arguments)
        return answer.text if answer.is_success else f"HTTP {answer.status_code}: {answer.text}"

    return call


main(opened)
