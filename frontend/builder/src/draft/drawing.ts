// A draft as the canvas draws it.
import { NOTE, type CanvasConnection, type CanvasData, type CanvasNode } from "../model";
import { TRIGGER } from "./connecting";
import { wayOf, type Draft, type DraftNode, type Fault } from "./draft";
import type { NodeTypes } from "./edits";
import { WIDTH, type Shape } from "./layout";
import { drawnWays, type Ways } from "./ways";

const HEIGHT = 84;
const WAY = 20;

export const heightOf = (ways: readonly string[]) => Math.max(HEIGHT, WAY * (ways.length + 1));

export const shapesIn = (draft: Draft, ways: Ways) => (node: DraftNode): Shape => {
  const out = drawnWays(node, ways.of(node), draft.definition);
  return { id: node.id, ways: out, height: heightOf(out) };
};

const PART = /^(?:definition\.)?(nodes|connections)\[(\d+)\]/;

/** The faults of each node and connection, by its id; `judged` is the draft whose numbers they name. */
export function faultsById(faults: readonly Fault[], judged: Draft): Map<string, Fault[]> {
  const found = new Map<string, Fault[]>();
  for (const fault of faults) {
    const [, part, number] = PART.exec(fault.path) ?? [];
    const id = part && judged.definition[part as "nodes" | "connections"][Number(number)]?.id;
    if (id) found.set(id, [...(found.get(id) ?? []), fault]);
  }
  return found;
}

/** What stands around a graph and stays: where icons are, and where a node type's page is. */
export interface Surroundings {
  types: NodeTypes;
  ways: Ways;
  icons: string;
}

const NOTE_HEIGHT = 84;

/** The picture of a draft; parts that are as in `last` are the same values, so that they need not be drawn again. */
export function drawn(draft: Draft, faults: ReadonlyMap<string, readonly Fault[]>, around: Surroundings, last?: CanvasData): CanvasData {
  const { nodes, connections, notes = [], groups = [] } = draft.definition;
  const before = new Map(last?.nodes.map((node) => [node.id, node]));
  const sameIfEqual = (node: CanvasNode) => {
    const old = before.get(node.id);
    return old && JSON.stringify(old) === JSON.stringify(node) ? old : node;
  };
  const boxes = nodes.map((node, index): CanvasNode => {
    const type = around.types.get(node.type);
    const own = around.ways.of(node);
    const ways = drawnWays(node, own, draft.definition);
    const taken = new Set(connections.filter(({ sourceNodeId }) => sourceNodeId === node.id).map(wayOf));
    return sameIfEqual({
      id: node.id,
      name: node.name,
      type: node.type,
      title: type?.title ?? node.type,
      icon: type?.icon ?? "",
      group: type?.group ?? "",
      help: type ? `/node-types/${node.type}/` : "",
      x: node.position?.x ?? 0,
      y: node.position?.y ?? 0,
      height: heightOf(ways),
      ways,
      isStart: node.type === TRIGGER,
      draft: {
        index,
        slug: node.slug,
        parameters: node.parameters ?? {},
        settings: node.settings ?? {},
        faults: (faults.get(node.id) ?? []).map(({ message }) => message),
      },
      edited: { free: own.filter((way) => !taken.has(way)), isDisabled: node.disabled === true, isHeld: node.heldOutput !== undefined },
    });
  });
  const papers = notes.map(({ id, text, position }) =>
    sameIfEqual({ id, name: text, type: NOTE, title: "Note", icon: "", group: "", help: "", x: position?.x || 0, y: position?.y || 0, height: NOTE_HEIGHT, ways: [], isStart: false }),
  );
  const lines = connections
    .filter(({ sourceNodeId, targetNodeId }) => [sourceNodeId, targetNodeId].every((id) => nodes.some((node) => node.id === id)))
    .map((line): CanvasConnection => ({ id: line.id, source: line.sourceNodeId, way: wayOf(line), target: line.targetNodeId, isFaulty: faults.has(line.id) }));
  const inputs = Object.keys((draft.inputSchema?.properties as object | undefined) ?? {});
  return { icons: around.icons, width: WIDTH, nodes: [...boxes, ...papers], connections: lines, inputs, groups: groups.filter(({ nodeIds }) => Array.isArray(nodeIds)) };
}
