// Expressions in parameters, as flows/engine/paths.py reads them: which names they begin with, and other names in their place.
import type { Json } from "./draft";

const ROOT = /\s*([A-Za-z_][A-Za-z0-9_]*)/y;
const STEP = /(?:\?\.(?=\[)|\?(?=\.))?(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[\d{1,9}\]|\["(?:[^"\\]|\\.)*"\]|\['(?:[^'\\]|\\.)*'\])/y;
const FALLBACK = /\s*\?\?\s*/y;
const LITERAL = /["'[{0-9-]|(?:true|false|null)(?![A-Za-z0-9_])/y;

function matchAt(pattern: RegExp, text: string, at: number) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** One expression with other names at the beginning of its paths; one that is malformed stays as it is. */
function renamedInside(inside: string, rename: (root: string) => string): string {
  let [at, done] = [0, ""];
  for (;;) {
    const root = matchAt(ROOT, inside, at);
    if (!root) return inside;
    const from = at;
    at += root[0].length;
    done += inside.slice(from, at - root[1]!.length) + rename(root[1]!);
    for (let step; (step = matchAt(STEP, inside, at)); at += step[0].length) done += step[0];
    const fallback = matchAt(FALLBACK, inside, at);
    if (!fallback) return inside.slice(at).trim() ? inside : done + inside.slice(at);
    done += fallback[0];
    at += fallback[0].length;
    if (matchAt(LITERAL, inside, at)) return done + inside.slice(at);
  }
}

/** A text with something else in the place of each `{{ ... }}`. */
export function replaced(text: string, other: (inside: string) => string): string {
  let [at, done] = [0, ""];
  for (;;) {
    const start = text.indexOf("{{", at);
    const end = start < 0 ? -1 : text.indexOf("}}", start + 2);
    if (end < 0) return done + text.slice(at);
    done += text.slice(at, start) + other(text.slice(start + 2, end));
    at = end + 2;
  }
}

/**
 * A JSON value with each of its texts changed. `schema` is its JSON Schema: parts that it calls literal hold no expressions
 * and stay. What is not changed is the same value as before.
 */
export function mapTexts<T extends Json | undefined>(value: T, schema: unknown, change: (text: string) => string): T {
  const rule = (schema ?? {}) as { "x-literal"?: boolean; items?: unknown; properties?: Record<string, unknown> };
  if (rule["x-literal"] === true) return value;
  if (typeof value === "string") return change(value) as T;
  if (value === null || typeof value !== "object") return value;
  let isChanged = false;
  const changed = (child: Json, inner: unknown) => {
    const other = mapTexts(child, inner, change);
    isChanged ||= other !== child;
    return other;
  };
  const whole = Array.isArray(value)
    ? value.map((child) => changed(child, rule.items))
    : Object.fromEntries(Object.entries(value).map(([key, child]) => [key, changed(child!, rule.properties?.[key])]));
  return isChanged ? (whole as T) : value;
}

/** Parameters in whose expressions some slugs are other ones now. */
export function withSlugs<T extends Json | undefined>(value: T, schema: unknown, slugs: ReadonlyMap<string, string>): T {
  const rename = (root: string) => slugs.get(root) ?? root;
  return mapTexts(value, schema, (text) => replaced(text, (inside) => `{{${renamedInside(inside, rename)}}}`));
}
