import { expect, test } from "vitest";
import { draftOf, line, node } from "../draft/trial";
import { marksIn, readDefinition } from "./reading";

const { definition } = draftOf([node("a"), node("b", { parameters: { fields: { x: "{{ nobody }}" } } })], [line("a", "b")]);
const TEXT = JSON.stringify(definition, null, 2);

/** The line that is marked, and the sentence there. */
function wrongIn(text: string) {
  const read = readDefinition(text);
  return "wrong" in read ? [text.slice(0, read.wrong.from).split("\n").length, read.wrong.message] : read.definition;
}

test("a definition is read that can be drawn, whatever faults it has", () => {
  expect(wrongIn(TEXT)).toEqual(definition);
  expect(wrongIn('{"nodes": [], "connections": [], "strange": 1}')).toEqual({ nodes: [], connections: [], strange: 1 });
});

test("what cannot be drawn is said at its line", () => {
  expect(wrongIn('{"nodes": [],\n"connections": [}')).toEqual([2, expect.stringMatching(/^This is no JSON yet: Unexpected token/)]);
  expect(wrongIn('{"nodes": [],\n"conn')).toEqual([2, expect.stringMatching(/^This is no JSON yet: /)]);
  expect(wrongIn("")).toEqual([1, expect.stringMatching(/^This is no JSON yet: /)]);
  expect(wrongIn("[]")).toEqual([1, "A definition is an object with the lists nodes and connections."]);
  expect(wrongIn('{\n"nodes": []}')).toEqual([1, "A definition has a list of connections."]);
  expect(wrongIn('{"connections": [],\n"nodes": {}}')).toEqual([2, "A definition has a list of nodes."]);
  expect(wrongIn('{"connections": [], "nodes": [], "groups": [\n{"id": "g", "name": "G"}]}')).toEqual([2, "Each of groups has a list of the ids of its nodes as its nodeIds."]);
  expect(wrongIn('{"connections": [], "nodes": [], "notes": [\n{"id": "n", "text": ""}]}')).toEqual([2, "Each of notes has a position with x and y."]);
  expect(wrongIn('{"connections": [], "nodes": [\n3]}')).toEqual([2, "Each of nodes is an object."]);
  expect(wrongIn(TEXT.replace('"slug": "b"', '"slug": 4'))).toEqual([18, "Each of nodes has a text as its slug."]);
  expect(wrongIn(TEXT.replace('"id": "b"', '"id": "a"'))).toEqual([15, "Another one of nodes has the id “a”."]);
});

test("the server's faults stand where they are now, although nodes have moved since it judged", () => {
  const judged = { ...definition, nodes: [node("gone"), ...definition.nodes] };
  const faults = [
    { path: "definition.nodes[2].parameters.fields.x", key: "", message: "wrong" },
    { path: "definition.nodes[1]", key: "retries", message: "missing" },
    { path: "definition.nodes[0].parameters", key: "", message: "of what is gone" },
    { path: "definition", key: "trigger", message: "no trigger" },
    { path: "toolName", key: "", message: "taken" },
  ];
  const marks = marksIn(TEXT, definition, faults, judged).map(({ from, to, ...more }) => [TEXT.slice(from, to), more]);
  expect(marks).toEqual([
    ['"x": "{{ nobody }}"', { message: "wrong", id: "b" }],
    ["{", { message: "missing", id: "a" }],
    ["{", { message: "no trigger" }],
  ]);
});
