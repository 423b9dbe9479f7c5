// The paths that stand in `{{ }}`, by the rules of flows/engine/paths.py and flows/engine/expressions.py, for what is
// shown while somebody writes. What a flow does with them is decided there.
import type { Json } from "../draft/draft";

/** A slug or a root of the host, then keys and indices; `optional` are the places of the steps written `?.`. */
export interface Path {
  source: string;
  root: string;
  /** Where the root stands in the source. */
  start: number;
  steps: (string | number)[];
  optional: Set<number>;
  fallback?: Path | { value: Json };
}

/** What each root stands for. */
export type Scope = { [root: string]: Json };

/** A text that is no path; the message says what to change. */
export class PathError extends Error {}

/** A path that leads nowhere; what it names is not there. */
export class MissingValue extends Error {}

const ROOT = /\s*([A-Za-z_][A-Za-z0-9_]*)/y;
const STEP = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,9})\]|\["((?:[^"\\]|\\.)*)"\]|\['((?:[^'\\]|\\.)*)'\]/y;
const LITERAL = /["'[{0-9-]|(?:true|false|null)(?![A-Za-z0-9_])/y;
const SINGLE = /'((?:[^'\\]|\\.)*)'/y;
const PLAIN_JSON = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const SPACES = /\s*/y;

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Where each `{{ ... }}` of a text starts and ends. */
export function marksIn(text: string): [start: number, end: number][] {
  const marks: [number, number][] = [];
  let start = text.indexOf("{{");
  while (start >= 0) {
    const end = text.indexOf("}}", start + 2);
    if (end < 0) break;
    marks.push([start, end + 2]);
    start = text.indexOf("{{", end + 2);
  }
  return marks;
}

export const hasExpression = (value: unknown) => typeof value === "string" && marksIn(value).length > 0;

/** Read the inside of `{{ }}`. */
export function parse(source: string): Path {
  const first = pathAt(source, 0);
  let [path, position] = first;
  while (source.startsWith("??", position)) {
    if (path.root === "secrets") throw new PathError("A secret takes no fallback; a flow does not run without it.");
    position = match(SPACES, source, position + 2)![0].length + position + 2;
    if (match(LITERAL, source, position)) {
      const [value, end] = literalAt(source, position);
      path.fallback = { value };
      position = end;
      break;
    }
    const [next, end] = pathAt(source, position);
    path.fallback = next;
    [path, position] = [next, end];
  }
  if (position < source.length) throw notAPath(source);
  return first[0];
}

function pathAt(source: string, at: number): [Path, number] {
  const root = match(ROOT, source, at);
  if (!root) throw notAPath(source);
  let position = at + root[0].length;
  const path: Path = { source: source.trim(), root: root[1]!, start: position - root[1]!.length, steps: [], optional: new Set() };
  for (;;) {
    const isOptional = source.startsWith("?.", position);
    const step = match(STEP, source, isOptional ? position + (source[position + 2] === "[" ? 2 : 1) : position);
    if (!step) {
      if (isOptional) throw notAPath(source);
      break;
    }
    if (isOptional) path.optional.add(path.steps.length);
    const [, key, index, double, single] = step;
    path.steps.push(index !== undefined ? Number(index) : (key ?? (double ?? single ?? "").replace(/\\(.)/gs, "$1")));
    position = STEP.lastIndex;
  }
  return [path, position + match(SPACES, source, position)![0].length];
}

function literalAt(source: string, at: number): [Json, number] {
  const after = (end: number) => end + match(SPACES, source, end)![0].length;
  const single = match(SINGLE, source, at);
  if (single) return [single[1]!.replace(/\\(.)/gs, "$1"), after(at + single[0].length)];
  const plain = match(PLAIN_JSON, source, at);
  let end = at + (plain?.[0].length ?? 0);
  if (!plain) {
    // An object or a list: up to the bracket that closes the first one.
    let depth = 0;
    do {
      const text = match(/"(?:[^"\\]|\\.)*"/y, source, end);
      if (text) end += text[0].length;
      else {
        if ("[{".includes(source[end]!)) depth += 1;
        if ("]}".includes(source[end]!)) depth -= 1;
        end += 1;
      }
    } while (depth > 0 && end < source.length);
  }
  try {
    return [JSON.parse(source.slice(at, end)) as Json, after(end)];
  } catch {
    throw new PathError('What stands after ?? is neither a path nor JSON. Write a path, or a value such as 10, "none", true or [].');
  }
}

const notAPath = (source: string) =>
  new PathError(
    `“${source.trim()}” is not a path. Write a node's slug, then keys and indices: fetch.body.items[0].id, with ?? and a fallback where it may be missing.`,
  );

/** The value in a scope, or that of the fallback when it is missing or null; throws MissingValue when it leads nowhere. */
export function resolve(path: Path, scope: Scope): Json {
  const { fallback } = path;
  if (!fallback) return find(path, scope);
  let found: Json = null;
  try {
    found = find(path, scope);
  } catch {
    // It falls back.
  }
  if (found !== null) return found;
  return "root" in fallback ? resolve(fallback, scope) : fallback.value;
}

function find({ root, steps, optional }: Path, scope: Scope): Json {
  if (!Object.hasOwn(scope, root)) {
    if (optional.has(0)) return null;
    throw new MissingValue(`${root} is not known here.`);
  }
  let value = scope[root]!;
  for (const [place, step] of steps.entries()) {
    const isList = Array.isArray(value);
    const isThere =
      isList ? typeof step === "number" && step < (value as Json[]).length : value !== null && typeof value === "object" && Object.hasOwn(value, step);
    if (!isThere) {
      if (optional.has(place) || optional.has(place + 1)) return null;
      throw new MissingValue(`${root}${steps.slice(0, place).map(stepText).join("")} has no ${JSON.stringify(step)}.`);
    }
    value = (value as { [key: string]: Json })[step]!;
  }
  return value;
}

/** A key or an index as it stands in a path. */
export function stepText(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(step) ? `.${step}` : `["${step.replace(/[\\"]/g, "\\$&")}"]`;
}

/** A JSON value inside other text. */
export function asText(value: Json): string {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(inText).join(", ")}]`;
  return `{${Object.entries(value)
    .map(([key, child]) => `${JSON.stringify(key)}: ${inText(child)}`)
    .join(", ")}}`;
}

const inText = (value: Json) => (typeof value === "string" ? JSON.stringify(value) : asText(value));
