// What can be written at a place of a definition's JSON text, by the schemas of node types and what stands around it.
import type { Json, JsonObject, NodeType } from "../draft/draft";
import { fieldsOf, placeOf, shapeOf } from "../inspector/fields";
import { SETTINGS } from "../inspector/settings-schema";
import { caretIn, placesIn, type Range, type Step } from "./places";

export interface Offer {
  /** A key, or a value. */
  value: Json;
  /** What it is, and what it does, in words. */
  title: string;
  says: string;
}

export interface Offers extends Range {
  isKey: boolean;
  offers: Offer[];
}

const text = (description: string): JsonObject => ({ type: "string", description });
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: "object", properties, ...more });
const list = (items: JsonObject, description: string): JsonObject => ({ type: "array", items, description });

const POSITION = object({ x: { type: "number" }, y: { type: "number" } }, { description: "Of its left upper corner on the canvas." });

/** Its parameters are those of its type. */
const NODE = object({
  id: text("How connections name it."),
  type: text("What it does."),
  name: text("What people call it."),
  slug: text("How expressions name it."),
  position: POSITION,
  parameters: object({}, { description: "What it is given; what there is depends on its type." }),
  settings: { ...SETTINGS, description: "Timeout, retries, and what happens when it fails." },
  disabled: { type: "boolean", description: "Passed over: what arrives goes on at its way out main." },
  heldOutput: { description: "What stands for its output in tests, so that it is not executed." },
});

const CONNECTION = object({
  id: text("Its own."),
  sourceNodeId: text("The node that it comes from."),
  sourceHandle: text("The way out that it takes; main where it is left out."),
  targetNodeId: text("The node that it leads to."),
  targetHandle: { ...text("Always main, and so where it is left out."), const: "main" },
});

const DEFINITION = object({
  nodes: list(NODE, "What is done."),
  connections: list(CONNECTION, "In which order."),
  notes: list(object({ id: text("Its own."), text: text("What is written on it."), position: POSITION }), "Papers on the canvas."),
  groups: list(object({ id: text("Its own."), name: text("What is written on it."), nodeIds: list(text("The id of a node."), "What it holds.") }), "Frames around nodes."),
});

const isObject = (value: unknown): value is JsonObject => value !== null && typeof value === "object" && !Array.isArray(value);

/** What a text has, as far as it can be read. */
class Written {
  #text: string;
  #places: ReadonlyMap<string, Range>;

  constructor(text: string) {
    this.#text = text;
    this.#places = placesIn(text);
  }

  /** A value; of an object or a list that there is one. */
  at(place: string): Json | undefined {
    const range = this.#places.get(place);
    if (!range) return undefined;
    const value = this.#text.slice(range.from, range.to).replace(/^"(?:[^"\\]|\\.)*"\s*:\s*/, "");
    if (value === "{") return {};
    if (value === "[") return [];
    try {
      return JSON.parse(value) as Json;
    } catch {
      return undefined;
    }
  }

  /** The members of an object, each as far as `at` gives it. */
  membersOf(place: string): JsonObject {
    const start = place ? `${place}.` : "";
    const names = [...this.#places.keys()].filter((each) => each.startsWith(start) && each.length > start.length).map((each) => each.slice(start.length));
    return Object.fromEntries(names.filter((name) => !/[.[]/.test(name)).map((name) => [name, this.at(placeOf(place, name)) ?? null]));
  }

  /** The ids of nodes, with what people call them. */
  nodes(): Offer[] {
    const found: Offer[] = [];
    for (let index = 0; this.#places.has(`nodes[${index}]`); index += 1) {
      const id = this.at(`nodes[${index}].id`);
      const [name, type] = ["name", "type"].map((key) => this.at(`nodes[${index}].${key}`) ?? "");
      if (typeof id === "string") found.push({ value: id, title: String(name), says: String(type) });
    }
    return found;
  }
}

/** What can be written at a position; undefined where nothing is known. `waysOf` gives the ways out of the node of an id. */
export function offersAt(text: string, position: number, types: ReadonlyMap<string, NodeType>, waysOf: (id: string) => string[]): Offers | undefined {
  const caret = caretIn(text, position);
  if (!caret) return undefined;
  const { path, step, token } = caret;
  const written = new Written(text);
  const place = path.reduce<string>(placeOf, "");
  const holder = schemaAt(path, written, types);
  if (step === undefined) {
    const [there, current] = [written.membersOf(place), text.slice(token.from, token.to).replaceAll('"', "")];
    const offers = fieldsOf(holder, there)
      .filter(({ name }) => name === current || !Object.hasOwn(there, name))
      .map(({ name, description }) => ({ value: name, title: "", says: description }));
    return { ...token, isKey: true, offers };
  }
  return { ...token, isKey: false, offers: values() };

  function values(): Offer[] {
    const [part, , key] = [...path, step] as Step[];
    if (part === "nodes" && path.length === 2 && key === "type") return [...types.values()].map(({ type, title, description }) => ({ value: type, title, says: description }));
    if (part === "connections" && (key === "sourceNodeId" || key === "targetNodeId")) return written.nodes();
    if (part === "groups" && key === "nodeIds") return written.nodes();
    if (part === "connections" && key === "sourceHandle") {
      const source = written.at(`${place}.sourceNodeId`);
      return typeof source === "string" ? waysOf(source).map((way) => ({ value: way, title: "", says: "" })) : [];
    }
    const schema = schemaAt([...path, step!], written, types);
    const says = (value: Json) => (value === schema.default ? "as without it" : "");
    const all = Array.isArray(schema.enum) ? schema.enum : "const" in schema ? [schema.const!] : schema.type === "boolean" ? [true, false] : "default" in schema ? [schema.default!] : [];
    return all.map((value) => ({ value, title: says(value), says: "" }));
  }
}

/** The schema of what stands at a path. */
function schemaAt(path: readonly Step[], written: Written, types: ReadonlyMap<string, NodeType>): JsonObject {
  let [schema, place] = [DEFINITION, ""];
  for (const [depth, step] of path.entries()) {
    const next: Json | undefined =
      typeof step === "number" ? schema.items : (shapeOf(schema, written.membersOf(place)).properties.get(step) ?? schema.additionalProperties);
    place = placeOf(place, step);
    schema = isObject(next) ? next : {};
    if (depth === 2 && path[0] === "nodes" && step === "parameters") {
      const type = written.at(`${path.slice(0, 2).reduce<string>(placeOf, "")}.type`);
      schema = (types.get(String(type))?.parametersSchema ?? {}) as JsonObject;
    }
  }
  return schema;
}
