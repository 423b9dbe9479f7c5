// A draft and node types for tests.
import type { Connection, Draft, DraftNode, NodeType } from "./draft";

export function node(id: string, more: Partial<DraftNode> = {}): DraftNode {
  return { id, type: "set_fields", name: id.toUpperCase(), slug: id, position: { x: 0, y: 0 }, parameters: {}, ...more };
}

export const line = (sourceNodeId: string, targetNodeId: string, sourceHandle?: string): Connection => ({
  id: `${sourceNodeId}-${targetNodeId}`,
  sourceNodeId,
  ...(sourceHandle && { sourceHandle }),
  targetNodeId,
});

export function draftOf(nodes: DraftNode[], connections: Connection[] = []): Draft {
  const texts = { name: "Trial", toolName: "trial", toolDescription: "", whenToUse: "", whenNotToUse: "" };
  return { ...texts, inputSchema: {}, outputSchema: null, annotations: {}, definition: { nodes, connections }, timeoutSeconds: 30, answerSeconds: null };
}

function type(name: string, more: Partial<NodeType>): NodeType {
  const words = { title: name, description: "", group: "Logic", help: "", icon: "" };
  return { type: name, ...words, handles: ["main"], choosesHandles: false, hasEffects: false, parametersSchema: {}, outputSchema: null, example: null, ...more };
}

export const TYPES = new Map(
  [
    type("trigger", { title: "Trigger", group: "Start" }),
    type("set_fields", { title: "Set fields", group: "Data" }),
    type("condition", { title: "Condition", handles: ["true", "false"] }),
    type("switch", { title: "Switch", handles: ["default"], choosesHandles: true }),
    type("code", { title: "Code", parametersSchema: { properties: { source: { "x-literal": true } } } }),
    type("fail", { title: "Fail", handles: [], parametersSchema: { required: ["message"] }, example: { message: "There is no order {{ trigger.order_id }}. Check the id.", code: 4 } }),
    type("validate", { title: "Validate", parametersSchema: { required: ["value", "schema"] }, example: { value: "{{ fetch.body }}", schema: { type: "object" } } }),
  ].map((each) => [each.type, each]),
);
