// From a JSON text to a definition that the canvas can draw, or to what is in its way. See flows/pages/editor.py.
import type { Definition, DraftNode, Fault } from "../draft/draft";
import { placesIn, rangeOf, type Range } from "./places";

export interface Mark extends Range {
  message: string;
}

const TEXTS = { nodes: ["id", "type", "name", "slug"], connections: ["id", "sourceNodeId", "targetNodeId"], notes: ["id", "text"], groups: ["id", "name"] };

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

export function readDefinition(text: string): { definition: Definition } | { wrong: Mark } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { wrong: syntax(text, (error as Error).message) };
  }
  const wrong = ([place, message]: [string, string]) => ({ wrong: { ...rangeOf(placesIn(text), place), message } });
  if (!isObject(value)) return wrong(["", "A definition is an object with the lists nodes and connections."]);
  for (const [part, texts] of Object.entries(TEXTS)) {
    const items = value[part] ?? (part === "notes" || part === "groups" ? [] : undefined);
    if (!Array.isArray(items)) return wrong([part, `A definition has a list of ${part}.`]);
    const ids = new Set<unknown>();
    for (const [index, item] of items.entries()) {
      const place = `${part}[${index}]`;
      if (!isObject(item)) return wrong([place, `Each of ${part} is an object.`]);
      const missing = texts.find((name) => typeof item[name] !== "string");
      if (missing) return wrong([`${place}.${missing}`, `Each of ${part} has a text as its ${missing}.`]);
      if (ids.has(item.id)) return wrong([`${place}.id`, `Another one of ${part} has the id “${item.id as string}”.`]);
      ids.add(item.id);
      if (part === "groups" && !Array.isArray(item.nodeIds)) return wrong([`${place}.nodeIds`, "Each of groups has a list of the ids of its nodes as its nodeIds."]);
      if (part === "notes" && !isObject(item.position)) return wrong([`${place}.position`, "Each of notes has a position with x and y."]);
    }
  }
  return { definition: value as unknown as Definition };
}

/** Browsers say where it stands in words of their own. */
function syntax(text: string, message: string): Mark {
  const [, position] = /at position (\d+)/.exec(message) ?? [];
  const [, line, column] = /at line (\d+) column (\d+)/.exec(message) ?? [];
  const before = line ? text.split("\n").slice(0, Number(line) - 1).join("\n").length + Number(column) : undefined;
  const at = Math.min(position ? Number(position) : (before ?? text.length), text.length);
  const words = message.replace(/^JSON\.parse: /, "").replace(/ (in JSON )?at (position|line) .*$/, "");
  return { from: Math.max(0, Math.min(at, text.length - 1)), to: Math.min(at + 1, text.length), message: `This is no JSON yet: ${words}.` };
}

const PART = /^definition\.(nodes|connections|notes|groups)\[(\d+)\]/;

/** The server's faults, at what they are about; those of what is gone, or is not in the definition, are left out. */
export function marksIn(text: string, definition: Definition, faults: readonly Fault[], judged: Definition): (Mark & { id?: string })[] {
  const places = placesIn(text);
  return faults.flatMap(({ path, key, message }) => {
    if (path !== "definition" && !path.startsWith("definition.")) return [];
    let place = path.replace(/^definition\.?/, "");
    const [start, part, number] = PART.exec(path) ?? [];
    const id = part && (judged[part as "nodes"] as DraftNode[] | undefined)?.[Number(number)]?.id;
    if (id) {
      const index = definition[part as "nodes"]!.findIndex((each) => each.id === id);
      if (index < 0) return [];
      place = `${part}[${index}]${path.slice(start!.length)}`;
    }
    return [{ ...rangeOf(places, key ? `${place}.${key}` : place), message, ...(id && part === "nodes" && { id }) }];
  });
}
