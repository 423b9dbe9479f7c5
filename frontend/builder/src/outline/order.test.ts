import { expect, test } from "vitest";
import type { Draft } from "../draft/draft";
import { outlineOf, type Item } from "./order";

/** A draft of lines such as "a true> b": its nodes are those that are named, `t` the trigger. */
function draftOf(...lines: string[]): Draft {
  const links = lines.map((line) => line.match(/^(\w+)(?: (\w+)>| >)? ?(\w+)?$/)!);
  const ids = [...new Set(links.flatMap(([, source, , target]) => (target ? [source!, target] : [source!])))];
  const nodes = ids.map((id) => ({ id, slug: id, name: id, type: id === "t" ? "trigger" : "set_fields" }));
  const connections = links
    .filter(([, , , target]) => target)
    .map(([, source, way, target], number) => ({ id: `${number}`, sourceNodeId: source!, targetNodeId: target!, ...(way && { sourceHandle: way }) }));
  return { definition: { nodes, connections } } as unknown as Draft;
}

const ways = ({ id }: { id: string }) => (id.startsWith("if") ? ["true", "false"] : ["main"]);

/** "a, if (true: b -> c; false: d), e": what a list says, in one line. */
function said(items: Item[]): string {
  return items
    .map(({ node, branches, goesOnAt }) => {
      const on = goesOnAt.length ? ` -> ${goesOnAt.map((each) => each.id).join(" ")}` : "";
      const inner = branches.map((each) => `${each.way}: ${[said(each.items), ...each.goesOnAt.map((to) => `-> ${to.id}`)].filter(Boolean).join(" ")}`);
      return node.id + on + (inner.length ? ` (${inner.join("; ")})` : "");
    })
    .join(", ");
}

const outline = (...lines: string[]) => {
  const { items, loose } = outlineOf(draftOf(...lines), ways);
  return [said(items), said(loose)];
};

test("a chain is a flat list", () => {
  expect(outline("t > a", "a > b")).toEqual(["t, a, b", ""]);
});

test("what only one way leads to stands under that way", () => {
  expect(outline("t > if", "if true> a", "a > b", "if false> c")).toEqual(["t, if (true: a, b; false: c)", ""]);
});

test("what joins branches stands below them, and each branch says that it goes on there", () => {
  expect(outline("t > if", "if true> a", "a > end", "if false> end", "end > last")).toEqual(["t, if (true: a -> end; false: -> end), end, last", ""]);
});

test("branches inside branches, joined at different depths", () => {
  expect(outline("t > if1", "if1 true> if2", "if2 true> a", "if2 false> b", "a > in", "b > in", "in > out", "if1 false> out")).toEqual([
    "t, if1 (true: if2 (true: a -> in; false: b -> in), in -> out; false: -> out), out",
    "",
  ]);
});

test("what two nodes of a chain lead to comes after both", () => {
  expect(outline("t > c", "t > a", "a > b", "b > c")).toEqual(["t, a, b, c", ""]);
});

test("nodes that nothing leads to stand apart, circles too", () => {
  expect(outline("t > a", "x > y", "p > q", "q > p")).toEqual(["t, a", "x, y, p, q -> p"]);
});

test("a draft without a trigger, and one with an unknown end, are lists too", () => {
  expect(outline("a > b")).toEqual(["", "a, b"]);
  const draft = draftOf("t > a");
  draft.definition.connections.push({ id: "lost", sourceNodeId: "t", targetNodeId: "nowhere" });
  expect(said(outlineOf(draft, ways).items)).toBe("t, a");
});
