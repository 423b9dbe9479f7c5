// From a JSON Schema and a value to the fields of a form. Nothing here writes a key that nobody touched: what a field is
// of is shown as it is, whether it fits or not.
import type { Json, JsonObject } from "../draft/draft";
import { hasExpression } from "../expressions/paths";

/**
 * `list`, `map` and `group` hold fields: the items of a list, the values of any names, the properties of an object.
 * `value` is any JSON value, or one of several types; `code` is Python, `schema` a JSON Schema as rows, `json` text.
 */
export type Kind = "text" | "number" | "choice" | "switch" | "list" | "map" | "group" | "value" | "code" | "schema" | "json";

export interface Field {
  name: string;
  kind: Kind;
  schema: JsonObject;
  title: string;
  description: string;
  isRequired: boolean;
  /** Taken as it is written: no expression is filled in. */
  isLiteral: boolean;
  /** The titles of fields that can be given in its place. */
  instead: string[];
}

const isObject = (value: unknown): value is JsonObject => value !== null && typeof value === "object" && !Array.isArray(value);
const objectAt = (schema: JsonObject, key: string): JsonObject => (isObject(schema[key]) ? (schema[key] as JsonObject) : {});
const listAt = (schema: JsonObject, key: string): Json[] => (Array.isArray(schema[key]) ? (schema[key] as Json[]) : []);

export function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

const equal = (one: Json, other: Json) => JSON.stringify(one) === JSON.stringify(other);

/** Whether a value fits as much of a schema as conditions are made of; keywords that are not known hold. */
export function holds(schema: Json, value: Json): boolean {
  if (!isObject(schema)) return schema !== false;
  const all = (key: string) => listAt(schema, key).every((each) => holds(each, value));
  if (typeof schema.type === "string" || Array.isArray(schema.type)) {
    const [types, type] = [[schema.type].flat() as string[], typeOf(value)];
    if (!types.includes(type) && !(type === "integer" && types.includes("number"))) return false;
  }
  if (Array.isArray(schema.enum) && !schema.enum.some((each) => equal(each, value))) return false;
  if ("const" in schema && !equal(schema.const!, value)) return false;
  if ("not" in schema && holds(schema.not!, value)) return false;
  if (!all("allOf")) return false;
  if (schema.anyOf && !listAt(schema, "anyOf").some((each) => holds(each, value))) return false;
  if (schema.oneOf && listAt(schema, "oneOf").filter((each) => holds(each, value)).length !== 1) return false;
  if (!isObject(value)) return true;
  return (
    listAt(schema, "required").every((name) => Object.hasOwn(value, name as string)) &&
    Object.entries(objectAt(schema, "properties")).every(([name, rule]) => !Object.hasOwn(value, name) || holds(rule, value[name]!))
  );
}

interface Shape {
  properties: Map<string, JsonObject>;
  refused: Set<string>;
  required: Set<string>;
  /** Lists of names of which one is wanted. */
  alternatives: string[][];
  isClosed: boolean;
}

/** What a schema says of an object as it stands: its conditions decided on what is there. */
export function shapeOf(schema: JsonObject, value: JsonObject): Shape {
  const shape: Shape = { properties: new Map(), refused: new Set(), required: new Set(), alternatives: [], isClosed: schema.additionalProperties === false };
  take(schema, value, shape);
  return shape;
}

function take(schema: Json, value: JsonObject, shape: Shape) {
  if (!isObject(schema)) return;
  for (const [name, rule] of Object.entries(objectAt(schema, "properties"))) {
    if (rule === false) shape.refused.add(name);
    else shape.properties.set(name, { ...shape.properties.get(name), ...(isObject(rule) ? rule : {}) });
  }
  const need = (names: Json[]) => names.forEach((name) => shape.required.add(name as string));
  need(listAt(schema, "required"));
  const isThere = (name: string) => Object.hasOwn(value, name);
  for (const [name, names] of Object.entries(objectAt(schema, "dependentRequired"))) if (isThere(name)) need(names as Json[]);
  for (const [name, rule] of Object.entries(objectAt(schema, "dependentSchemas"))) if (isThere(name)) take(rule, value, shape);
  if ("if" in schema) take(schema[holds(schema.if!, value) ? "then" : "else"] ?? true, value, shape);
  for (const each of listAt(schema, "allOf")) take(each, value, shape);
  const alternatives = listAt(schema, "oneOf").map((each) => (isObject(each) ? (listAt(each, "required") as string[]) : []));
  if (alternatives.every((names) => names.length)) shape.alternatives.push(...alternatives);
}

