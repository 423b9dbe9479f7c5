// Expressions in parameters, which name other nodes by their slugs.
import { marksIn, parse, type Path } from "../expressions/paths";
import type { Json } from "./draft";

/** A text with something else in the place of each `{{ ... }}`. */
export function replaced(text: string, other: (inside: string) => string): string {
  let [at, done] = [0, ""];
  for (const [start, end] of marksIn(text)) {
    done += text.slice(at, start) + other(text.slice(start + 2, end - 2));
    at = end;
  }
  return done + text.slice(at);
}

/** One expression with other names at the beginning of its paths; one that is malformed stays as it is. */
function renamedInside(inside: string, slugs: ReadonlyMap<string, string>): string {
  let path: Path | undefined;
  try {
    path = parse(inside);
  } catch {
    return inside;
  }
  let [at, done] = [0, ""];
  for (; path; path = path.fallback && "root" in path.fallback ? path.fallback : undefined) {
    done += inside.slice(at, path.start) + (slugs.get(path.root) ?? path.root);
    at = path.start + path.root.length;
  }
  return done + inside.slice(at);
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
  return mapTexts(value, schema, (text) => replaced(text, (inside) => `{{${renamedInside(inside, slugs)}}}`));
}
