// A JSON Schema of an object as rows: one for each property. Everything that rows cannot say stays as it is written.
import type { Json, JsonObject } from "../draft/draft";
import { withKey, withName } from "./fields";

export interface Parameter {
  name: string;
  schema: JsonObject;
  /** Undefined where the schema is no object of one type: rows leave it alone. */
  type: string | undefined;
  isRequired: boolean;
  /** Keywords that are kept, and edited as JSON. */
  also: string[];
}

export const TYPES: Record<string, string> = {
  string: "Text",
  number: "Number",
  integer: "Whole number",
  boolean: "Yes or no",
  array: "List",
  object: "Object",
};

const SAID = ["type", "title", "description", "default", "enum", "items", "properties", "required", "additionalProperties"];
const SAID_OF_ALL = ["type", "properties", "required", "additionalProperties", "$schema"];

const isObject = (value: unknown): value is JsonObject => value !== null && typeof value === "object" && !Array.isArray(value);
const propertiesOf = (schema: JsonObject): JsonObject => (isObject(schema.properties) ? schema.properties : {});
const requiredOf = (schema: JsonObject): Json[] => (Array.isArray(schema.required) ? schema.required : []);

export function parametersOf(schema: JsonObject): Parameter[] {
  return Object.entries(propertiesOf(schema)).map(([name, rule]) => {
    const own = isObject(rule) ? rule : {};
    const isPlain = isObject(rule) && typeof rule.type === "string" && rule.type in TYPES;
    return {
      name,
      schema: own,
      type: isPlain ? (rule.type as string) : undefined,
      isRequired: requiredOf(schema).includes(name),
      also: isPlain ? Object.keys(own).filter((key) => !SAID.includes(key)) : [],
    };
  });
}

/** Keywords of the whole that rows do not show. */
export const alsoSaid = (schema: JsonObject) => Object.keys(schema).filter((key) => !SAID_OF_ALL.includes(key));

/** A new property, a text at first. */
export const withParameter = (schema: JsonObject, name: string): JsonObject => ({
  ...schema,
  type: "object",
  properties: { ...propertiesOf(schema), ...Object.fromEntries([[name, { type: "string" }]]) },
});

export function withoutParameter(schema: JsonObject, name: string): JsonObject {
  return needing({ ...schema, properties: withKey(propertiesOf(schema), name, undefined) }, requiredOf(schema).filter((each) => each !== name));
}

export function renamedParameter(schema: JsonObject, from: string, to: string): JsonObject {
  return needing({ ...schema, properties: withName(propertiesOf(schema), from, to) }, requiredOf(schema).map((each) => (each === from ? to : each)));
}

export function withRequired(schema: JsonObject, name: string, isRequired: boolean): JsonObject {
  const others = requiredOf(schema).filter((each) => each !== name);
  return needing(schema, isRequired ? [...others, name] : others);
}

const needing = (schema: JsonObject, names: Json[]) =>
  names.length || "required" in schema ? withKey(schema, "required", names.length ? names : undefined) : schema;

export const withSchemaOf = (schema: JsonObject, name: string, own: JsonObject): JsonObject => ({
  ...schema,
  properties: withKey(propertiesOf(schema), name, own),
});

/** A property of another type, without what that type has no use for. */
export function retyped(own: JsonObject, type: string): JsonObject {
  const kept = Object.entries(own).filter(([key]) => ["title", "description"].includes(key));
  const inside: JsonObject = type === "array" ? { items: { type: "string" } } : type === "object" ? { properties: {} } : {};
  return { type, ...Object.fromEntries(kept), ...inside };
}

/** A schema that fits a value, for an answer to begin from. */
export function inferred(value: Json): JsonObject {
  if (Array.isArray(value)) return value.length ? { type: "array", items: inferredOfAll(value) } : { type: "array" };
  if (isObject(value)) {
    const properties = Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inferred(child)]));
    return { type: "object", properties, required: Object.keys(value) };
  }
  if (value === null) return { type: "null" };
  return { type: typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value };
}

function inferredOfAll(values: Json[]): JsonObject {
  const schemas = values.map(inferred);
  const first = schemas[0]!;
  if (schemas.every((each) => each.type === "object")) {
    const names = [...new Set(schemas.flatMap((each) => Object.keys(propertiesOf(each))))];
    const ofName = (name: string) => values.filter((each) => Object.hasOwn(each as JsonObject, name)).map((each) => (each as JsonObject)[name]!);
    const required = names.filter((name) => ofName(name).length === values.length);
    return { type: "object", properties: Object.fromEntries(names.map((name) => [name, inferredOfAll(ofName(name))])), ...(required.length ? { required } : {}) };
  }
  const types = [...new Set(schemas.map((each) => each.type as string))].filter((type, _, all) => type !== "integer" || !all.includes("number"));
  return types.length === 1 && JSON.stringify(first) === JSON.stringify(schemas.at(-1)) ? first : { type: types.length === 1 ? types[0]! : types };
}
