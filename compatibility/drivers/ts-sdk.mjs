// @modelcontextprotocol/sdk, the client that many programs in TypeScript are made with.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { main } from "./visits.mjs";

await main(async (url) => {
  const client = new Client({ name: "visitor", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const call = (name) => (given) => client.callTool({ name, arguments: given });
  const tools = Object.fromEntries((await client.listTools()).tools.map(({ name }) => [name, call(name)]));
  return { tools, close: () => client.close() };
});
