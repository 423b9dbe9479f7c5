import { expect, test } from "vitest";
import { layered } from "./layout";
import { line } from "./trial";

const shape = (id: string, ways = ["main"], height = 84) => ({ id, ways, height });

test("a chain is a straight line, and branches stand in the order of their ways", () => {
  const places = layered([shape("c"), shape("b"), shape("a"), shape("if", ["true", "false"])], [line("a", "if"), line("if", "b", "true"), line("if", "c", "false")]);
  expect(["a", "if"].map((id) => places.get(id)!.y)).toEqual([55, 55]);
  expect(["a", "if", "b", "c"].map((id) => places.get(id)!.x)).toEqual([0, 264, 528, 528]);
  expect(["b", "c"].map((id) => places.get(id)!.y)).toEqual([0, 110]);
});

test("nothing stands over anything, not even in a circle or a large graph", () => {
  const shapes = Array.from({ length: 120 }, (_, number) => shape(`n${number}`, ["main"], number % 7 ? 84 : 160));
  const lines = Array.from({ length: 180 }, (_, number) => line(`n${(number * 7) % 120}`, `n${((number * 7) % 120) + 1 + ((number * 5) % 9)}`));
  const places = layered(shapes, [...lines, line("n9", "n3")]);
  const found = shapes.map(({ id, height }) => ({ ...places.get(id)!, height }));
  const overlaps = found.flatMap((one, index) => found.slice(index + 1).filter((other) => one.x === other.x && one.y < other.y + other.height && other.y < one.y + one.height));
  expect([overlaps, new Set(found.flatMap(({ x, y }) => [x % 11, y % 11]))]).toEqual([[], new Set([0])]);
});

test("a line over several columns finds them free", () => {
  const places = layered([shape("a"), shape("b"), shape("c"), shape("d")], [line("a", "b"), line("b", "c"), line("c", "d"), line("a", "d")]);
  const [a, b, d] = ["a", "b", "d"].map((id) => places.get(id)!);
  expect([b!.y === a!.y, Math.abs(a!.y - d!.y) < 84]).toEqual([false, true]);
});
