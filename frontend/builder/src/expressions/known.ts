// What the expressions of a node may name, which of it fits what is being typed, and what an expression gives.
import type { components } from "../api";
import type { Draft, DraftNode, Json, JsonObject } from "../draft/draft";
import { asText, marksIn, parse, resolve, type Path, type PathError, type Scope } from "./paths";

/** One thing to name, with a value that it had in the newest executions. */
export interface Known {
  path: string;
  types: string[];
  /** Whose output it is; empty for what the host provides. */
  node: string;
  sample?: Json;
}

export const knownFrom = (inputs: components["schemas"]["NodeInputs"]): Known[] =>
  inputs.items.map(({ path, types, nodeName, samples }) => ({
    path,
    types,
    node: nodeName ?? "",
    ...(samples.length ? { sample: samples[0] as Json } : {}),
  }));

/** As much as the draft itself says: for a node that nothing leads to yet, or that the server does not have yet. */
export function knownWithout(draft: Draft, nodeId: string): Known[] {
  const { nodes, connections } = draft.definition;
  const before = new Set<string>();
  const pending = [nodeId];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const { sourceNodeId, targetNodeId } of connections) {
      if (targetNodeId !== id || before.has(sourceNodeId)) continue;
      before.add(sourceNodeId);
      pending.push(sourceNodeId);
    }
  }
  const ofTrigger = ({ slug, name }: DraftNode): Known[] =>
    Object.entries((draft.inputSchema.properties ?? {}) as JsonObject).map(([key, rule]) => ({
      path: `${slug}.${key}`,
      types: [(rule as JsonObject | null)?.type ?? []].flat() as string[],
      node: name,
    }));
  const found = nodes.filter(({ id, type }) => id !== nodeId && (before.has(id) || type === "trigger"));
  return [
    ...found.flatMap((node) => [{ path: node.slug, types: [], node: node.name }, ...(node.type === "trigger" ? ofTrigger(node) : [])]),
    ...["now", "execution.id", "execution.toolName", "caller.clientName", "caller.principal", "flowhub.url"].map((path) => ({
      path,
      types: ["string"],
      node: "",
    })),
  ];
}

/** The values, put together from those of their parts. */
export function scopeOf(known: Known[]): Scope {
  const scope: Scope = {};
  for (const { path, sample } of known) {
    if (sample === undefined) continue;
    const { root, steps } = parse(path);
    let [place, key]: [JsonObject | Json[], string | number] = [scope, root];
    for (const step of steps) {
      const holder = place as JsonObject;
      if (!Object.hasOwn(holder, key) || holder[key] === null || typeof holder[key] !== "object") holder[key] = typeof step === "number" ? [] : {};
      [place, key] = [holder[key] as JsonObject, step];
    }
    (place as JsonObject)[key] = sample;
  }
  return scope;
}

/** What is known, with the values of one call, by slugs, in place of those of several. */
export const withValues = (known: Known[], call: Scope): Known[] =>
  known.map((each) => {
    try {
      return { ...each, sample: resolve(parse(each.path), call) };
    } catch {
      return each;
    }
  });

/** What a text with expressions gives; `unknown` where no execution has shown it. In a text, what is not known stays as it is. */
export type Preview = { kind: "value" | "secret"; value: Json } | { kind: "unknown" | "malformed"; says: string };

const HIDDEN = "••••";

export function preview(text: string, known: Known[]): Preview | undefined {
  const marks = marksIn(text);
  if (!marks.length) return undefined;
  const scope = scopeOf(known);
  const parts: Json[] = [];
  let [last, hasSecret] = [0, false];
  const unknown: string[] = [];
  for (const [start, end] of marks) {
    let path: Path;
    try {
      path = parse(text.slice(start + 2, end - 2));
    } catch (error) {
      return { kind: "malformed", says: (error as PathError).message };
    }
    const isSecret = path.root === "secrets";
    hasSecret ||= isSecret;
    parts.push(text.slice(last, start));
    try {
      parts.push(isSecret ? HIDDEN : resolve(path, scope));
    } catch {
      parts.push(text.slice(start, end));
      unknown.push(path.root);
    }
    last = end;
  }
  if (unknown.length === marks.length) {
    // What no path begins with here is a fault, which the server tells.
    const isHere = known.some(({ path }) => parse(path).root === unknown[0]);
    return isHere ? { kind: "unknown", says: `No call has shown ${text.slice(...marks[0]!)} yet.` } : undefined;
  }
  const isLone = marks.length === 1 && text.trim() === text.slice(...marks[0]!);
  const value = isLone ? parts[1]! : [...parts, text.slice(last)].map(asText).join("");
  return { kind: hasSecret ? "secret" : "value", value };
}

/** The secrets that a text names. */
export function secretsIn(text: string): string[] {
  return marksIn(text).flatMap(([start, end]) => /^\{\{\s*secrets\.([A-Z][A-Z0-9_]*)\s*\}\}$/.exec(text.slice(start, end))?.[1] ?? []);
}

/** The expression that is being typed at a place of a text: where its path begins, and as much as there is of it. */
export function typedAt(text: string, caret: number): { from: number; typed: string } | undefined {
  const before = text.slice(0, caret);
  const start = before.lastIndexOf("{{");
  if (start < 0 || before.indexOf("}}", start) >= 0) return undefined;
  const part = /^(?:.*\?\?)?\s*([A-Za-z_][^\s]*)?$/s.exec(before.slice(start + 2));
  if (!part) return undefined;
  const typed = part[1] ?? "";
  return { from: caret - typed.length, typed };
}

const MAX_SHOWN = 40;

/** What may be meant by what is typed: what begins so first, then what holds it. */
export function proposals(known: Known[], typed: string): Known[] {
  const wanted = typed.toLowerCase();
  const begin = known.filter(({ path }) => path.toLowerCase().startsWith(wanted));
  const hold = known.filter(({ path }) => !begin.some((each) => each.path === path) && path.toLowerCase().includes(wanted));
  const [exact, longer] = [begin.filter(({ path }) => path === typed), begin.filter(({ path }) => path !== typed)];
  return [...longer, ...hold, ...exact].slice(0, MAX_SHOWN);
}

/** The text with a path where it was being typed, closed if it was not, and where to go on. */
export function completed(text: string, caret: number, from: number, path: string): { text: string; caret: number } {
  const rest = text.slice(caret);
  const isClosed = /^[^{]*?\}\}/s.test(rest);
  const space = /\{\{$/.test(text.slice(0, from)) ? " " : "";
  const written = text.slice(0, from) + space + path + (isClosed ? "" : " }}");
  return { text: written + rest, caret: written.length };
}
