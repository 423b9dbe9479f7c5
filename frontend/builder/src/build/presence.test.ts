import { expect, test } from "vitest";
import { words } from "./presence";

test("who else is here is said by name where one may know it", () => {
  const [you, ann, somebody] = [{ name: "me", isYou: true }, { name: "ann", isYou: false }, { name: null, isYou: false }];
  expect([[], [somebody], [somebody, somebody], [ann, ann, you], [you, ann, somebody]].map(words)).toEqual([
    "",
    "Also here: 1 other",
    "Also here: 2 others",
    "Also here: ann, you in another window",
    "Also here: ann, 1 other, you in another window",
  ]);
});
