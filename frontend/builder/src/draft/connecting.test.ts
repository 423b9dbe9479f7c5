import { expect, test } from "vitest";
import { refusal, refusalOfType } from "./connecting";
import { draftOf, line, node } from "./trial";

const nodes = [node("t", { type: "trigger", name: "Call" }), node("a"), node("b"), node("c", { type: "condition" })];
const { definition } = draftOf(nodes, [line("t", "a"), line("a", "b"), line("b", "c")]);
const ask = (source: string, target: string, way = "main", ways = ["main"]) => refusal(definition, { source, way, target }, ways);

test("what makes a graph is taken", () => {
  expect([ask("a", "c"), ask("t", "b"), ask("c", "x", "true", ["true", "false"])]).toEqual([undefined, undefined, "There is no such node."]);
});

test("what makes none is refused with a sentence", () => {
  expect([ask("a", "t"), ask("a", "b"), ask("a", "c", "fine", ["main"]), ask("b", "a"), ask("c", "a", "true", ["true", "false"]), ask("a", "a")]).toEqual([
    "Nothing can lead into the trigger.",
    "“A” and “B” are connected already.",
    "“A” has no way out “fine”; it has: main.",
    "The connections would run in a circle: A → B → A.",
    "The connections would run in a circle: A → B → C → A.",
    "The connections would run in a circle: A → A.",
  ]);
});

test("a flow has one trigger", () => {
  expect([refusalOfType(definition, "trigger"), refusalOfType(definition, "code")]).toEqual(["“Call” is already the flow's trigger.", undefined]);
});
