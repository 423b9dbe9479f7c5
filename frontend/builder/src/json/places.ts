// Where things stand in a definition's JSON text, which may be half written.
import type { Definition } from "../draft/draft";
import { placeOf } from "../inspector/fields";

/** A definition as it is written. */
export const textOf = (definition: Definition) => JSON.stringify(definition, null, 2);

export type Step = string | number;

/** From its key, or in a list from itself, to its end; to the first brace or bracket of what holds others. */
export interface Range {
  from: number;
  to: number;
}

/** An object or a list that was begun. */
interface Open {
  isList: boolean;
  /** The member that is read: of an object undefined until its key is known. */
  step: Step | undefined;
  keyFrom: number;
  /** Behind the colon of a key, or anywhere in a list. */
  isAtValue: boolean;
}

const TOKEN = /"(?:[^"\\\n]|\\.)*"?|[[\]{}:,]|[^\s[\]{}:,"]+/g;

function unquoted(text: string): string {
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1);
  }
}

/** Reads a text up to `end`, and calls `found` at each value. Gives what is open there, and what touches the end: still written, it is neither a key nor a value yet. */
function read(text: string, end: number, found: (path: Step[], range: Range) => void): { open: Open[]; touching: Range | undefined } {
  const open: Open[] = [];
  const path = () => open.map(({ step }) => step!);
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (index >= end) break;
    const here = { from: index, to: index + token.length };
    const now = open.at(-1);
    if (here.to >= end && !/^[[\]{}:,]$/.test(token)) return { open, touching: here };
    if (token === "{" || token === "[") {
      if (!now || now.isAtValue) found(path(), { from: now && !now.isList ? now.keyFrom : index, to: here.to });
      const isList = token === "[";
      open.push({ isList, step: isList ? 0 : undefined, keyFrom: index, isAtValue: isList });
    } else if (token === "}" || token === "]") open.pop();
    else if (!now) continue;
    else if (token === ",") {
      if (now.isList) (now.step as number)++;
      else [now.step, now.isAtValue] = [undefined, false];
    } else if (token === ":") now.isAtValue = true;
    else if (now.isAtValue) found(path(), { from: now.isList ? index : now.keyFrom, to: here.to });
    else if (token.startsWith('"')) [now.step, now.keyFrom] = [unquoted(token), index];
  }
  return { open, touching: undefined };
}

export const nameOf = (path: readonly Step[]) => path.reduce<string>(placeOf, "");

/** Where each value of a definition stands, by its place as faults name it: `nodes[1].parameters.query.a`. */
export function placesIn(text: string): Map<string, Range> {
  const places = new Map<string, Range>();
  read(text, Infinity, (path, range) => places.set(nameOf(path), range));
  return places;
}

/** Where something stands that may be missing: then what would hold it. */
export function rangeOf(places: ReadonlyMap<string, Range>, place: string): Range {
  for (let name = place; name; name = name.replace(/(?:\.|^)[^.[\]]*$|\[\d+\]$/, "")) {
    const range = places.get(name);
    if (range) return range;
  }
  return places.get("") ?? { from: 0, to: 0 };
}

/** The line, from 1, at which node number `index` of a definition begins in its JSON text; undefined where it is not there. */
export function lineOfNode(text: string, index: number): number | undefined {
  const range = placesIn(text).get(`nodes[${index}]`);
  return range && text.slice(0, range.from).split("\n").length;
}

export interface Caret {
  /** What holds what is written at the caret. */
  path: Step[];
  /** Of which member: undefined while its key is written. */
  step: Step | undefined;
  /** What is written of it, with its quotation marks. */
  token: Range;
}

/** What is written at a position: a key or a value, of what; undefined outside of everything. */
export function caretIn(text: string, at: number): Caret | undefined {
  const { open, touching: token = { from: at, to: at } } = read(text, at, () => {});
  const now = open.at(-1);
  if (!now) return undefined;
  return { path: open.slice(0, -1).map(({ step }) => step!), step: now.isAtValue ? now.step : undefined, token };
}