/** The fields of an object, in the schema's order, without those that make no sense beside what is there. */
export function fieldsOf(schema: JsonObject, value: JsonObject): Field[] {
  const { properties, refused, required, alternatives } = shapeOf(schema, value);
  const isThere = (name: string) => Object.hasOwn(value, name);
  const isFull = typeof schema.maxProperties === "number" && Object.keys(value).length >= schema.maxProperties;
  const taken = alternatives.find((names) => names.every(isThere));
  const others = new Set(taken ? alternatives.flat().filter((name) => !taken.includes(name)) : []);
  const titleOf = (name: string) => field(name, properties.get(name) ?? {}).title;
  // Of what is given already it is said too: whoever empties it may give the other.
  const choices = schema.maxProperties === 1 ? [...properties.keys()] : [...new Set(alternatives.flat())];
  return [...properties]
    .filter(([name]) => isThere(name) || !(refused.has(name) || isFull || others.has(name)))
    .map(([name, rule]) => ({
      ...field(name, rule),
      isRequired: required.has(name) || (taken?.includes(name) ?? false),
      instead: choices.includes(name) ? choices.filter((each) => each !== name && !taken?.includes(each)).map(titleOf) : [],
    }));
}

/** Keys that a schema has no place for. */
export function strangeKeys(schema: JsonObject, value: JsonObject): string[] {
  const { properties, isClosed } = shapeOf(schema, value);
  return isClosed ? Object.keys(value).filter((name) => !properties.has(name)) : [];
}

/** One field by itself: an item of a list, a value of a map. */
export function field(name: string, schema: JsonObject): Field {
  return {
    name,
    kind: kindOf(name, schema),
    schema,
    title: typeof schema.title === "string" ? schema.title : titled(name),
    description: typeof schema.description === "string" ? schema.description : "",
    isRequired: false,
    isLiteral: schema["x-literal"] === true || schema.format === "flow-tool-name",
    instead: [],
  };
}

/** `costPriority` as words. */
export function titled(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, (_, end, start) => `${end} ${start.toLowerCase()}`).replace(/_/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function kindOf(name: string, schema: JsonObject): Kind {
  if (Array.isArray(schema.enum)) return "choice";
  switch (schema.type) {
    case "string":
      return schema.format === "python" ? "code" : "text";
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "switch";
    case "array":
      return "list";
    case "object": {
      const inside = objectAt(schema, "properties");
      if (isObject(inside.properties) && isObject(inside.type) && inside.type.const === "object") return "schema";
      if (Object.keys(inside).length) return "group";
      return schema["x-literal"] === true || /schema$/i.test(name) ? "json" : "map";
    }
    default:
      return "value";
  }
}

/** Whether a field of this kind can show a value as it is; an expression fits none but text, numbers and values. */
export function fits(kind: Kind, schema: JsonObject, value: Json): boolean {
  switch (kind) {
    case "text":
    case "code":
      return typeof value === "string";
    case "number":
      return typeof value === "number" || typeof value === "string";
    case "choice":
      return (schema.enum as Json[]).some((each) => equal(each, value));
    case "switch":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value);
    case "value":
      return true;
    default:
      return isObject(value);
  }
}

/** The JSON types that a value may have. */
export function typesOf(schema: JsonObject): string[] {
  const types = schema.type === undefined ? ["string", "number", "boolean", "null", "array", "object"] : ([schema.type].flat() as string[]);
  return types.map((type) => (type === "integer" ? "number" : type));
}

/** What is measured, where the schema says it. */
export function unitOf({ schema, description, title }: Field): string {
  if (schema.type !== "number" && schema.type !== "integer") return "";
  const unit = /^(?:how many )?(seconds|bytes)\b/i.exec(description)?.[1] ?? "";
  return unit.toLowerCase() === title.toLowerCase() ? "" : unit.toLowerCase();
}

/** What holds where nothing is written. */
export const defaultOf = ({ schema }: Field): string =>
  schema.default === undefined ? "" : typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);

/** Whether a new value of this kind is rather an expression, as in the node type's example. */
export const beginsAsExpression = ({ kind, name }: Field, example: JsonObject | undefined) =>
  !["text", "number", "value"].includes(kind) && hasExpression(example?.[name]);

/** The object with a key set in its place, or without it. */
export function withKey(object: JsonObject, key: string, value: Json | undefined): JsonObject {
  const entries = Object.entries(object);
  if (value === undefined) return Object.fromEntries(entries.filter(([name]) => name !== key));
  if (!Object.hasOwn(object, key)) return Object.fromEntries([...entries, [key, value]]);
  return Object.fromEntries(entries.map(([name, old]) => [name, name === key ? value : old]));
}

/** The object with a key named otherwise, at the same place. */
export const withName = (object: JsonObject, from: string, to: string): JsonObject =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name === from ? to : name, value]));

/** What is left of a row's value when everything in it is taken away. */
export const emptied = (value: Json): Json => (Array.isArray(value) ? [] : isObject(value) ? {} : "");

/** What a text in a number's field means: a number where it is one, else the text itself. */
export const numberFrom = (text: string): Json => (/^\s*-?\d+(\.\d+)?([eE][+-]?\d+)?\s*$/.test(text) ? Number(text) : text);

/** The place of a key or an index, as faults name it. */
export const placeOf = (path: string, step: string | number) => (typeof step === "number" ? `${path}[${step}]` : path ? `${path}.${step}` : step);
