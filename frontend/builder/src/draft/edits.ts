// Steps in building: each takes a draft and gives the one after it. Rules of connecting are asked before, see connecting.ts.
import { MAIN, TRIGGER, downstream } from "./connecting";
import { nodeOf, wayOf, withNode, type Connection, type Definition, type Draft, type DraftNode, type Group, type JsonObject, type NodeType } from "./draft";
import { freshParameters } from "./fresh";
import { GAP_X, layered, onGrid, WIDTH, type Place, type Shape } from "./layout";
import { freeName, freeSlug, newId, slugOf } from "./names";
import { withSlugs } from "./references";

/** From one node to the next, its width included. */
export const STEP_X = WIDTH + GAP_X;
const STEP_Y = 110;

export type NodeTypes = ReadonlyMap<string, NodeType>;

function inDefinition(draft: Draft, edit: (definition: Definition) => Partial<Definition>): Draft {
  return { ...draft, definition: { ...draft.definition, ...edit(draft.definition) } };
}

const at = (node: DraftNode): Place => node.position ?? { x: 0, y: 0 };

/** The place itself, or the first one below it where no node stands. */
export function freePlace({ nodes, notes = [] }: Definition, { x, y }: Place): Place {
  const taken = [...nodes.map(at), ...notes.map(({ position }) => position)];
  const place = { x: onGrid(x), y: onGrid(y) };
  while (taken.some((other) => Math.abs(other.x - place.x) < WIDTH && Math.abs(other.y - place.y) < STEP_Y - 11)) place.y += STEP_Y;
  return place;
}

/** Where a new node stands that comes from the line of another node. */
export type Origin = { source: string; way: string } | { target: string };

export interface Added {
  draft: Draft;
  id: string;
}

/** Puts a node of a type at a place, connected with where it comes from; the caller knows that both are possible. */
export function addNode(draft: Draft, type: NodeType, place: Place, origin?: Origin): Added {
  const { definition } = draft;
  const before = origin && "source" in origin ? nodeOf(draft, origin.source) : undefined;
  const node: DraftNode = {
    id: newId(),
    type: type.type,
    name: freeName(type.title, definition),
    slug: freeSlug(slugOf(type.title), definition),
    position: freePlace(definition, place),
    parameters: freshParameters(type, before?.slug),
  };
  const added = inDefinition(draft, ({ nodes }) => ({ nodes: [...nodes, node] }));
  if (!origin) return { draft: added, id: node.id };
  const [source, way, target] = "source" in origin ? [origin.source, origin.way, node.id] : [node.id, type.handles[0] ?? MAIN, origin.target];
  return { draft: connect(added, source, way, target), id: node.id };
}

/** Puts a node on a connection, between its ends; what stands in the way moves to the right. */
export function insertNode(draft: Draft, type: NodeType, connectionId: string): Added {
  const line = draft.definition.connections.find(({ id }) => id === connectionId)!;
  const [from, to] = [nodeOf(draft, line.sourceNodeId)!, nodeOf(draft, line.targetNodeId)!];
  const missing = at(from).x + 2 * STEP_X - at(to).x;
  const after = downstream(draft.definition, to.id);
  const moved = missing > 0 ? moveNodes(draft, new Map(draft.definition.nodes.filter(({ id }) => after.has(id)).map((node) => [node.id, { x: at(node).x + onGrid(missing), y: at(node).y }]))) : draft;
  const parted = disconnect(moved, [line.id]);
  const place = { x: at(from).x + STEP_X, y: missing > 0 ? at(to).y : (at(from).y + at(to).y) / 2 };
  const { draft: added, id } = addNode(parted, type, place, { source: from.id, way: wayOf(line) });
  return { draft: type.handles.length ? connect(added, id, type.handles[0]!, to.id) : added, id };
}

export function connect(draft: Draft, source: string, way: string, target: string): Draft {
  const line: Connection = { id: newId(), sourceNodeId: source, ...(way === MAIN ? {} : { sourceHandle: way }), targetNodeId: target };
  return inDefinition(draft, ({ connections }) => ({ connections: [...connections, line] }));
}

export function disconnect(draft: Draft, ids: Iterable<string>): Draft {
  const gone = new Set(ids);
  return inDefinition(draft, ({ connections }) => ({ connections: connections.filter(({ id }) => !gone.has(id)) }));
}

/** Takes nodes, notes and connections away, and what hangs on them; a group without nodes goes too. */
export function remove(draft: Draft, ids: Iterable<string>): Draft {
  const gone = new Set(ids);
  return inDefinition(draft, ({ nodes, connections, notes, groups }) => ({
    nodes: nodes.filter(({ id }) => !gone.has(id)),
    connections: connections.filter(({ id, sourceNodeId, targetNodeId }) => ![id, sourceNodeId, targetNodeId].some((each) => gone.has(each))),
    ...(notes && { notes: notes.filter(({ id }) => !gone.has(id)) }),
    ...(groups && { groups: groupsWithout(groups, gone) }),
  }));
}

const groupsWithout = (groups: readonly Group[], gone: ReadonlySet<string>) =>
  groups.map((group) => ({ ...group, nodeIds: group.nodeIds.filter((id) => !gone.has(id)) })).filter(({ nodeIds }) => nodeIds.length);

