import { expect, test } from "vitest";
import { asText, marksIn, MissingValue, parse, PathError, resolve, stepText } from "./paths";

const SCOPE = {
  fetch: { status: 200, body: { id: "A-1", "odd key": 1, items: [{ n: 1 }, { n: 2 }], customer: null } },
  trigger: { order_id: "A-00017" },
};
const at = (source: string) => resolve(parse(source), SCOPE);

test("a path leads through keys, odd keys and indices", () => {
  expect(at(" fetch.body.items[1].n ")).toBe(2);
  expect(at('fetch.body["odd key"]')).toBe(1);
  expect(at("fetch.body['odd key']")).toBe(1);
  expect(at("fetch.body")).toEqual(SCOPE.fetch.body);
});

test("a fallback stands where a value is missing or null, and may be a path or a literal", () => {
  expect(at('fetch.body.total ?? "none"')).toBe("none");
  expect(at("fetch.body.total ?? 'it''s'".replace("''", "\\'"))).toBe("it's");
  expect(at("fetch.body.customer ?? trigger.nothing ?? trigger.order_id")).toBe("A-00017");
  expect(at('later.x ?? {"a": ["}", 1]} ')).toEqual({ a: ["}", 1] });
  expect(at("later.x ?? -1.5e3")).toBe(-1500);
  expect(at("later.x ?? [] ")).toEqual([]);
});

test("an optional step leads to null", () => {
  expect(at("fetch.body.customer?.phone")).toBe(null);
  expect(at("fetch.body.nothing?.[0] ?? 3")).toBe(3);
  expect(at("later?.x")).toBe(null);
});

test("what is missing is said", () => {
  expect(() => at("fetch.body.totl")).toThrow('fetch.body has no "totl".');
  expect(() => at("fetch.body.items[2]")).toThrow("fetch.body.items has no 2.");
  expect(() => at("later.x")).toThrow("later is not known here.");
  expect(() => at("fetch.toString")).toThrow(MissingValue);
});

test.each(["", "1 + 2", "fetch.", "fetch.body ??", "fetch?", "fetch.body | upper", "fetch.body ?? nothing here", "a.b ?? [1", "secrets.KEY ?? 1"])(
  "%s is not a path",
  (source) => {
    expect(() => parse(source)).toThrow(PathError);
  },
);

test("marks are found as they are read when a flow is called", () => {
  expect(marksIn("a {{ b }} {{ c {{ d }} }} {{")).toEqual([
    [2, 9],
    [10, 22],
  ]);
});

test("a value inside text is JSON with spaces, as a flow writes it", () => {
  expect(asText({ a: [1, "x", null], b: {} })).toBe('{"a": [1, "x", null], "b": {}}');
  expect(asText("as it is")).toBe("as it is");
});

test("steps are written as paths have them", () => {
  expect(["body", "odd key", 'a"b', 3].map(stepText)).toEqual([".body", '["odd key"]', '["a\\"b"]', "[3]"]);
});
