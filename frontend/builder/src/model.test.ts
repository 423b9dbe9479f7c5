import { expect, test } from "vitest";
import { inTimeOrder, isTaken, neighbour, openingView, roomAfter, summary, type CanvasData, type CanvasNode, type NodeState } from "./model";

function node(id: string, x: number, y: number, more: Partial<CanvasNode> = {}): CanvasNode {
  const kind = { name: id, type: "delay", title: "Delay", icon: "", group: "", help: "" };
  return { id, ...kind, x, y, height: 84, ways: ["main"], isStart: false, ...more };
}

const line = (source: string, target: string, way = "main") => ({ id: source + target, source, way, target, isFaulty: false });

// a -> b -> c, with d below c at another way out of b, and e below a, connected with nothing.
const data: CanvasData = {
  icons: "",
  width: 172,
  nodes: [node("a", 0, 0, { isStart: true }), node("b", 220, 0), node("c", 440, 0), node("d", 440, 120), node("e", 0, 300)],
  connections: [line("a", "b"), line("b", "c", "true"), line("b", "d", "false")],
};

function state(status: NodeState["status"], start: number | null, way: string | null = null): NodeState {
  return { status, word: status, facts: "", start, way };
}

test("left and right follow connections", () => {
  const steps = (["right", "left"] as const).map((way) => ["a", "b", "c", "d"].map((id) => neighbour(data, id, way)));
  expect(steps).toEqual([
    ["b", "c", undefined, undefined],
    [undefined, "a", "b", "b"],
  ]);
});

test("up and down lead to what is nearest, so that every node is reached", () => {
  expect([neighbour(data, "c", "down"), neighbour(data, "d", "up"), neighbour(data, "a", "down")]).toEqual(["d", "c", "e"]);
  const seen = new Set(["a"]);
  for (const id of seen) {
    for (const way of ["left", "right", "up", "down"] as const) {
      const next = neighbour(data, id, way);
      if (next) seen.add(next);
    }
  }
  expect([...seen].sort()).toEqual(["a", "b", "c", "d", "e"]);
});

test("a node without connections is left to what is nearest on that side", () => {
  expect(neighbour(data, "e", "right")).toBe("d");
  expect(neighbour(data, "gone", "right")).toBeUndefined();
});

test("nodes that ran stand in the order of time, equal ones in that of the graph", () => {
  const nodes = { a: state("completed", 0), b: state("completed", 5), c: state("skipped", null), d: state("error", 5), e: state("completed", 2) };
  const run = { nodes, failed: "d", cards: "" };
  expect(inTimeOrder({ ...data, run })).toEqual(["a", "e", "b", "d"]);
  expect(inTimeOrder(data)).toEqual([]);
});

test("a connection is taken when its node left by that way and the next one ran", () => {
  const run = { nodes: { a: state("completed", 0), b: state("completed", 1, "false"), c: state("completed", 2), d: state("error", 3) }, failed: "d", cards: "" };
  expect(data.connections.map((each) => isTaken(each, run))).toEqual([true, false, true]);
  expect(isTaken(data.connections[0]!, { ...run, nodes: { a: state("completed", 0), b: state("skipped", null) } })).toBe(false);
});

test("a summary is the first texts of the parameters, and of the trigger what a call brings", () => {
  const draft = { index: 0, slug: "a", settings: {}, faults: [], parameters: { failOnStatus: false, method: "GET", url: "https://a.example/\n x", body: "{}" } };
  expect(summary(node("a", 0, 0, { draft }), ["order_id"])).toBe("GET https://a.example/ x");
  const compares = { ...draft, parameters: { left: "{{ a.status }}", operator: "equals", right: 200 } };
  expect(summary(node("a", 0, 0, { draft: compares }), [])).toBe("{{ a.status }} equals 200");
  expect(summary(node("a", 0, 0, { isStart: true }), ["order_id", "note"])).toBe("order_id, note");
  expect(summary(node("a", 0, 0, { isStart: true }), [])).toBe("no parameters");
});

test("a small graph opens whole and in the middle, no larger than life", () => {
  const view = openingView(data, 1000, 600, "a");
  expect(view).toEqual({ x: (1000 - 612) / 2, y: (600 - 384) / 2, zoom: 1 });
});

test("a graph that could not be read opens at the node in question", () => {
  const nodes = Array.from({ length: 100 }, (_, number) => node(`n${number}`, number * 220, 0));
  const shown = (focus: string) => {
    const { x, zoom } = openingView({ ...data, nodes, connections: [] }, 1000, 600, focus);
    return Math.round(nodes.find(({ id }) => id === focus)!.x * zoom + x);
  };
  expect(openingView({ ...data, nodes }, 1000, 600, "n0").zoom).toBe(0.8);
  expect([shown("n0"), shown("n50")]).toEqual([32, Math.round(1000 / 3 - (172 / 2) * 0.8)]);
});

test("no graph at all is drawn as nothing", () => {
  expect(openingView({ ...data, nodes: [] }, 1000, 600, undefined)).toEqual({ x: 0, y: 0, zoom: 1 });
});

test("a way out has as much room for its name as there is to the next node at its height", () => {
  expect(["a", "b", "c", "e"].map((id) => roomAfter(data, data.nodes.find((each) => each.id === id)!))).toEqual([48, 48, Infinity, Infinity]);
  const near = { ...data, nodes: [node("a", 0, 0), node("b", 400, 83), node("c", 200, 84)] };
  expect(roomAfter(near, near.nodes[0]!)).toEqual(228);
});
