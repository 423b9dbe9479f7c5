import { expect, test } from "vitest";
import nodeTypes from "../../../../.venv-node/node-types.json";
import type { NodeType } from "../draft/draft";
import { offersAt } from "./offers";

const types = new Map((nodeTypes as unknown as NodeType[]).map((each) => [each.type, each]));

/** What is offered at the bar, and what of the text it takes the place of. */
function at(text: string, ways: Record<string, string[]> = {}) {
  const plain = text.replace("|", "");
  const found = offersAt(plain, text.indexOf("|"), types, (id) => ways[id] ?? []);
  return found && { ...found, token: plain.slice(found.from, found.to), values: found.offers.map(({ value }) => value) };
}

test("keys are offered that are not there yet", () => {
  expect(at('{"nodes": [], |}')!.values).toEqual(["connections", "notes", "groups"]);
  expect(at('{"nodes": [{"id": "a", "ty|", "slug": "a"}]}')).toMatchObject({ isKey: true, token: '"ty"', values: ["type", "name", "position", "parameters", "settings", "disabled", "heldOutput"] });
  expect(at('{"nodes": [{"settings": {"retries": {"attempts": 3, |')!.values).toEqual(["backoffSeconds", "maxBackoffSeconds", "jitter"]);
});

test("parameters are those of the node's type as it stands, wherever its type is written", () => {
  const { values } = at('{"nodes": [{"parameters": {"method": "GET", |}, "type": "http_request"}]}')!;
  expect(values).toEqual(expect.arrayContaining(["url", "query", "headers"]));
  expect(values).not.toContain("method");
  expect(at('{"nodes": [{"type": "nobody", "parameters": {|}}]}')!.values).toEqual([]);
  expect(at('{"nodes": [{"type": "switch", "parameters": {"cases": [{"name": "a", |}]}}]}')!.values).toEqual(expect.arrayContaining(["operator"]));
});

test("values are offered where there is a choice", () => {
  expect(at('{"nodes": [{"type": "|"}]}')!.values).toEqual([...types.keys()]);
  expect(at('{"nodes": [{"type": "http_request", "parameters": {"method": |}}]}')!.values).toEqual(expect.arrayContaining(["GET", "POST"]));
  expect(at('{"nodes": [{"disabled": |')!.values).toEqual([true, false]);
  expect(at('{"nodes": [{"settings": {"onError": |')!.values).toEqual(["stop", "continue", "handle"]);
  expect(at('{"nodes": [{"name": "|"}]}')!.values).toEqual([]);
});

test("connections are between nodes that are there, at ways out that they have", () => {
  const nodes = '{"nodes": [{"id": "a", "name": "First"}, {"id": "b", "type": "return"}], "connections": [';
  expect(at(`${nodes}{"targetNodeId": "|"}]}`)!.offers).toEqual([
    { value: "a", title: "First", says: "" },
    { value: "b", title: "", says: "return" },
  ]);
  expect(at(`${nodes}{"sourceNodeId": "a", "sourceHandle": |`, { a: ["true", "false"] })!.values).toEqual(["true", "false"]);
  expect(at(`${nodes}], "groups": [{"nodeIds": ["a", |`)!.values).toEqual(["a", "b"]);
});
