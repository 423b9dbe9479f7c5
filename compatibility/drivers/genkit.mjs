// @genkit-ai/mcp
import { createMcpClient } from "@genkit-ai/mcp";
import { genkit } from "genkit";
import { main } from "./visits.mjs";

await main(async (url) => {
  const ai = genkit({});
  const client = createMcpClient({ name: "flowhub", mcpServer: { url } });
  await client.ready();
  const found = await client.getActiveTools(ai);
  const named = (tool) => tool.__action.name.split("/").at(-1);
  const tools = Object.fromEntries(found.map((tool) => [named(tool), (given) => tool(given)]));
  return { tools, close: () => client.disable() };
});
