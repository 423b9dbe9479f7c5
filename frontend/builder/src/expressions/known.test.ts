import { expect, test } from "vitest";
import type { Draft } from "../draft/draft";
import { completed, knownWithout, preview, proposals, scopeOf, secretsIn, typedAt, withValues, type Known } from "./known";

const KNOWN: Known[] = [
  { path: "trigger", types: ["object"], node: "Order id" },
  { path: "trigger.order_id", types: ["string"], node: "Order id", sample: "A-00017" },
  { path: "fetch", types: ["object"], node: "Fetch" },
  { path: "fetch.status", types: ["integer"], node: "Fetch", sample: 200 },
  { path: "fetch.body.items[0].price", types: ["number"], node: "Fetch", sample: 2.5 },
  { path: 'fetch.headers["content-type"]', types: ["string"], node: "Fetch", sample: "text/plain" },
  { path: "fetch.body.items[1]", types: ["null"], node: "Fetch", sample: null },
  { path: "caller.clientName", types: ["string"], node: "" },
  { path: "secrets.SHOP_KEY", types: ["string"], node: "" },
];

test("values are put together from those of their parts", () => {
  expect(scopeOf(KNOWN)).toEqual({
    trigger: { order_id: "A-00017" },
    fetch: { status: 200, body: { items: [{ price: 2.5 }, null] }, headers: { "content-type": "text/plain" } },
  });
});

test("the values of one call take the place of those of several, whole", () => {
  const call = { fetch: { status: 404, body: { error: "not found" } } };
  expect(preview("{{ fetch.body.error }} {{ fetch.status }} {{ trigger.order_id }}", withValues([...KNOWN, { path: "fetch.body", types: [], node: "Fetch" }], call))).toEqual({
    kind: "value",
    value: "not found 404 A-00017",
  });
});

test.each([
  ["plain {{ text", undefined],
  ["{{ nobody.x }}", undefined],
  ["{{ trigger.order_id }}", { kind: "value", value: "A-00017" }],
  [" {{ fetch.status }} ", { kind: "value", value: 200 }],
  ["/orders/{{ trigger.order_id }}?s={{ fetch.status }}", { kind: "value", value: "/orders/A-00017?s=200" }],
  ["{{ fetch.body }}", { kind: "value", value: { items: [{ price: 2.5 }, null] } }],
  ["{{ fetch.body.total ?? 0 }}", { kind: "value", value: 0 }],
  ["Bearer {{ secrets.SHOP_KEY }}", { kind: "secret", value: "Bearer ••••" }],
  ["{{ caller.clientName }} asks for {{ trigger.order_id }}", { kind: "value", value: "{{ caller.clientName }} asks for A-00017" }],
  ["{{ caller.clientName }}", { kind: "unknown", says: "No call has shown {{ caller.clientName }} yet." }],
])("%s is previewed", (text, shown) => {
  expect(preview(text, KNOWN)).toEqual(shown);
});

test("a malformed expression is said", () => {
  expect(preview("{{ fetch.body + 1 }}", KNOWN)).toMatchObject({ kind: "malformed" });
});

test.each([
  ["{{", { from: 2, typed: "" }],
  ["a {{ fetch.bo", { from: 5, typed: "fetch.bo" }],
  ["{{ a }} {{ tri", { from: 11, typed: "tri" }],
  ["{{ a.b ?? tri", { from: 10, typed: "tri" }],
  ['{{ fetch.headers["con', { from: 3, typed: 'fetch.headers["con' }],
  ["{{ a }} b", undefined],
  ["{{ a.b ?? 1", undefined],
  ["{{ a.b ", undefined],
  ["no", undefined],
])("in %s the expression that is typed is found", (text, found) => {
  expect(typedAt(text, text.length)).toEqual(found);
});

test("what begins as it is typed comes before what holds it", () => {
  const paths = (typed: string) => proposals(KNOWN, typed).map(({ path }) => path);
  expect(paths("fetch.")).toEqual(["fetch.status", "fetch.body.items[0].price", 'fetch.headers["content-type"]', "fetch.body.items[1]"]);
  expect(paths("ORDER")).toEqual(["trigger.order_id"]);
  expect(paths("trigger")).toEqual(["trigger.order_id", "trigger"]);
  expect(paths("")).toHaveLength(KNOWN.length);
});

test("a chosen path takes the place of what was typed, and the braces are closed once", () => {
  expect(completed("{{", 2, 2, "fetch.status")).toEqual({ text: "{{ fetch.status }}", caret: 18 });
  expect(completed("a {{ fe }} b", 7, 5, "fetch.status")).toEqual({ text: "a {{ fetch.status }} b", caret: 17 });
  expect(completed("a {{ fe b {{ c }}", 7, 5, "fetch")).toEqual({ text: "a {{ fetch }} b {{ c }}", caret: 13 });
});

test("secrets are read from a text", () => {
  expect(secretsIn("Bearer {{ secrets.A_KEY }} {{secrets.B}} {{ secret.C }}")).toEqual(["A_KEY", "B"]);
});

test("before the server says anything, the draft names its own nodes that come before", () => {
  const node = (id: string, type = "log") => ({ id, type, name: id.toUpperCase(), slug: id });
  const draft = {
    inputSchema: { properties: { order_id: { type: "string" } } },
    definition: {
      nodes: [node("t", "trigger"), node("a"), node("b"), node("c")],
      connections: [
        { id: "1", sourceNodeId: "t", targetNodeId: "a" },
        { id: "2", sourceNodeId: "a", targetNodeId: "b" },
        { id: "3", sourceNodeId: "b", targetNodeId: "c" },
      ],
    },
  } as unknown as Draft;
  expect(knownWithout(draft, "b").filter(({ node }) => node)).toEqual([
    { path: "t", types: [], node: "T" },
    { path: "t.order_id", types: ["string"], node: "T" },
    { path: "a", types: [], node: "A" },
  ]);
});
