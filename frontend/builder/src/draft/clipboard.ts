// Nodes as text: to copy and paste, in one flow, between flows, and from a definition that somebody wrote.
import { TRIGGER } from "./connecting";
import type { Connection, Definition, Draft, DraftNode, Group, Note } from "./draft";
import { withSlugsInside, type NodeTypes } from "./edits";
import { onGrid, type Place } from "./layout";
import { freeName, freeSlug, newId, SLUG, slugOf } from "./names";

/** These nodes and notes with the connections and groups among them, as JSON text. */
export function copied({ definition: { nodes, connections, notes = [], groups = [] } }: Draft, ids: ReadonlySet<string>): string {
  const part = {
    nodes: nodes.filter(({ id }) => ids.has(id)),
    connections: connections.filter(({ sourceNodeId, targetNodeId }) => ids.has(sourceNodeId) && ids.has(targetNodeId)),
    notes: notes.filter(({ id }) => ids.has(id)),
    groups: groups.filter(({ nodeIds }) => nodeIds.every((id) => ids.has(id))),
  };
  return JSON.stringify(part, null, 2);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const listOf = <T>(value: unknown) => (Array.isArray(value) ? (value.filter(isObject) as unknown as T[]) : []);
const isPlace = (value: unknown): value is Place => isObject(value) && Number.isFinite(value.x) && Number.isFinite(value.y);

/** What a text holds of a definition, or of something that has one; undefined when that is nothing. */
export function read(text: string): Required<Definition> | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(whole)) return undefined;
  const inner = isObject(whole.definition) ? whole.definition : isObject(whole.flow) && isObject(whole.flow.definition) ? whole.flow.definition : whole;
  const nodes = listOf<DraftNode>(inner.nodes).filter((node) => [node.id, node.type].every((each) => typeof each === "string" && each));
  const notes = listOf<Note>(inner.notes).filter((note) => typeof note.id === "string" && typeof note.text === "string");
  if (!nodes.length && !notes.length) return undefined;
  const groups = listOf<Group>(inner.groups).filter((group) => Array.isArray(group.nodeIds));
  return { nodes, notes, groups, connections: listOf<Connection>(inner.connections) };
}

export interface Pasted {
  draft: Draft;
  ids: string[];
}

/**
 * Puts what `read` gave into a draft, with its left upper corner at a place: with new ids, and with names and slugs that are
 * free, which the expressions inside it follow. A trigger is taken along only where there is none; else the draft's own
 * stands for it.
 */
export function pasted(draft: Draft, { nodes, connections, notes, groups }: Required<Definition>, corner: Place, types: NodeTypes): Pasted {
  const old = draft.definition;
  const own = old.nodes.find(({ type }) => type === TRIGGER);
  const [ids, slugs] = [new Map<string, string>(), new Map<string, string>()];
  const taken: DraftNode[] = [];
  for (const node of nodes) {
    if (ids.has(node.id)) continue;
    if (node.type === TRIGGER && (own ?? taken.find(({ type }) => type === TRIGGER))) {
      const trigger = own ?? taken.find(({ type }) => type === TRIGGER)!;
      ids.set(node.id, trigger.id);
      slugs.set(node.slug, trigger.slug);
      continue;
    }
    const sofar = { ...old, nodes: [...old.nodes, ...taken] };
    const wanted = typeof node.slug === "string" && SLUG.test(node.slug) ? node.slug : slugOf(String(node.name || node.type));
    const made = { ...node, id: newId(), name: freeName(String(node.name || node.type), sofar), slug: freeSlug(wanted, sofar) };
    ids.set(node.id, made.id);
    slugs.set(node.slug, made.slug);
    taken.push(made);
  }
  const places = [...taken, ...notes].map(({ position }) => position).filter(isPlace);
  const [left, top] = [Math.min(...places.map(({ x }) => x)), Math.min(...places.map(({ y }) => y))];
  const placeOf = (position: unknown, index: number) =>
    isPlace(position) ? { x: corner.x + onGrid(position.x - left), y: corner.y + onGrid(position.y - top) } : { x: corner.x + 33 * index, y: corner.y + 33 * index };
  const fresh = taken.map((node, index) => withSlugsInside({ ...node, position: placeOf(node.position, index) }, slugs, types));
  const freshNotes = notes.map((note, index) => ({ ...note, id: newId(), position: placeOf(note.position, index) }));
  const isTaken = new Set(fresh.map(({ id }) => id));
  const lines = connections
    .map((line) => ({ ...line, id: newId(), sourceNodeId: ids.get(line.sourceNodeId)!, targetNodeId: ids.get(line.targetNodeId)! }))
    .filter(({ sourceNodeId, targetNodeId }) => sourceNodeId && targetNodeId && isTaken.has(targetNodeId));
  const frames = groups
    .map(({ name, nodeIds }) => ({ id: newId(), name: String(name ?? ""), nodeIds: nodeIds.map((id) => ids.get(id)!).filter((id) => isTaken.has(id)) }))
    .filter(({ nodeIds }) => nodeIds.length);
  const definition: Definition = {
    ...old,
    nodes: [...old.nodes, ...fresh],
    connections: [...old.connections, ...lines],
    ...(freshNotes.length && { notes: [...(old.notes ?? []), ...freshNotes] }),
    ...(frames.length && { groups: [...(old.groups ?? []), ...frames] }),
  };
  return { draft: { ...draft, definition }, ids: [...fresh, ...freshNotes].map(({ id }) => id) };
}
