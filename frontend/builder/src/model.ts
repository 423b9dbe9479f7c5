// What there is to draw, and what can be said of it without a page: places, ways through it, its order in time.
import type { NodeChange, Verdict } from "./comparison";

/** Notes are boxes of a type of their own. */
export const NOTE = "note";
export const NOTE_WIDTH = 198;

/** A node with its place (its left upper corner) and its ways out; in a draft also what it is made of. */
export interface CanvasNode {
  id: string;
  name: string;
  type: string;
  title: string;
  icon: string;
  group: string;
  /** The address of the node type's page; empty for a type that is not there. */
  help: string;
  x: number;
  y: number;
  height: number;
  ways: string[];
  isStart: boolean;
  /** Of a graph to look at; one that is edited says it in `edited`. */
  isDisabled?: boolean;
  draft?: {
    /** Its number in the definition. */
    index: number;
    slug: string;
    parameters: object;
    /** What parameters are called, of a graph to look at. */
    titles?: Record<string, string>;
    settings: object;
    faults: string[];
  };
  /** Where two states are compared. */
  change?: NodeChange;
  /** While it can be edited: the ways out that lead nowhere, and how it is set. */
  edited?: { free: string[]; isDisabled: boolean; isHeld: boolean };
}

export interface CanvasConnection {
  id: string;
  source: string;
  way: string;
  target: string;
  isFaulty: boolean;
  change?: Verdict;
}

/** What happened to one node: `start` in milliseconds since the execution began, null for one that did not run. */
export interface NodeState {
  status: "pending" | "completed" | "error" | "skipped" | "unknown";
  word: string;
  facts: string;
  start: number | null;
  way: string | null;
}

export interface Run {
  nodes: Record<string, NodeState>;
  /** The node that failed, chosen at first. */
  failed: string | null;
  /** The page that has a card for each node. */
  cards: string;
}

/** What flows/pages/canvas.py hands over. */
export interface CanvasData {
  icons: string;
  width: number;
  nodes: CanvasNode[];
  connections: CanvasConnection[];
  /** Of a draft: the names of the parameters that a call brings. */
  inputs?: string[];
  /** Of a draft for who may not change it: what its tool is, under the names that people see. */
  tool?: Record<string, unknown>;
  /** Of a draft: frames around nodes. */
  groups?: readonly { id: string; name: string; nodeIds: readonly string[] }[];
  run?: Run;
  /** What people call the two states that are compared. */
  compared?: { before: string; after: string };
}

export type Direction = "left" | "right" | "up" | "down";

const middle = (node: CanvasNode) => node.y + node.height / 2;

/**
 * Where an arrow leads from a node. Left and right follow connections, to the one that is nearest in height; up and down,
 * and where there is no connection, lead to what is nearest that way. Undefined at the rim.
 */
export function neighbour(data: CanvasData, id: string, direction: Direction): string | undefined {
  const byId = new Map(data.nodes.map((node) => [node.id, node]));
  const here = byId.get(id);
  if (!here) return undefined;
  const isAcross = direction === "left" || direction === "right";
  const [from, to] = direction === "right" ? (["source", "target"] as const) : (["target", "source"] as const);
  const connected = isAcross ? data.connections.filter((each) => each[from] === id).map((each) => byId.get(each[to])!) : [];
  if (connected.length) return nearest(connected, (node) => Math.abs(middle(node) - middle(here)));
  const sign = direction === "right" || direction === "down" ? 1 : -1;
  const ahead = data.nodes.filter((node) => sign * (isAcross ? node.x - here.x : middle(node) - middle(here)) > 1);
  return nearest(ahead, (node) => {
    const [dx, dy] = [Math.abs(node.x - here.x), Math.abs(middle(node) - middle(here))];
    return isAcross ? dx + 2 * dy : dy + 2 * dx;
  });
}

function nearest(nodes: CanvasNode[], distance: (node: CanvasNode) => number): string | undefined {
  return nodes.reduce<CanvasNode | undefined>(
    (best, node) => (best && distance(best) <= distance(node) ? best : node),
    undefined,
  )?.id;
}

/** The nodes that ran, by when they began; those of one moment in the order of the graph. */
export function inTimeOrder(data: CanvasData): string[] {
  const start = (id: string) => data.run?.nodes[id]?.start ?? null;
  const ran = data.nodes.map(({ id }) => id).filter((id) => start(id) !== null && data.run!.nodes[id]!.status !== "skipped");
  return ran.sort((one, other) => start(one)! - start(other)!);
}

/** Whether an execution went along a connection. */
export function isTaken({ source, way, target }: CanvasConnection, run: Run): boolean {
  const [from, to] = [run.nodes[source], run.nodes[target]];
  const ran = (state: NodeState | undefined) => state !== undefined && state.status !== "skipped";
  return ran(from) && ran(to) && (from!.way === null || from!.way === way);
}

/** What a node does, in as many words as fit: the first texts of its parameters, and what it compares with; of the trigger, what a call brings. */
export function summary({ draft, isStart }: CanvasNode, inputs: string[] | undefined): string {
  const { right, ...others } = (draft?.parameters ?? {}) as Record<string, unknown>;
  const texts = Object.values(others).filter((value) => typeof value === "string");
  // A comparison says nothing without what it compares with, which may be a number.
  const compared = right === null || ["string", "number", "boolean"].includes(typeof right) ? [String(right)] : [];
  const words = isStart ? (inputs?.length === 0 ? "no parameters" : (inputs ?? []).join(", ")) : [...texts.slice(0, 2), ...compared].join(" ");
  return words.replace(/\s+/g, " ").slice(0, 80);
}

export interface View {
  x: number;
  y: number;
  zoom: number;
}

const MARGIN = 32;
const READABLE = 0.5;

/**
 * How a canvas of this size opens: with all of it in the middle, no larger than life; where that could not be read, with
 * one node a third from the left.
 */
export function openingView(data: CanvasData, width: number, height: number, focus: string | undefined): View {
  const left = Math.min(...data.nodes.map((node) => node.x));
  const top = Math.min(...data.nodes.map((node) => node.y));
  const wide = Math.max(...data.nodes.map((node) => node.x + data.width)) - left;
  const high = Math.max(...data.nodes.map((node) => node.y + node.height)) - top;
  const fitting = Math.min((width - 2 * MARGIN) / wide, (height - 2 * MARGIN) / high, 1);
  const node = data.nodes.find((each) => each.id === focus) ?? data.nodes[0];
  if (!node) return { x: 0, y: 0, zoom: 1 };
  if (fitting >= READABLE) {
    return { x: (width - wide * fitting) / 2 - left * fitting, y: (height - high * fitting) / 2 - top * fitting, zoom: fitting };
  }
  // Not further right than needed: with its start in sight, a graph needs no room at the left.
  const zoom = Math.max(READABLE, Math.min((width - 2 * MARGIN) / data.width, 0.8));
  const x = Math.min(MARGIN - left * zoom, width / 3 - (node.x + data.width / 2) * zoom);
  return { x, y: height / 2 - middle(node) * zoom, zoom };
}

/** How far it is from a node to the next one on its right that stands at one of its heights. */
export function roomAfter({ nodes, width }: CanvasData, { x, y, height }: CanvasNode): number {
  const right = x + width;
  const ahead = nodes.filter((each) => each.x >= right && each.y < y + height && each.y + each.height > y);
  return Math.min(...ahead.map((each) => each.x)) - right;
}
