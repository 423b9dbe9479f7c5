#!/bin/sh
# One would expect a tool that is made of an OpenAPI operation to send the request which the document describes, or the
# conversion to say what it leaves out. FastMCP 4.2.3 (`FastMCP.from_openapi`) says nothing and sends another one:
# - an operation whose path has `servers` of its own (OAS 3.1, Path Item Object) goes to the server of the document;
# - the query that stands in a path, `/orders?kind=open`, is dropped as soon as a parameter has a value;
# - a query parameter with `content: application/json` (OAS 3.1, Parameter Object), `filter={"total":3}`, becomes
#   `total=3`: the members of its value as parameters of their own.
# So a model gets a well-formed answer to a question that nobody asked. Prints what was seen; ends with status 1 when that
# has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    fastmcp==4.2.3 mcp==2.3.0 httpx2==2.16.2
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PROGRAM'
import asyncio
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from fastmcp import Client, FastMCP

asked = []


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append((self.server.name, self.path))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"rows": []}')

    def log_message(self, *args):
        pass


def started(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


main, own = started("of the document"), started("of the path")
answers = {"200": {"description": "rows", "content": {"application/json": {"schema": {"type": "object"}}}}}
amount = {"type": "object", "properties": {"total": {"type": "integer"}}}
limit = {"name": "limit", "in": "query", "schema": {"type": "integer"}}
in_json = {"name": "filter", "in": "query", "content": {"application/json": {"schema": amount}}}
document = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": main}],
    "paths": {
        "/files": {"servers": [{"url": own}], "get": {"operationId": "files", "responses": answers}},
        "/orders?kind=open": {"get": {"operationId": "open_orders", "parameters": [limit], "responses": answers}},
        "/bills": {"get": {"operationId": "bills", "parameters": [in_json], "responses": answers}},
    },
}
CALLS = {"files": {}, "open_orders": {"limit": 5}, "bills": {"filter": {"total": 3}}}


async def call():
    async with httpx2.AsyncClient(base_url=main) as http:
        async with Client(FastMCP.from_openapi(openapi_spec=document, client=http)) as client:
            for name, arguments in CALLS.items():
                await client.call_tool(name, arguments)


asyncio.run(call())
for name, (server, path) in zip(CALLS, asked):
    print(f"fastmcp 4.2.3, {name}: GET {path} at the server {server}")
expected = [("of the document", "/files"), ("of the document", "/orders?limit=5"), ("of the document", "/bills?total=3")]
sys.exit(asked != expected)
PROGRAM
