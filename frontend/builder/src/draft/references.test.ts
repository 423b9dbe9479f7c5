import { expect, test } from "vitest";
import { withSlugs } from "./references";

const follow = (text: string) => withSlugs(text, undefined, new Map([["fetch", "get_order"]]));

test("a slug is another one wherever a path begins with it", () => {
  const texts = [
    "{{ fetch }}",
    "{{fetch.body.items[0].id}}",
    'Order {{ fetch.body["odd }key"] }}',
    "{{ trigger.a ?? fetch.b }} and {{ fetch?.body?.[0] ?? fetch ?? 10 }}",
    "{{ fetch ?? 'fetch' }}",
  ];
  expect(texts.map(follow)).toEqual([
    "{{ get_order }}",
    "{{get_order.body.items[0].id}}",
    'Order {{ get_order.body["odd }key"] }}',
    "{{ trigger.a ?? get_order.b }} and {{ get_order?.body?.[0] ?? get_order ?? 10 }}",
    "{{ get_order ?? 'fetch' }}",
  ]);
});

test("what is no path that begins with it stays as it is", () => {
  const texts = ["fetch", "{{ fetching.body }}", "{{ body.fetch }}", '{{ trigger["fetch"] }}', "{{ fetch", "{{ fetch() }}", "{{ fetch + 1 }}", '{{ trigger.a ?? "fetch" }}'];
  expect(texts.map(follow)).toEqual(texts);
});

test("expressions are found at any depth, and not where the schema says that a text is taken literally", () => {
  const schema = { properties: { source: { "x-literal": true }, rows: { items: { properties: { name: { "x-literal": true } } } } } };
  const value = { source: "{{ fetch }}", rows: [{ name: "{{ fetch }}", value: "{{ fetch }}" }], deep: { "{{ fetch }}": ["{{ fetch.a }}", 1, null] } };
  expect(withSlugs(value, schema, new Map([["fetch", "get"]]))).toEqual({
    source: "{{ fetch }}",
    rows: [{ name: "{{ fetch }}", value: "{{ get }}" }],
    deep: { "{{ fetch }}": ["{{ get.a }}", 1, null] },
  });
  const other = { text: "{{ trigger.a }}" };
  expect(withSlugs(other, undefined, new Map([["fetch", "get"]]))).toBe(other);
});
