// What a new node begins with: enough to be used, taken from the example that its type gives.
import type { JsonObject, NodeType } from "./draft";
import { mapTexts, replaced } from "./references";

const BEFORE = "{{ before }}";
/** Types whose schema asks for one of several things, or whose example is more than a beginning. */
const BEGINNINGS: Record<string, JsonObject> = {
  code: { source: "return data", inputs: { data: BEFORE } },
  condition: { left: BEFORE, operator: "truthy" },
  for_each: { items: BEFORE, expression: "item" },
  return: { json: BEFORE },
  set_fields: { fields: {} },
  switch: { value: BEFORE, cases: [{ name: "first", operator: "equals", right: "" }] },
  ask_model: { prompt: "Summarise in one sentence: {{ before }}" },
};

/**
 * Parameters of a new node: those that its type demands. An expression of the example names nodes that are not there: one
 * that is a whole value becomes the output of the node before, `before` by its slug, and one inside a text is left out.
 */
export function freshParameters(type: NodeType, before: string | undefined): JsonObject {
  const example = (type.example ?? {}) as JsonObject;
  const { required, minProperties } = type.parametersSchema as { required?: string[]; minProperties?: number };
  const names = required ?? Object.keys(example).slice(0, minProperties ?? 0);
  const begun = BEGINNINGS[type.type] ?? Object.fromEntries(names.filter((name) => name in example).map((name) => [name, example[name]!]));
  const whole = before === undefined ? "" : `{{ ${before} }}`;
  return mapTexts(begun, type.parametersSchema, (text) => {
    if (text === BEFORE || /^\s*\{\{[^}]*\}\}\s*$/.test(text)) return whole;
    return replaced(text, (inside) => (inside.trim() === "before" ? whole : "")).replace(/ +(?=[.,;:!?]|$)/g, "").replace(/ {2,}/g, " ");
  });
}
