// @openai/agents, strict as its documentation has it.
import { Agent, MCPServerStreamableHttp, RunContext, getAllMcpTools } from "@openai/agents";
import { main } from "./visits.mjs";

await main(async (url) => {
  const server = new MCPServerStreamableHttp({ url, name: "flowhub" });
  await server.connect();
  const runContext = new RunContext({});
  const found = await getAllMcpTools({
    mcpServers: [server], convertSchemasToStrict: true, runContext, agent: new Agent({ name: "visitor" }),
  });
  const call = (tool) => async (given) => {
    const answer = await tool.invoke(runContext, JSON.stringify(given));
    return `${typeof answer === "string" ? answer : JSON.stringify(answer)}${tool.strict ? "" : " (not strict)"}`;
  };
  return { tools: Object.fromEntries(found.map((tool) => [tool.name, call(tool)])), close: () => server.close() };
});
