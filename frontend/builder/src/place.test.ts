import { expect, test } from "vitest";
import { lineOfNode } from "./place";

const definition = {
  note: { nodes: [{ id: "not one" }] },
  connections: [{ id: "c", sourceNodeId: "a", targetNodeId: "b" }],
  nodes: [
    { id: "a", parameters: { text: 'a "quoted" brace }\n{', list: [{}, {}] } },
    { id: "b", parameters: {} },
  ],
};

test("a node is found at the line of its brace, whatever stands before it and inside the others", () => {
  const text = JSON.stringify(definition, null, 2);
  const lines = text.split("\n");
  const found = [0, 1].map((index) => lines[lineOfNode(text, index)!]!.trim());
  expect(found).toEqual(['"id": "a",', '"id": "b",']);
});

test("in one line, everything is there; what is not there has none", () => {
  const text = JSON.stringify(definition);
  expect([0, 1, 2].map((index) => lineOfNode(text, index))).toEqual([1, 1, undefined]);
  expect(lineOfNode('{"nodes": [{"id": "a"', 1)).toBeUndefined();
});
