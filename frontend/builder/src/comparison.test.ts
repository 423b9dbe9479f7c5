import { expect, test } from "vitest";
import { changedNodes, unchangedParts, wordsOf, type NodeChange } from "./comparison";
import type { CanvasNode } from "./model";

function node(id: string, x: number, y: number, change: Partial<NodeChange> = {}, draft?: CanvasNode["draft"]): CanvasNode {
  const kind = { name: id, type: "delay", title: "Delay", icon: "", group: "", help: "" };
  return { id, ...kind, x, y, height: 84, ways: ["main"], isStart: false, ...(draft && { draft }), change: { verdict: "same", isMoved: false, parts: [], ...change } };
}

test("what changed says so by a mark and a word, what stayed says nothing", () => {
  expect((["added", "removed", "changed", "moved", "same"] as const).map((verdict) => wordsOf(verdict))).toEqual([
    "+ added",
    "− removed",
    "~ changed",
    "↔ moved",
    "",
  ]);
  expect([wordsOf("changed", true), wordsOf("moved", true), wordsOf(undefined)]).toEqual(["~ changed, moved", "↔ moved", ""]);
});

test("one goes from change to change as the graph is read", () => {
  const nodes = [node("last", 900, 0, { verdict: "added" }), node("same", 0, 0), node("low", 300, 90, { verdict: "moved" }), node("high", 300, 0, { verdict: "removed" })];
  expect(changedNodes({ icons: "", width: 172, nodes, connections: [] })).toEqual(["high", "low", "last"]);
});

test("the parameters and settings that stayed are named", () => {
  const draft = { index: 0, slug: "a", parameters: { url: "u", method: "GET" }, settings: { timeoutSeconds: 5 }, faults: [] } as unknown as NonNullable<CanvasNode["draft"]>;
  const parts = [{ path: "parameters.url", before: "t", after: "u" }];
  expect(unchangedParts(node("a", 0, 0, { verdict: "changed", parts }, draft))).toEqual(["parameters.method", "settings.timeoutSeconds"]);
  expect(unchangedParts(node("b", 0, 0))).toEqual([]);
});
