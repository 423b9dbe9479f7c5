// Places for nodes: in columns from left to right, each near what leads to it, nothing over anything else.
import { wayOf, type Connection } from "./draft";

export interface Place {
  x: number;
  y: number;
}

export interface Shape {
  id: string;
  height: number;
  /** Its ways out, from top to bottom. */
  ways: readonly string[];
}

export const GRID = 11;
export const WIDTH = 172;
/** Between columns: a way out with its name and its “+” finds room there. */
export const GAP_X = 92;
const GAP_Y = 26;
/** The room of a line that passes a column. */
const LANE = 22;
const SWEEPS = 6;

export const onGrid = (value: number) => Math.round(value / GRID) * GRID;

/** Where in the height of a node a way out stands. */
export const wayAt = ({ height, ways }: Shape, way: string) => (height * (Math.max(ways.indexOf(way), 0) + 1)) / (Math.max(ways.length, 1) + 1);

interface Item {
  height: number;
  top: number;
  /** What it is joined with in the neighbouring columns, and how far below that one's top, less the way down itself. */
  before: { item: Item; down: number }[];
  after: { item: Item; down: number }[];
}

/** The left upper corner of each node. */
export function layered(shapes: readonly Shape[], connections: readonly Connection[]): Map<string, Place> {
  const ids = new Set(shapes.map(({ id }) => id));
  const lines = connections.filter((each) => ids.has(each.sourceNodeId) && ids.has(each.targetNodeId));
  const column = columns(shapes, lines);
  const stacks: Item[][] = [];
  const put = (item: Item, at: number) => void (stacks[at] ??= []).push(item);
  const items = new Map(shapes.map((shape) => [shape.id, { height: shape.height, top: 0, before: [], after: [] } as Item]));
  const byId = new Map(shapes.map((shape) => [shape.id, shape]));
  for (const id of inReadingOrder(shapes, lines)) put(items.get(id)!, column.get(id)!);
  for (const line of lines) {
    const [from, to] = [column.get(line.sourceNodeId)!, column.get(line.targetNodeId)!];
    let last = items.get(line.sourceNodeId)!;
    let down = wayAt(byId.get(line.sourceNodeId)!, wayOf(line));
    for (let at = from + 1; at <= to; at += 1) {
      const next = at === to ? items.get(line.targetNodeId)! : { height: LANE, top: 0, before: [], after: [] };
      if (at < to) put(next, at);
      next.before.push({ item: last, down: down - next.height / 2 });
      last.after.push({ item: next, down: next.height / 2 - down });
      [last, down] = [next, next.height / 2];
    }
  }
  for (const stack of stacks) settle(stack, (_, index) => index);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isForward = sweep % 2 === 0;
    for (const stack of isForward ? stacks : stacks.toReversed()) settle(stack, (item) => wanted(item, isForward));
  }
  const top = Math.min(...[...items.values()].map((item) => item.top));
  return new Map(shapes.map(({ id }) => [id, { x: onGrid(column.get(id)! * (WIDTH + GAP_X)), y: onGrid(items.get(id)!.top - top) }]));
}

function wanted({ before, after, top }: Item, isForward: boolean): number {
  const joined = (isForward ? before : after).length ? (isForward ? before : after) : isForward ? after : before;
  return joined.length ? joined.reduce((sum, { item, down }) => sum + item.top + down, 0) / joined.length : top;
}

/** Puts the items of a column as near to where they want to be as their order leaves them room. */
function settle(stack: Item[], want: (item: Item, index: number) => number) {
  const wish = new Map(stack.map((item, index) => [item, want(item, index)]));
  stack.sort((one, other) => wish.get(one)! - wish.get(other)!);
  // Blocks of items that touch each other; each stands where its items want to be on average.
  const blocks: { sum: number; items: Item[]; room: number }[] = [];
  for (const item of stack) {
    let block = { sum: wish.get(item)!, items: [item], room: item.height + GAP_Y };
    for (let last = blocks.at(-1); last && last.sum / last.items.length + last.room > block.sum / block.items.length; last = blocks.at(-1)) {
      blocks.pop();
      block = { sum: last.sum + block.sum - last.room * block.items.length, items: [...last.items, ...block.items], room: last.room + block.room };
    }
    blocks.push(block);
  }
  for (const { sum, items } of blocks) {
    let top = sum / items.length;
    for (const item of items) {
      item.top = top;
      top += item.height + GAP_Y;
    }
  }
}

/** The longest way to each node. A circle cannot be sorted: its nodes stay where it was entered. */
function columns(shapes: readonly Shape[], lines: readonly Connection[]): Map<string, number> {
  const waiting = new Map(shapes.map(({ id }) => [id, 0]));
  for (const { targetNodeId } of lines) waiting.set(targetNodeId, waiting.get(targetNodeId)! + 1);
  const column = new Map(shapes.map(({ id }) => [id, 0]));
  const ready = shapes.map(({ id }) => id).filter((id) => !waiting.get(id));
  for (const id of ready) {
    for (const { sourceNodeId, targetNodeId } of lines) {
      if (sourceNodeId !== id) continue;
      column.set(targetNodeId, Math.max(column.get(targetNodeId)!, column.get(id)! + 1));
      waiting.set(targetNodeId, waiting.get(targetNodeId)! - 1);
      if (!waiting.get(targetNodeId)) ready.push(targetNodeId);
    }
  }
  return column;
}

/** From the beginning along the ways out, from top to bottom: so branches stand in the order of their ways. */
function inReadingOrder(shapes: readonly Shape[], lines: readonly Connection[]): Set<string> {
  const targets = new Set(lines.map(({ targetNodeId }) => targetNodeId));
  const byId = new Map(shapes.map((shape) => [shape.id, shape]));
  const seen = new Set<string>();
  const waiting = [...shapes.filter(({ id }) => targets.has(id)), ...shapes.filter(({ id }) => !targets.has(id)).reverse()].map(({ id }) => id);
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const { ways } = byId.get(id)!;
    const out = lines.filter(({ sourceNodeId }) => sourceNodeId === id);
    out.sort((one, other) => ways.indexOf(wayOf(other)) - ways.indexOf(wayOf(one)));
    waiting.push(...out.map(({ targetNodeId }) => targetNodeId));
  }
  return seen;
}