/** New places for nodes and notes. */
export function moveNodes(draft: Draft, places: ReadonlyMap<string, Place>): Draft {
  const moved = <T extends { id: string; position?: Place }>(each: T) => (places.has(each.id) ? { ...each, position: places.get(each.id)! } : each);
  return inDefinition(draft, ({ nodes, notes }) => ({ nodes: nodes.map(moved), ...(notes && { notes: notes.map(moved) }) }));
}

/** Gives every node a place: where some have one, beside what leads to it; where none has, or two have the same, in columns. */
export function placed(draft: Draft, shapeOf: (node: DraftNode) => Shape): Draft {
  const { nodes, connections } = draft.definition;
  const isPlace = (place: Place | undefined) => Number.isFinite(place?.x) && Number.isFinite(place?.y);
  const lost = nodes.filter(({ position }) => !isPlace(position));
  if (lost.length && lost.length < nodes.length) {
    return lost.reduce((now, { id }) => {
      const before = nodeOf(now, connections.find(({ targetNodeId }) => targetNodeId === id)?.sourceNodeId);
      const place = isPlace(before?.position) ? { x: before!.position!.x + STEP_X, y: before!.position!.y } : { x: 0, y: 0 };
      return moveNodes(now, new Map([[id, freePlace(now.definition, place)]]));
    }, draft);
  }
  if (!lost.length && new Set(nodes.map(({ position }) => `${position!.x} ${position!.y}`)).size === nodes.length) return draft;
  return moveNodes(draft, layered(nodes.map(shapeOf), connections));
}

/** The whole in columns, with its left upper corner where it was. */
export function tidied(draft: Draft, shapeOf: (node: DraftNode) => Shape): Draft {
  const { nodes, connections } = draft.definition;
  const [left, top] = [Math.min(...nodes.map((node) => at(node).x)), Math.min(...nodes.map((node) => at(node).y))];
  const places = [...layered(nodes.map(shapeOf), connections)].map(([id, { x, y }]) => [id, { x: x + onGrid(left), y: y + onGrid(top) }] as const);
  return moveNodes(draft, new Map(places));
}

export function rename(draft: Draft, id: string, name: string): Draft {
  const node = nodeOf(draft, id)!;
  return name.trim() && name !== node.name ? withNode(draft, { ...node, name }) : draft;
}

/** Another slug, by which every expression of the draft names the node from now on; the caller knows that it is free. */
export function renameSlug(draft: Draft, id: string, slug: string, types: NodeTypes): Draft {
  const old = nodeOf(draft, id)!.slug;
  if (slug === old) return draft;
  const slugs = new Map([[old, slug]]);
  return inDefinition(draft, ({ nodes }) => ({
    nodes: nodes.map((node) => (node.id === id ? { ...node, slug } : node)).map((node) => withSlugsInside(node, slugs, types)),
  }));
}

/** A node whose expressions name others by other slugs. */
export function withSlugsInside(node: DraftNode, slugs: ReadonlyMap<string, string>, types: NodeTypes): DraftNode {
  const parameters = withSlugs(node.parameters, types.get(node.type)?.parametersSchema, slugs);
  return parameters === node.parameters ? node : { ...node, parameters: parameters as JsonObject };
}

/** Switches nodes off, or on when all of them are off; the trigger stays on. */
export function toggle(draft: Draft, ids: Iterable<string>): Draft {
  const meant = new Set(ids);
  const isMeant = ({ id, type }: DraftNode) => meant.has(id) && type !== TRIGGER;
  const isOff = draft.definition.nodes.filter(isMeant).every(({ disabled }) => disabled);
  return inDefinition(draft, ({ nodes }) => ({
    nodes: nodes.map((node) => {
      if (!isMeant(node)) return node;
      const { disabled, ...rest } = node;
      return isOff ? rest : { ...rest, disabled: true };
    }),
  }));
}

export function addNote(draft: Draft, place: Place, text: string): Added {
  const id = newId();
  const position = freePlace(draft.definition, place);
  return { draft: inDefinition(draft, ({ notes = [] }) => ({ notes: [...notes, { id, text, position }] })), id };
}

export const writeNote = (draft: Draft, id: string, text: string): Draft =>
  inDefinition(draft, ({ notes = [] }) => ({ notes: notes.map((note) => (note.id === id ? { ...note, text } : note)) }));

/** A frame around nodes, which leave the frames that they were in. */
export function group(draft: Draft, nodeIds: readonly string[], name: string): Added {
  const id = newId();
  return { draft: inDefinition(draft, ({ groups = [] }) => ({ groups: [...groupsWithout(groups, new Set(nodeIds)), { id, name, nodeIds: [...nodeIds] }] })), id };
}

export const renameGroup = (draft: Draft, id: string, name: string): Draft =>
  inDefinition(draft, ({ groups = [] }) => ({ groups: groups.map((each) => (each.id === id ? { ...each, name } : each)) }));

/** Takes the frame away; its nodes stay. */
export const ungroup = (draft: Draft, id: string): Draft => inDefinition(draft, ({ groups = [] }) => ({ groups: groups.filter((each) => each.id !== id) }));
