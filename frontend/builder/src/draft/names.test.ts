import { expect, test } from "vitest";
import { freeName, freeSlug, newId, slugFault, slugOf } from "./names";
import { draftOf, node } from "./trial";

const { definition } = draftOf([node("fetch", { name: "Fetch" }), node("fetch_2", { name: "Fetch 2" }), node("v1", { name: "v1" })]);

test("a slug is made of a title", () => {
  expect(["HTTP request", "Größe", "  2 Dinge!", "日本", "a".repeat(80), "__"].map(slugOf)).toEqual(["http_request", "grosse", "dinge", "node", "a".repeat(56), "node"]);
});

test("what is taken gets the next number", () => {
  expect(["fetch", "fetch_2", "now", "other", "v1"].map((slug) => freeSlug(slug, definition))).toEqual(["fetch_3", "fetch_3", "now_2", "other", "v1_2"]);
  expect(["Fetch", "Fetch 2", "Other"].map((name) => freeName(name, definition))).toEqual(["Fetch 3", "Fetch 3", "Other"]);
});

test("a slug that cannot be is refused with a sentence", () => {
  expect(["Fetch", "now", "fetch_2", "fetch", "good"].map((slug) => slugFault(slug, "fetch", definition))).toEqual([
    "A slug is small letters, digits and underscores, and begins with a letter.",
    "“now” is reserved for expressions; choose another slug.",
    "The slug “fetch_2” is taken by Fetch 2.",
    undefined,
    undefined,
  ]);
});

test("ids differ", () => {
  expect(new Set(Array.from({ length: 1000 }, newId)).size).toBe(1000);
});
