// The node types are those of the server; `make check-canvas` writes them.
import { describe, expect, test } from "vitest";
import nodeTypes from "../../../../.venv-node/node-types.json";
import type { Json, JsonObject } from "../draft/draft";
import { emptied, field, fieldsOf, fits, holds, numberFrom, shapeOf, strangeKeys, titled, typesOf, unitOf, withKey, withName, type Field } from "./fields";

const schemaOf = (type: string) => nodeTypes.find((each) => each.type === type)!.parametersSchema as JsonObject;
const names = (type: string, value: JsonObject) => fieldsOf(schemaOf(type), value).map(({ name }) => name);
const required = (type: string, value: JsonObject) => fieldsOf(schemaOf(type), value).flatMap(({ name, isRequired }) => (isRequired ? name : []));
const itemsOf = (type: string, list: string) => ((schemaOf(type).properties as JsonObject)[list] as JsonObject).items as JsonObject;

/** All fields of a value, inside others too. */
function all(schema: JsonObject, value: JsonObject): [Field, Json | undefined][] {
  return fieldsOf(schema, value).flatMap((each): [Field, Json | undefined][] => {
    const own = value[each.name];
    const inside = each.kind === "group" ? all(each.schema, (own ?? {}) as JsonObject) : [];
    const items = each.kind === "list" && Array.isArray(own) ? own.map((item): [Field, Json] => [field("", (each.schema.items ?? {}) as JsonObject), item]) : [];
    return [[each, own], ...inside, ...items];
  });
}

describe.each(nodeTypes.map(({ type, parametersSchema, example }) => ({ type, schema: parametersSchema as JsonObject, example: example as JsonObject })))("$type", ({ schema, example }) => {
  test("every parameter has a field with a title of words", () => {
    const every = Object.keys((schema.properties ?? {}) as JsonObject);
    const everything = Object.fromEntries(every.map((name) => [name, null]));
    expect(fieldsOf(schema, everything).map(({ name }) => name)).toEqual(every);
    for (const [{ title }] of all(schema, example)) expect(title).toMatch(/^[A-Z][^_]*$|^$/);
  });

  test("its example is shown whole, each value in a field that fits it or is an expression", () => {
    expect(strangeKeys(schema, example)).toEqual([]);
    for (const [{ kind, schema: own, isLiteral }, value] of all(schema, example)) {
      if (value !== undefined && !fits(kind, own, value)) expect([isLiteral, value]).toEqual([false, expect.stringContaining("{{")]);
    }
  });
});

test("each kind of parameter has its kind of field", () => {
  const kinds = Object.fromEntries(nodeTypes.map(({ type, parametersSchema }) => [type, Object.fromEntries(fieldsOf(parametersSchema as JsonObject, {}).map(({ name, kind }) => [name, kind]))]));
  expect(kinds.http_request).toEqual({
    method: "choice",
    url: "text",
    path: "map",
    query: "map",
    headers: "map",
    cookies: "map",
    styles: "group",
    auth: "group",
    moreAuth: "list",
    bodyJson: "value",
    bodyText: "text",
    bodyForm: "map",
    bodyMultipart: "map",
    bodyBase64: "text",
    responseAs: "choice",
    redirects: "number",
    timeout: "number",
    expect: "list",
    failOnStatus: "switch",
    omitNullBody: "switch",
  });
  expect(kinds.code).toEqual({ source: "code", inputs: "map" });
  expect(kinds.ask_user).toEqual({ message: "text", schema: "schema", answerWithin: "number" });
  expect(kinds.validate).toEqual({ value: "value", schema: "json", onInvalid: "choice" });
  expect(kinds.mcp_tool).toMatchObject({ toolSchema: "json", arguments: "map", pinned: "group" });
  expect(kinds.for_each).toMatchObject({ items: "list", itemRetries: "group", expression: "code" });
});

test("a condition shows one of its two ways to ask, and wants Right where the operator does", () => {
  expect(names("condition", {})).toEqual(["left", "operator", "right", "expression"]);
  expect(names("condition", { expression: "x" })).toEqual(["expression", "inputs"]);
  expect(required("condition", { left: 1, operator: "equals" })).toEqual(["left", "operator", "right"]);
  expect(required("condition", { left: 1, operator: "truthy" })).toEqual(["left", "operator"]);
  // What is there is shown, though it makes no sense.
  expect(names("condition", { expression: "x", left: 1 })).toEqual(["left", "expression", "inputs"]);
});

