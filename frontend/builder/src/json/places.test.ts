import { expect, test } from "vitest";
import { caretIn, lineOfNode, placesIn, rangeOf } from "./places";

const definition = {
  note: { nodes: [{ id: "not one" }] },
  connections: [{ id: "c", sourceNodeId: "a", targetNodeId: "b" }],
  nodes: [
    { id: "a", parameters: { text: 'a "quoted" brace }\n{', list: [{}, { deep: [1, true] }] } },
    { id: "b", parameters: {} },
  ],
};
const TEXT = JSON.stringify(definition, null, 2);

test("a node is found at the line of its brace, whatever stands before it and inside the others", () => {
  const lines = TEXT.split("\n");
  const found = [0, 1].map((index) => lines[lineOfNode(TEXT, index)!]!.trim());
  expect(found).toEqual(['"id": "a",', '"id": "b",']);
});

test("in one line, everything is there; what is not there has none", () => {
  const text = JSON.stringify(definition);
  expect([0, 1, 2].map((index) => lineOfNode(text, index))).toEqual([1, 1, undefined]);
  expect(lineOfNode('{"nodes": [{"id": "a"', 1)).toBeUndefined();
});

test("each value is found with its key, and for what is missing what would hold it", () => {
  const places = placesIn(TEXT);
  const shown = (place: string) => {
    const { from, to } = rangeOf(places, place);
    return TEXT.slice(from, to);
  };
  expect(["nodes[0].parameters.list[1].deep[1]", "nodes[0].id", "nodes[1].parameters", "nodes[0].parameters.list[1]"].map(shown)).toEqual([
    "true",
    '"id": "a"',
    '"parameters": {',
    "{",
  ]);
  expect(["nodes[1].slug", "nodes[1].parameters.query.a", "nodes[7].id", "notes", ""].map(shown)).toEqual(["{", '"parameters": {', '"nodes": [', "{", "{"]);
});

test("at a caret, what is written of what is known, however much is missing around it", () => {
  const at = (text: string) => {
    const caret = caretIn(text.replace("|", ""), text.indexOf("|"));
    return caret && [caret.path, caret.step, text.replace("|", "").slice(caret.token.from, caret.token.to)];
  };
  expect(at('{"nodes": [{"id": "a", "ty|')).toEqual([["nodes", 0], undefined, '"ty']);
  expect(at('{"nodes": [{}, {"type": "ht|tp", "id": 1}]}')).toEqual([["nodes", 1], "type", '"http"']);
  expect(at('{"nodes": [{"type": |}]}')).toEqual([["nodes", 0], "type", ""]);
  expect(at('{"nodes": [{"parameters": {"a": [1, |]}}]}')).toEqual([["nodes", 0, "parameters", "a"], 1, ""]);
  expect(at('{"nodes": [], |}')).toEqual([[], undefined, ""]);
  expect(at('{"nodes": [{"id": "a"|}]}')).toEqual([["nodes", 0], "id", '"a"']);
  expect(at('{"nodes": [{"|\n"id": "a"}]}')).toEqual([["nodes", 0], undefined, '"']);
  expect(at("|")).toBeUndefined();
  expect(at("{} |")).toBeUndefined();
});
