"""Calls tools that FastMCP makes of a document; runs in FastMCP's environment.

Reads lines of {"document", "url", "calls": [{"at", "method", "path", "parameters": {"place.name": value}, "body"}]} and
writes a line of JSON for each: in `said`, for each call the request that would go out, or the error.
"""

import asyncio
import base64
import json
import sys
from typing import Any

import fastmcp  # type: ignore[import-not-found]
import httpx2

sent: list[httpx2.Request] = []


async def _answer(request: httpx2.Request) -> httpx2.Response:
    await request.aread()
    sent.append(request)
    return httpx2.Response(200, json={})


def arguments_of(mapping: dict[str, dict[str, str]], call: dict[str, Any]) -> dict[str, Any]:
    """The tool's arguments, by what each of them is in the request."""
    given, body = call["parameters"], call.get("body")
    found = {}
    for name, at in mapping.items():
        key = f"{at['location']}.{at['openapi_name']}"
        if at["location"] == "body" and "body" in call:
            if isinstance(body, dict) and at["openapi_name"] in body:
                found[name] = body[at["openapi_name"]]
            elif not isinstance(body, dict) or at["openapi_name"] == "body":
                found[name] = body
        elif key in given:
            found[name] = given[key]
    return found


async def said_of(asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Make the tools of a document, call each."""
    client = httpx2.AsyncClient(transport=httpx2.MockTransport(_answer), base_url=asked["url"])
    server = fastmcp.FastMCP.from_openapi(asked["document"], client=client, validate_output=False)
    routes, said = {}, []
    for tool in await server.list_tools():
        if route := getattr(tool, "_route", None):
            routes[route.method.lower(), route.path] = tool.name, route.parameter_map
    async with fastmcp.Client(server) as caller:
        for call in asked["calls"]:
            name, mapping = routes.get((call["method"], call["path"]), (None, {}))
            sent.clear()
            found = {"error": "no tool"}
            if name:
                found = await _called(caller, name, arguments_of(mapping, call))
            said.append({"at": call["at"]} | found)
    return said


async def _called(caller: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = await asyncio.wait_for(caller.call_tool(name, arguments, raise_on_error=False), 20)
    except Exception as error:
        return {"error": str(error)[:200]}
    if not sent:
        return {"error": str(answer.content)[:200]}
    request = sent[0]
    return {
        "method": request.method,
        "target": request.url.raw_path.decode(),
        "headers": list(request.headers.multi_items()),
        "body": base64.b64encode(request.content).decode(),
    }


for line in sys.stdin:
    try:
        answer: dict[str, Any] = {"said": asyncio.run(said_of(json.loads(line)))}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:200]}
    print("\n" + json.dumps(answer), flush=True)
