import { expect, test } from "vitest";
import { changedSince } from "./pinned";

test("what a tool says otherwise than when it was chosen is named, and what was not kept is not", () => {
  const now = { title: "t", description: "d", inputSchema: "i", annotations: "a" };
  expect(changedSince(now, now)).toEqual([]);
  expect(changedSince({ description: "x", inputSchema: "y" }, now)).toEqual(["description", "input schema"]);
  expect(changedSince({ outputSchema: "o" }, now)).toEqual(["output schema"]);
});
