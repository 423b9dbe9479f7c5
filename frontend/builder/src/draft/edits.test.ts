import { expect, test } from "vitest";
import type { Draft } from "./draft";
import * as edits from "./edits";
import { draftOf, line, node, TYPES } from "./trial";

const type = (name: string) => TYPES.get(name)!;
const trigger = node("t", { type: "trigger", name: "Trigger", slug: "trigger" });
const named = ({ definition: { nodes } }: Draft) => nodes.map(({ name, slug }) => `${name} ${slug}`);
/** The connections by names of nodes. */
function lines({ definition: { nodes, connections } }: Draft) {
  const name = (id: string) => nodes.find((each) => each.id === id)?.name;
  return connections.map(({ sourceNodeId, sourceHandle, targetNodeId }) => `${name(sourceNodeId)} ${sourceHandle ?? "main"} ${name(targetNodeId)}`);
}

test("an added node has a name and a slug of its own, what its type demands, and is connected with where it comes from", () => {
  const first = edits.addNode(draftOf([trigger]), type("condition"), { x: 264, y: 0 }, { source: "t", way: "main" });
  const second = edits.addNode(first.draft, type("condition"), { x: 264, y: 0 }, { source: first.id, way: "false" });
  expect(named(second.draft)).toEqual(["Trigger trigger", "Condition condition", "Condition 2 condition_2"]);
  expect(lines(second.draft)).toEqual(["Trigger main Condition", "Condition false Condition 2"]);
  expect(second.draft.definition.nodes.map(({ position }) => position)).toEqual([{ x: 0, y: 0 }, { x: 264, y: 0 }, { x: 264, y: 110 }]);
  expect(second.draft.definition.nodes[1]!.parameters).toEqual({ left: "{{ trigger }}", operator: "truthy" });
});

test("the example's expressions, which name other flows' nodes, become the node before, or nothing", () => {
  const parametersOf = (name: string, origin?: edits.Origin) => edits.addNode(draftOf([trigger]), type(name), { x: 0, y: 0 }, origin).draft.definition.nodes[1]!.parameters;
  expect(parametersOf("fail", { source: "t", way: "main" })).toEqual({ message: "There is no order. Check the id." });
  expect(parametersOf("validate", { source: "t", way: "main" })).toEqual({ value: "{{ trigger }}", schema: { type: "object" } });
  expect(parametersOf("validate")).toEqual({ value: "", schema: { type: "object" } });
});

test("a node before another one leads to it", () => {
  const { draft } = edits.addNode(draftOf([node("a")]), type("condition"), { x: 0, y: 200 }, { target: "a" });
  expect(lines(draft)).toEqual(["Condition true A"]);
});

test("a node on a connection stands between its ends, and what follows makes room", () => {
  const draft = draftOf([trigger, node("a", { position: { x: 264, y: 0 } }), node("b", { position: { x: 528, y: 0 } })], [line("t", "a"), line("a", "b")]);
  const { draft: inserted } = edits.insertNode(draft, type("condition"), "t-a");
  expect(lines(inserted)).toEqual(["A main B", "Trigger main Condition", "Condition true A"]);
  expect(inserted.definition.nodes.map(({ position }) => position!.x)).toEqual([0, 528, 792, 264]);
  const { draft: ended } = edits.insertNode(draft, type("fail"), "t-a");
  expect(lines(ended)).toEqual(["A main B", "Trigger main Fail"]);
});

test("with a node go its connections and its place in groups, with the last node a group", () => {
  const draft = draftOf([trigger, node("a"), node("b")], [line("t", "a"), line("a", "b")]);
  draft.definition.groups = [
    { id: "g", name: "Both", nodeIds: ["a", "b"] },
    { id: "h", name: "One", nodeIds: ["a"] },
  ];
  draft.definition.notes = [{ id: "n", text: "", position: { x: 0, y: 0 } }];
  const { definition } = edits.remove(draft, ["a", "n"]);
  expect(definition).toEqual({ nodes: [trigger, node("b")], connections: [], notes: [], groups: [{ id: "g", name: "Both", nodeIds: ["b"] }] });
});

test("another slug is another one in every expression", () => {
  const draft = draftOf([node("a"), node("b", { parameters: { text: "{{ a.x }}" } }), node("c", { type: "code", parameters: { source: "{{ a }}", inputs: { a: "{{ a }}" } } })]);
  const { nodes } = edits.renameSlug(draft, "a", "other", TYPES).definition;
  expect(nodes.map(({ slug, parameters }) => [slug, parameters])).toEqual([
    ["other", {}],
    ["b", { text: "{{ other.x }}" }],
    ["c", { source: "{{ a }}", inputs: { a: "{{ other }}" } }],
  ]);
  expect(edits.renameSlug(draft, "a", "a", TYPES)).toBe(draft);
});

test("switching off is for all but the trigger, and on again when all are off", () => {
  const draft = draftOf([trigger, node("a"), node("b", { disabled: true })]);
  const off = edits.toggle(draft, ["t", "a", "b"]);
  expect(off.definition.nodes.map(({ disabled }) => disabled)).toEqual([undefined, true, true]);
  expect(edits.toggle(off, ["t", "a", "b"]).definition.nodes).toEqual([trigger, node("a"), node("b")]);
});

test("a node is in one group", () => {
  const first = edits.group(draftOf([node("a"), node("b")]), ["a", "b"], "First");
  const second = edits.group(first.draft, ["b"], "Second");
  expect(second.draft.definition.groups!.map(({ name, nodeIds }) => [name, nodeIds])).toEqual([
    ["First", ["a"]],
    ["Second", ["b"]],
  ]);
  const renamed = edits.renameGroup(second.draft, second.id, "Other");
  expect(edits.ungroup(renamed, first.id).definition.groups).toEqual([{ id: second.id, name: "Other", nodeIds: ["b"] }]);
});

test("nodes that lack a place, or stand on one, get places; a draft whose nodes have them is left alone", () => {
  const shape = ({ id }: { id: string }) => ({ id, ways: ["main"], height: 84 });
  const draft = draftOf([trigger, node("a")], [line("t", "a")]);
  expect(edits.placed(draft, shape).definition.nodes.map(({ position }) => position)).toEqual([{ x: 0, y: 0 }, { x: 264, y: 0 }]);
  const good = draftOf([trigger, node("a", { position: { x: 1, y: 2 } })]);
  expect(edits.placed(good, shape)).toBe(good);
});
