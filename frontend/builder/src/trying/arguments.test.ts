import { expect, test } from "vitest";
import type { JsonObject } from "../draft/draft";
import { argumentsOf, rowsOf, typedOf, wholeParts } from "./arguments";

const schema: JsonObject = {
  type: "object",
  properties: {
    id: { type: "string", title: "Order", description: "As A-1." },
    count: { type: "integer", default: 5 },
    fast: { type: "boolean" },
    size: { enum: ["s", 2] },
    more: { type: ["object", "null"] },
    odd: 5,
  },
  required: ["id"],
};
const rows = rowsOf(schema)!;

test("each parameter has a row of the kind that its schema says", () => {
  expect(rows.map(({ name, kind, isRequired, placeholder }) => [name, kind, isRequired, placeholder])).toEqual([
    ["id", "text", true, ""],
    ["count", "number", false, "5"],
    ["fast", "switch", false, ""],
    ["size", "choice", false, ""],
    ["more", "json", false, ""],
    ["odd", "json", false, ""],
  ]);
  expect([rowsOf({ type: "object" }), rowsOf({ anyOf: [] }), rowsOf({ type: "string" })]).toEqual([[], [], undefined]);
});

test("what nobody typed is not sent, and what is typed is what its kind says", () => {
  expect(argumentsOf(rows, {})).toEqual({ given: {}, wrong: {} });
  expect(argumentsOf(rows, { id: "", count: "", fast: "false", size: "2", more: '{"a": [1]}' }).given).toEqual({ id: "", fast: false, size: 2, more: { a: [1] } });
  expect(Object.keys(argumentsOf(rows, { count: "many", more: "{", id: "5" }).wrong)).toEqual(["count", "more"]);
});

test("arguments that are there come back as they were", () => {
  const given: JsonObject = { id: "A-1", count: 3, fast: true, size: "s", more: null, odd: "text" };
  const { typed, others } = typedOf(rows, { ...given, beside: 1 });
  expect(others).toEqual(["beside"]);
  expect(argumentsOf(rows, typed)).toEqual({ given, wrong: {} });
});

test("what was hidden or cut is left out and named", () => {
  const recorded: JsonObject = { key: "***", list: [1, { $truncated: true, bytes: 9 }], deep: { token: "Bearer ***", id: "A" } };
  expect(wholeParts(recorded)).toEqual({ whole: { list: [1], deep: { id: "A" } }, missing: ["key", "list[1]", "deep.token"] });
  expect(wholeParts({ $truncated: true })).toEqual({ whole: undefined, missing: [""] });
});
