// A draft as a nested list: what follows a node stands below it, and what only one of its ways leads to stands under that way.
import type { Connection, Draft, DraftNode } from "../draft/draft";

export interface Item {
  node: DraftNode;
  /** For a node with several ways out: what each leads to. */
  branches: { way: string; items: Item[]; /** Nodes that this way leads to and that stand elsewhere in the list. */ goesOnAt: DraftNode[] }[];
  /** For a node with one way out: nodes that follow it and that stand elsewhere in the list. */
  goesOnAt: DraftNode[];
}

export interface Outline {
  items: Item[];
  /** Nodes that no way from the trigger leads to. */
  loose: Item[];
}

const wayOf = (connection: Connection) => connection.sourceHandle ?? "main";

/**
 * Each node once, where the longest way from the trigger leads to it: so what joins branches stands below all of them, and
 * not inside the first. `waysOf` gives a node's ways out. A draft may be faulty: circles and lost ends are no error.
 */
export function outlineOf({ definition }: Draft, waysOf: (node: DraftNode) => string[], trigger = "trigger"): Outline {
  const { nodes, connections } = definition;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const after = new Map<string, Connection[]>();
  const before = new Map<string, Set<string>>();
  for (const each of connections) {
    if (!byId.has(each.sourceNodeId) || !byId.has(each.targetNodeId)) continue;
    after.set(each.sourceNodeId, [...(after.get(each.sourceNodeId) ?? []), each]);
    before.set(each.targetNodeId, (before.get(each.targetNodeId) ?? new Set()).add(each.sourceNodeId));
  }
  const placed = new Set<string>();
  const known = new Map<string, Set<string>>();

  /** All that is reached from here, this node included. */
  function reached(ids: string[]): Set<string> {
    const found = new Set<string>();
    const open = [...ids];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      open.push(...(after.get(id) ?? []).map((each) => each.targetNodeId));
    }
    return found;
  }

  function reachedFrom(id: string): Set<string> {
    const found = known.get(id) ?? reached([id]);
    known.set(id, found);
    return found;
  }

  /** The chain that begins with these nodes; `inside` are those that may stand in it. */
  function chain(starts: string[], inside: Set<string>): Item[] {
    const items: Item[] = [];
    const waiting = [...starts];
    while (waiting.length) {
      // What waits for another of this chain comes after it.
      const ready = waiting.findIndex((id) => !waiting.some((other) => other !== id && reachedFrom(other).has(id) && !reachedFrom(id).has(other)));
      const id = waiting.splice(Math.max(ready, 0), 1)[0]!;
      if (placed.has(id) || !inside.has(id)) continue;
      placed.add(id);
      const node = byId.get(id)!;
      const item: Item = { node, branches: [], goesOnAt: [] };
      items.push(item);
      const out = after.get(id) ?? [];
      const ways = [...new Set([...waysOf(node), ...out.map(wayOf)])];
      const targets = new Map(ways.map((way) => [way, [...new Set(out.filter((each) => wayOf(each) === way).map((each) => each.targetNodeId))]]));
      if (ways.length > 1) {
        const own = (way: string) => {
          const others = reached(ways.filter((other) => other !== way).flatMap((other) => targets.get(other)!));
          return new Set([...reached(targets.get(way)!)].filter((each) => inside.has(each) && !others.has(each)));
        };
        for (const way of ways) {
          const only = own(way);
          const below = chain(targets.get(way)!, only);
          const goesOnAt = targets.get(way)!.filter((each) => !only.has(each)).map((each) => byId.get(each)!);
          item.branches.push({ way, items: below, goesOnAt });
        }
        // What several ways lead to follows this node.
        const joined = [...reached([...targets.values()].flat())].filter((each) => !placed.has(each) && inside.has(each));
        waiting.push(...joined.filter((each) => ![...(before.get(each) ?? [])].some((source) => joined.includes(source))));
      } else {
        const next = targets.get(ways[0]!) ?? [];
        item.goesOnAt = next.filter((each) => placed.has(each) || !inside.has(each)).map((each) => byId.get(each)!);
        waiting.push(...next.filter((each) => !placed.has(each) && inside.has(each)));
      }
    }
    return items;
  }

  const starts = nodes.filter((node) => node.type === trigger).map((node) => node.id);
  const items = chain(starts, reached(starts));
  const rest = nodes.filter((node) => !placed.has(node.id)).map((node) => node.id);
  const heads = rest.filter((id) => ![...(before.get(id) ?? [])].some((source) => rest.includes(source)));
  const loose = [...chain(heads, new Set(rest)), ...rest.flatMap((id) => chain([id], new Set(rest)))];
  return { items, loose };
}
