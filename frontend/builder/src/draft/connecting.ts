// Which connections a draft takes, and why not, in the words of the server's check (flows/engine/graph.py).
import { wayOf, type Definition } from "./draft";

export const TRIGGER = "trigger";
export const MAIN = "main";

/** What is to be connected: a way out of one node with another node. */
export interface Wish {
  source: string;
  way: string;
  target: string;
}

/** The sentence that refuses a connection; undefined when it can be made. `ways` are the ways out of its source. */
export function refusal(definition: Definition, { source, way, target }: Wish, ways: readonly string[]): string | undefined {
  const [from, to] = [source, target].map((id) => definition.nodes.find((node) => node.id === id));
  if (!from || !to) return "There is no such node.";
  if (to.type === TRIGGER) return "Nothing can lead into the trigger.";
  if (!ways.includes(way)) return `“${from.name}” has no way out “${way}”; it has: ${ways.join(", ") || "none"}.`;
  if (definition.connections.some((each) => each.sourceNodeId === source && wayOf(each) === way && each.targetNodeId === target))
    return `“${from.name}” and “${to.name}” are connected already.`;
  const circle = pathBetween(definition, target, source);
  if (!circle) return undefined;
  const names = [...circle, target].map((id) => definition.nodes.find((node) => node.id === id)?.name ?? id);
  return `The connections would run in a circle: ${names.join(" → ")}.`;
}

/** Why a node of this type cannot be added; undefined when it can. */
export function refusalOfType({ nodes }: Definition, type: string): string | undefined {
  const trigger = type === TRIGGER && nodes.find((node) => node.type === TRIGGER);
  return trigger ? `“${trigger.name}” is already the flow's trigger.` : undefined;
}

/** The nodes along a way from one to another, both included; the shortest one. */
function pathBetween({ connections }: Definition, from: string, to: string): string[] | undefined {
  const before = new Map<string, string | undefined>([[from, undefined]]);
  for (const [id] of before) {
    if (id === to) {
      const path = [id];
      for (let each = before.get(id); each !== undefined; each = before.get(each)) path.unshift(each);
      return path;
    }
    for (const line of connections) {
      if (line.sourceNodeId === id && !before.has(line.targetNodeId)) before.set(line.targetNodeId, id);
    }
  }
  return undefined;
}

/** All that comes after a node, itself included. */
export function downstream({ connections }: Definition, id: string): Set<string> {
  const found = new Set([id]);
  for (const each of found) for (const line of connections) if (line.sourceNodeId === each) found.add(line.targetNodeId);
  return found;
}