test("what is given in place of something else takes its place", () => {
  expect(names("ask_model", { prompt: "Hi" })).not.toContain("messages");
  expect(required("ask_model", { prompt: "Hi" })).toEqual(["prompt"]);
  expect(fieldsOf(schemaOf("ask_model"), {}).find(({ name }) => name === "prompt")!.instead).toEqual(["Messages"]);
  expect(names("http_request", { url: "x", bodyJson: {} })).not.toEqual(expect.arrayContaining(["bodyText"]));
  expect(names("return", {})).toEqual(["text", "json", "asItComes"]);
  expect(fieldsOf(schemaOf("return"), { json: {} })[0]!.instead).toEqual(["Text", "As it comes"]);
  expect(names("return", { json: {} })).toEqual(["json"]);
  expect(names("merge", { wait: "first" })).toEqual(["wait"]);
});

test("conditions inside groups and items are decided on what is beside", () => {
  const auth = (schemaOf("http_request").properties as JsonObject).auth as JsonObject;
  const wanted = (value: JsonObject) => [...shapeOf(auth, value).required];
  expect(wanted({ type: "bearer" })).toEqual(["type", "secret"]);
  expect(wanted({ type: "basic" })).toEqual(["type", "secret", "username"]);
  expect(wanted({ type: "none" })).toEqual(["type"]);
  expect(wanted({ type: "oauth2ClientCredentials" })).toEqual(["type", "secret", "tokenUrl", "clientId"]);
  const offered = (value: JsonObject) => fieldsOf(auth, value).map(({ name }) => name);
  expect(offered({ type: "bearer" })).toEqual(["type", "secret", "username", "name"]);
  expect(offered({ type: "oauth2ClientCredentials" })).toEqual(["type", "secret", "username", "name", "tokenUrl", "clientId", "clientAuth", "scopes", "tokenParameters"]);
  expect([field("", itemsOf("http_request", "moreAuth"))].map(({ kind }) => kind)).toEqual(["group"]);
  expect([...shapeOf(itemsOf("return_content", "content"), { type: "image" }).required]).toEqual(["type", "data", "mimeType"]);
  expect(fieldsOf(itemsOf("switch", "cases"), { expression: "x" }).map(({ name }) => name)).toEqual(["name", "expression"]);
  expect(required("set_fields", { keep: ["a"] })).toEqual(["fields", "from"]);
});

test("a key that has no place is told apart", () => {
  expect(strangeKeys(schemaOf("http_request"), { url: "x", verb: "GET" })).toEqual(["verb"]);
});

test("a value that does not fit its field is known", () => {
  const method = fieldsOf(schemaOf("http_request"), {})[0]!;
  expect([fits("choice", method.schema, "GET"), fits("choice", method.schema, "FETCH"), fits("choice", method.schema, "{{ a.b }}")]).toEqual([true, false, false]);
  expect([fits("number", {}, 3), fits("number", {}, "{{ a.b }}"), fits("number", {}, [])]).toEqual([true, true, false]);
  expect([fits("list", {}, []), fits("map", {}, []), fits("switch", {}, "true")]).toEqual([true, false, false]);
});

test("a part of a schema is enough to decide conditions on", () => {
  expect(holds({ properties: { a: { enum: [1, 2] } }, required: ["a"] }, { a: 2 })).toBe(true);
  expect(holds({ properties: { a: { const: 1 } } }, {})).toBe(true);
  expect(holds({ not: { required: ["a"] } }, { a: 1 })).toBe(false);
  expect(holds({ type: ["number", "null"] }, 3)).toBe(true);
  expect(holds({ anyOf: [{ type: "string" }, { type: "null" }] }, 3)).toBe(false);
  expect(holds({ oneOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1, b: 1 })).toBe(false);
});

test("keys are set at their place, and taken away", () => {
  const value = { b: 1, a: 2 };
  expect(JSON.stringify(withKey(value, "b", 3))).toBe('{"b":3,"a":2}');
  expect(JSON.stringify(withKey(value, "c", null))).toBe('{"b":1,"a":2,"c":null}');
  expect(withKey(value, "b", undefined)).toEqual({ a: 2 });
  expect(JSON.stringify(withName(value, "b", "__proto__"))).toBe('{"__proto__":1,"a":2}');
  expect([emptied([1]), emptied({ a: 1 }), emptied("x")]).toEqual([[], {}, ""]);
});

test("a text in a number's field is a number where it is one", () => {
  expect([" 30 ", "-1.5e3", "1.", "0x1", "{{ a.b }}"].map(numberFrom)).toEqual([30, -1500, "1.", "0x1", "{{ a.b }}"]);
});

test("titles and units are words", () => {
  expect([titled("costPriority"), titled("order_id")]).toEqual(["Cost priority", "Order id"]);
  const unit = (type: string, name: string) => unitOf(fieldsOf(schemaOf(type), {}).find((each) => each.name === name)!);
  expect([unit("http_request", "timeout"), unit("delay", "seconds"), unit("for_each", "itemTimeoutSeconds"), unit("http_request", "url")]).toEqual(["seconds", "", "seconds", ""]);
  expect(typesOf({ type: ["integer", "string"] })).toEqual(["number", "string"]);
});
