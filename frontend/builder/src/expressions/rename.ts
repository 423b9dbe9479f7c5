// A node's slug, and every expression that names it.
import type { Draft, Json, JsonObject, NodeType } from "../draft/draft";
import { renamedIn } from "./paths";

/** First names of a path that the host gives a value. */
const RESERVED = ["execution", "flowhub", "secrets", "caller", "now"];

/** Why a node cannot have a slug; empty where it can. */
export function slugFault(draft: Draft, nodeId: string, slug: string): string {
  if (!/^[a-z][a-z0-9_]{0,63}$/.test(slug)) return "Write small letters, digits and underscores, a letter first, at most 64.";
  if (RESERVED.includes(slug)) return `${slug} has a meaning of its own in expressions; take another.`;
  const other = draft.definition.nodes.find((node) => node.id !== nodeId && node.slug === slug);
  return other ? `${other.name} has this slug already.` : "";
}

/** The draft with a node's slug changed, in the expressions of all nodes too; what is taken as it is written stays so. */
export function renameSlug(draft: Draft, nodeId: string, slug: string, nodeTypes: ReadonlyMap<string, NodeType>): Draft {
  const old = draft.definition.nodes.find(({ id }) => id === nodeId)?.slug;
  if (old === undefined || old === slug) return draft;
  const nodes = draft.definition.nodes.map((node) => {
    const schema = nodeTypes.get(node.type)?.parametersSchema as JsonObject | undefined;
    const parameters = node.parameters && (renamed(node.parameters, schema, old, slug) as JsonObject);
    const isSame = JSON.stringify(parameters) === JSON.stringify(node.parameters);
    return { ...node, ...(isSame ? {} : { parameters: parameters! }), ...(node.id === nodeId ? { slug } : {}) };
  });
  return { ...draft, definition: { ...draft.definition, nodes } };
}

function renamed(value: Json, schema: Json | undefined, from: string, to: string): Json {
  const rule = (schema !== null && typeof schema === "object" ? schema : {}) as JsonObject;
  if (rule["x-literal"] === true) return value;
  if (typeof value === "string") return renamedIn(value, from, to);
  if (Array.isArray(value)) return value.map((child) => renamed(child, rule.items, from, to));
  if (value === null || typeof value !== "object") return value;
  const inside = (rule.properties ?? {}) as JsonObject;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, renamed(child, Object.hasOwn(inside, key) ? inside[key] : undefined, from, to)]));
}
