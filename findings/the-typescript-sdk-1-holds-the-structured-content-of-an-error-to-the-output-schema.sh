#!/bin/sh
# A tool that fails may say more of it in structuredContent beside `isError`, and one would expect that a client gives
# such a result to its model: an output schema describes answers, and what an error holds is none. The client of the
# TypeScript SDK 1, @modelcontextprotocol/sdk 1.32.2, holds the structured content of an error to the output schema
# too: callTool throws -32602, and the text with which the tool said what to do is lost. (A comment there says that
# errors are left out.) @modelcontextprotocol/client 2.4.0, the same SDK's second version, leaves them out, and so does
# mcp 2.3.0 for Python, which was called by hand.
# Prints what was seen; ends with status 1 when that has changed. Needs Node 22 and npm.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0 >npm.log 2>&1 || { cat npm.log; exit 2; }
cat >server.mjs <<'PROGRAM'
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const server = new Server({ name: "orders", version: "1" }, { capabilities: { tools: {} } });
const outputSchema = { type: "object", properties: { total: { type: "number" } }, required: ["total"] };
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [{ name: "order", inputSchema: { type: "object" }, outputSchema }],
}));
server.setRequestHandler(CallToolRequestSchema, () => ({
  isError: true,
  content: [{ type: "text", text: "There is no order A-1. List the orders first." }],
  structuredContent: { error: "unknown_order" },
}));
await server.connect(new StdioServerTransport());
PROGRAM
cat >clients.mjs <<'PROGRAM'
import { Client as One } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioOne } from "@modelcontextprotocol/sdk/client/stdio.js";
import { Client as Two } from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioTwo } from "@modelcontextprotocol/client/stdio";

async function seen(Client, Transport) {
  const client = new Client({ name: "reader", version: "1" });
  await client.connect(new Transport({ command: process.execPath, args: ["server.mjs"] }));
  await client.listTools();
  try {
    const result = await client.callTool({ name: "order", arguments: {} });
    return `isError ${result.isError}: ${result.content[0].text}`;
  } catch (error) {
    return `throws ${error.code}: ${error.message}`;
  } finally {
    await client.close();
  }
}

const one = await seen(One, StdioOne);
const two = await seen(Two, StdioTwo);
console.log(`sdk 1.32.2:   ${one}\nclient 2.4.0: ${two}`);
const isAsSeen =
  one.startsWith("throws -32602") && one.includes("does not match the tool's output schema") &&
  two === "isError true: There is no order A-1. List the orders first.";
process.exit(isAsSeen ? 0 : 1);
PROGRAM
node clients.mjs
