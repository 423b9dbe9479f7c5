// @mastra/mcp
import { MCPClient } from "@mastra/mcp";
import { main } from "./visits.mjs";

await main(async (url) => {
  const client = new MCPClient({ id: url, servers: { flowhub: { url: new URL(url) } } });
  const tools = {};
  for (const [name, tool] of Object.entries(await client.listTools())) {
    tools[name.replace("flowhub_", "")] = (given) => tool.execute(given, {});
  }
  return { tools, close: () => client.disconnect() };
});
