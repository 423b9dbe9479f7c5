import { expect, test } from "vitest";
import { copied, pasted, read } from "./clipboard";
import { draftOf, line, node, TYPES } from "./trial";

const trigger = node("t", { type: "trigger", slug: "start", name: "Start" });
const draft = draftOf(
  [trigger, node("a", { position: { x: 100, y: 50 }, parameters: { text: "{{ start.x }}" } }), node("b", { position: { x: 342, y: 94 }, parameters: { text: "{{ a.y }} {{ c }}" } }), node("c")],
  [line("t", "a"), line("a", "b", "true"), line("b", "c")],
);
draft.definition.notes = [{ id: "n", text: "Look", position: { x: 100, y: 6 } }];
draft.definition.groups = [{ id: "g", name: "Both", nodeIds: ["a", "b"] }];

const plain = ({ definition: { nodes, connections, notes, groups } }: typeof draft) => {
  const name = (id: string) => nodes.find((each) => each.id === id)!.name;
  return {
    nodes: nodes.map((each) => [each.name, each.slug, each.position, each.parameters]),
    lines: connections.map((each) => [name(each.sourceNodeId), each.sourceHandle, name(each.targetNodeId)]),
    notes: notes?.map(({ text, position }) => [text, position]),
    groups: groups?.map((each) => [each.name, each.nodeIds.map(name)]),
  };
};

test("pasted into another flow, nodes keep what they are, and its trigger stands for the one they came from", () => {
  const text = copied(draft, new Set(["t", "a", "b", "n"]));
  const other = draftOf([node("x", { type: "trigger", name: "Call", slug: "trigger" })]);
  const { draft: result, ids } = pasted(other, read(text)!, { x: 0, y: 0 }, TYPES);
  expect(plain(result)).toEqual({
    nodes: [
      ["Call", "trigger", { x: 0, y: 0 }, {}],
      ["A", "a", { x: 0, y: 44 }, { text: "{{ trigger.x }}" }],
      ["B", "b", { x: 242, y: 88 }, { text: "{{ a.y }} {{ c }}" }],
    ],
    lines: [
      ["Call", undefined, "A"],
      ["A", "true", "B"],
    ],
    notes: [["Look", { x: 0, y: 0 }]],
    groups: [["Both", ["A", "B"]]],
  });
  expect(ids).toEqual([...result.definition.nodes.slice(1), ...result.definition.notes!].map(({ id }) => id));
});

test("pasted beside themselves, they have names and slugs of their own, which the expressions inside them follow", () => {
  const { draft: result } = pasted(draft, read(copied(draft, new Set(["a", "b"])))!, { x: 0, y: 0 }, TYPES);
  expect(plain(result).nodes.slice(4)).toEqual([
    ["A 2", "a_2", { x: 0, y: 0 }, { text: "{{ start.x }}" }],
    ["B 2", "b_2", { x: 242, y: 44 }, { text: "{{ a_2.y }} {{ c }}" }],
  ]);
  expect(plain(result).lines.slice(3)).toEqual([["A 2", "true", "B 2"]]);
  expect(new Set(result.definition.nodes.map(({ id }) => id)).size).toBe(6);
});

test("a whole definition can be pasted, an exported flow too, and what somebody wrote without slugs and places", () => {
  const whole = { nodes: [{ id: "1", type: "code", name: "Größe & Zahl" }, { id: "2", type: "trigger" }], connections: [{ sourceNodeId: "2", targetNodeId: "1" }] };
  for (const text of [whole, { definition: whole }, { flow: { definition: whole } }].map((each) => JSON.stringify(each))) {
    const { draft: result } = pasted(draftOf([]), read(text)!, { x: 11, y: 22 }, TYPES);
    expect([plain(result).nodes, plain(result).lines]).toEqual([
      [
        ["Größe & Zahl", "grosse_zahl", { x: 11, y: 22 }, undefined],
        ["trigger", "trigger", { x: 44, y: 55 }, undefined],
      ],
      [["trigger", undefined, "Größe & Zahl"]],
    ]);
  }
});

test("other texts are nothing to paste", () => {
  const texts = ["", "Hello", "[1]", "{", "{}", '{"nodes": 4}', '{"nodes": [{"id": 4}], "notes": [1]}', "null"];
  expect(texts.map(read)).toEqual(texts.map(() => undefined));
});
