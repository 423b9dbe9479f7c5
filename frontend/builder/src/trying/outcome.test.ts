import { expect, test } from "vitest";
import { duration, runOf, saidBy, type Entry, type Execution } from "./outcome";

const entry = (nodeId: string, more: Partial<Entry> = {}): Entry => {
  const times = { startOffsetMs: 1, durationMs: 204.4, attempts: 1, handle: "main" };
  return { nodeId, nodeName: nodeId, status: "completed", ...times, inputData: null, outputData: null, error: null, ...more };
};

const execution = (more: Partial<Execution>): Execution => {
  const params = { initialParams: {}, initialParamsPreview: "" };
  return { id: "e1", status: "fulfilled", startedAt: "2026-01-02T03:04:05Z", duration: 318, ...params, nodeExecutions: [], result: null, errorInfo: null, ...more };
};

test("each node has its state, its word and its time, and what stood for executing it has none", () => {
  const nodeExecutions = [
    entry("a", { attempts: 3 }),
    entry("b", { reused: true, given: true }),
    entry("c", { reused: true }),
    entry("d", { status: "skipped", durationMs: null, startOffsetMs: 9, handle: null }),
    entry("e", { status: "pending", durationMs: null, asked: [{ waitedMs: 5 }, { waitedMs: null }] }),
    { $truncated: true } as unknown as Entry,
  ];
  const run = runOf(execution({ nodeExecutions }));
  expect(Object.entries(run.nodes).map(([id, { status, word, facts }]) => [id, status, word, facts])).toEqual([
    ["a", "completed", "completed", "3 attempts · 204 ms"],
    ["b", "completed", "given", ""],
    ["c", "completed", "reused", ""],
    ["d", "skipped", "skipped", ""],
    ["e", "pending", "waiting for an answer", ""],
  ]);
  expect(run.failed).toBeNull();
});

test("the node that failed is the one that the execution names, else the first that did", () => {
  const nodeExecutions = [entry("a", { status: "error" }), entry("b", { status: "error" })];
  expect(runOf(execution({ status: "error", nodeExecutions, errorInfo: { nodeId: "b" } })).failed).toBe("b");
  expect(runOf(execution({ status: "error", nodeExecutions, errorInfo: { nodeId: null } })).failed).toBe("a");
});

test("what came of it is the answer, or why it failed", () => {
  expect(saidBy(execution({ result: { content: [{ type: "text", text: "Ada" }, { type: "image" }] } }))).toBe("Ada [image]");
  expect(saidBy(execution({ status: "error", errorInfo: { message: "No." } }))).toBe("No.");
});

test("times are said as on the pages", () => {
  expect([0, 0.4, 204.4, 4_210, 185_000].map(duration)).toEqual(["0 ms", "<1 ms", "204 ms", "4.2 s", "3 min 5 s"]);
});
