import { expect, test } from "vitest";
import type { JsonObject } from "../draft/draft";
import { alsoSaid, inferred, parametersOf, renamedParameter, retyped, withoutParameter, withParameter, withRequired, withSchemaOf } from "./parameters";

const SCHEMA: JsonObject = {
  type: "object",
  properties: { order_id: { type: "string", minLength: 1, description: "As A-10481." }, kind: { anyOf: [{ type: "string" }, { type: "null" }] }, lines: true },
  required: ["order_id"],
  additionalProperties: false,
  minProperties: 1,
};

test("each property is a row, and what a row cannot say is named", () => {
  expect(parametersOf(SCHEMA).map(({ name, type, isRequired, also }) => [name, type, isRequired, also])).toEqual([
    ["order_id", "string", true, ["minLength"]],
    ["kind", undefined, false, []],
    ["lines", undefined, false, []],
  ]);
  expect(alsoSaid(SCHEMA)).toEqual(["minProperties"]);
});

test("a row is added, renamed, required and taken away, and all else stays as it was", () => {
  const added = withParameter(SCHEMA, "limit");
  expect(added).toEqual({ ...SCHEMA, properties: { ...(SCHEMA.properties as JsonObject), limit: { type: "string" } } });
  expect(withParameter({}, "a")).toEqual({ type: "object", properties: { a: { type: "string" } } });
  const renamed = renamedParameter(SCHEMA, "order_id", "id");
  expect([Object.keys(renamed.properties as JsonObject), renamed.required]).toEqual([["id", "kind", "lines"], ["id"]]);
  expect(withRequired(SCHEMA, "kind", true).required).toEqual(["order_id", "kind"]);
  expect(Object.keys(withRequired(SCHEMA, "order_id", false))).toEqual(["type", "properties", "additionalProperties", "minProperties"]);
  expect(withoutParameter(SCHEMA, "order_id")).toEqual({
    type: "object",
    properties: { kind: (SCHEMA.properties as JsonObject).kind, lines: true },
    additionalProperties: false,
    minProperties: 1,
  });
  expect((withSchemaOf(SCHEMA, "lines", { type: "array" }).properties as JsonObject).lines).toEqual({ type: "array" });
});

test("another type keeps the words", () => {
  const text = { type: "string", title: "T", description: "D", enum: ["a"], default: "a" };
  expect(retyped(text, "integer")).toEqual({ type: "integer", title: "T", description: "D" });
  expect(retyped(text, "array")).toEqual({ type: "array", title: "T", description: "D", items: { type: "string" } });
  expect(retyped({}, "object")).toEqual({ type: "object", properties: {} });
});

test("a schema is made from an answer", () => {
  const answer = { id: "A-1", total: 2.5, n: 1, when: null, lines: [{ sku: "x", n: 1 }, { sku: "y", n: 1.5, gift: true }], tags: ["a"], mixed: [1, "a"], none: [] };
  expect(inferred(answer)).toEqual({
    type: "object",
    properties: {
      id: { type: "string" },
      total: { type: "number" },
      n: { type: "integer" },
      when: { type: "null" },
      lines: {
        type: "array",
        items: { type: "object", properties: { sku: { type: "string" }, n: { type: "number" }, gift: { type: "boolean" } }, required: ["sku", "n"] },
      },
      tags: { type: "array", items: { type: "string" } },
      mixed: { type: "array", items: { type: ["integer", "string"] } },
      none: { type: "array" },
    },
    required: Object.keys(answer),
  });
  expect(inferred([[1], [2]])).toEqual({ type: "array", items: { type: "array", items: { type: "integer" } } });
});
