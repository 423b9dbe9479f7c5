// Arguments of a call, typed into rows that follow the input schema.
import type { Json, JsonObject } from "../draft/draft";

export interface Row {
  name: string;
  title: string;
  description: string;
  isRequired: boolean;
  /** What is typed into: a line, a number, one of few values, a switch, or JSON for everything else. */
  kind: "text" | "number" | "choice" | "switch" | "json";
  choices: Json[];
  placeholder: string;
}

/** What is typed so far, by row; a row that nobody touched is not in it, and is not sent. */
export type Typed = Readonly<Record<string, string>>;

const MARK = "***";
export const isObject = (value: unknown): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);

/** The rows of a schema; undefined for one that does not list its parameters, whose arguments are written as JSON. */
export function rowsOf(schema: JsonObject): Row[] | undefined {
  const { properties, required } = schema;
  if (!isObject(properties)) return schema.type === "object" || schema.type === undefined ? [] : undefined;
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name);
  return Object.entries(properties).map(([name, property]) => {
    const rule = isObject(property) ? property : {};
    const choices = Array.isArray(rule.enum) ? rule.enum : [];
    const kind = choices.length ? "choice" : rule.type === "string" ? "text" : rule.type === "number" || rule.type === "integer" ? "number" : rule.type === "boolean" ? "switch" : "json";
    const words = (value: Json | undefined) => (typeof value === "string" ? value : "");
    const example = rule.default ?? (Array.isArray(rule.examples) ? rule.examples[0] : undefined);
    const placeholder = example === undefined ? "" : typeof example === "string" ? example : JSON.stringify(example);
    return { name, title: words(rule.title) || name, description: words(rule.description), isRequired: isRequired(name), kind, choices, placeholder };
  });
}

/** The value of a JSON text; undefined for one that is none. */
export function jsonIn(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What is typed, for arguments that are there; and those that no row is for. */
export function typedOf(rows: readonly Row[], given: JsonObject): { typed: Typed; others: string[] } {
  const typed = Object.fromEntries(
    rows.filter(({ name }) => name in given).map(({ name, kind }) => [name, kind === "text" && typeof given[name] === "string" ? (given[name] as string) : JSON.stringify(given[name])]),
  );
  return { typed, others: Object.keys(given).filter((name) => !rows.some((row) => row.name === name)) };
}

/** The arguments that are typed, or what is wrong with them by row. */
export function argumentsOf(rows: readonly Row[], typed: Typed): { given: JsonObject; wrong: Record<string, string> } {
  const given: JsonObject = {};
  const wrong: Record<string, string> = {};
  for (const { name, kind, isRequired } of rows) {
    const text = typed[name];
    if (text === undefined || (text === "" && !(kind === "text" && isRequired))) continue;
    if (kind === "text") given[name] = text;
    else {
      const value = jsonIn(text);
      if (kind === "number" && typeof value !== "number") wrong[name] = "Write a number.";
      else if (value === undefined) wrong[name] = 'This is no JSON: a text stands between quotation marks, as "so".';
      else given[name] = value;
    }
  }
  return { given, wrong };
}

/** A recorded value without what was hidden or cut, and the paths of that. */
export function wholeParts(value: Json, path = ""): { whole: Json | undefined; missing: string[] } {
  const isHole = (typeof value === "string" && value.includes(MARK)) || (isObject(value) && "$truncated" in value);
  if (isHole) return { whole: undefined, missing: [path] };
  if (typeof value !== "object" || value === null) return { whole: value, missing: [] };
  const missing: string[] = [];
  const keep = (part: Json, at: string) => {
    const found = wholeParts(part, at);
    missing.push(...found.missing);
    return found.whole;
  };
  if (Array.isArray(value)) return { whole: value.map((part, index) => keep(part, `${path}[${index}]`)).filter((part) => part !== undefined), missing };
  const members = Object.entries(value).map(([name, part]) => [name, keep(part, path ? `${path}.${name}` : name)] as const);
  return { whole: Object.fromEntries(members.filter((member): member is [string, Json] => member[1] !== undefined)), missing };
}
