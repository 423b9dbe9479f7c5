import type { Json } from "../draft/draft";

/** A value as JSON in one line, cut. */
export function shown(value: Json, length = 60): string {
  const text = JSON.stringify(value);
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
