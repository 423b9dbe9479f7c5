import { expect, test } from "vitest";
import { node, TYPES } from "./trial";
import { Ways } from "./ways";

test("a type that chooses its ways is asked for once, and keeps the last ones while its parameters have faults", async () => {
  const asked: unknown[] = [];
  let news = 0;
  const ways = new Ways(
    TYPES,
    async (type, parameters) => {
      asked.push([type, parameters]);
      return (parameters as { cases?: string[] }).cases ?? null;
    },
    () => (news += 1),
  );
  const at = (parameters: object) => ways.of(node("s", { type: "switch", parameters: parameters as never }));
  expect(at({ cases: ["paid", "default"] })).toEqual(["default"]);
  at({ cases: ["paid", "default"] });
  await Promise.resolve();
  await Promise.resolve();
  expect([at({ cases: ["paid", "default"] }), at({}), news]).toEqual([["paid", "default"], ["paid", "default"], 1]);
  expect(asked).toEqual([
    ["switch", { cases: ["paid", "default"] }],
    ["switch", {}],
  ]);
});

test("a node that handles its failures has a way out for them, and an unknown type has the usual one", () => {
  const ways = new Ways(TYPES, () => Promise.reject(new Error("asked")), () => {});
  expect(ways.of(node("a", { settings: { onError: "handle" } }))).toEqual(["main", "error"]);
  expect(ways.of(node("a", { type: "gone" }))).toEqual(["main"]);
});
