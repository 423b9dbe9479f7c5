import { expect, test } from "vitest";
import { TYPES } from "../draft/trial";
import { found } from "./library-search";

const type = (title: string, description: string, help = "") => ({ ...TYPES.get("code")!, type: title.toLowerCase(), title, description, help });
const types = [
  type("Set fields", "Makes an object from values.", "Two of them, if you like."),
  type("Condition", "Compares two values."),
  type("Unset", "Takes values away."),
  type("Fail", "Stops the flow."),
];
const titles = (words: string) => found(types, words).map(({ title }) => title);

test("a node type is found by what it does, first by its title, then by its sentence, then by its help", () => {
  expect(["", "values two", "set", "STOPS flow", "nothing"].map(titles)).toEqual([
    ["Set fields", "Condition", "Unset", "Fail"],
    ["Condition", "Set fields"],
    ["Set fields", "Unset"],
    ["Fail"],
    [],
  ]);
});
