import { expect, test } from "vitest";
import type { EditorState } from "../draft/editor";
import { faultsOfNode, faultsOfTool, leftAt, under } from "./faults";

const state = {
  judged: { definition: { nodes: [{ id: "a" }, { id: "b" }] } },
  faults: [
    { path: "definition.nodes[1].parameters", key: "url", message: "missing" },
    { path: "definition.nodes[1].parameters.query.a", key: "", message: "wrong" },
    { path: "definition.nodes[1].parameters.list[0].x", key: "", message: "deep" },
    { path: "definition.nodes[1]", key: "slug", message: "no slug" },
    { path: "definition.nodes[10].parameters.url", key: "", message: "another's" },
    { path: "definition", key: "", message: "no graph" },
    { path: "toolName", key: "", message: "taken" },
    { path: "inputSchema.properties.a", key: "type", message: "type" },
  ],
} as unknown as EditorState;

test("faults stand at places in their node, what is missing at its own", () => {
  expect(faultsOfNode(state, "b").map(({ place, message }) => [place, message])).toEqual([
    ["parameters.url", "missing"],
    ["parameters.query.a", "wrong"],
    ["parameters.list[0].x", "deep"],
    ["slug", "no slug"],
  ]);
  expect(faultsOfNode(state, "a")).toEqual([]);
  expect(faultsOfNode(state, "new")).toEqual([]);
});

test("faults outside the graph are the tool's", () => {
  expect(faultsOfTool(state).map(({ place }) => place)).toEqual(["toolName", "inputSchema.properties.a.type"]);
});

test("a place takes what is under it, and is left with what its fields do not show", () => {
  const faults = faultsOfNode(state, "b");
  expect(under(faults, "parameters.query").map(({ message }) => message)).toEqual(["wrong"]);
  expect(under(faults, "parameters.list").map(({ message }) => message)).toEqual(["deep"]);
  expect(leftAt(faults, "parameters", ["parameters.url", "parameters.list[0]"]).map(({ message }) => message)).toEqual(["wrong"]);
});
