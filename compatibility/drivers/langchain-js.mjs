// @langchain/mcp-adapters
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { main } from "./visits.mjs";

await main(async (url) => {
  const client = new MultiServerMCPClient({ mcpServers: { flowhub: { transport: "http", url } } });
  const tools = Object.fromEntries((await client.getTools()).map((tool) => [tool.name, (given) => tool.invoke(given)]));
  return { tools, close: () => client.close() };
});
