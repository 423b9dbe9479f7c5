import type { Draft } from "../draft/draft";

/** A draft by the names that the page's form has for its fields. */
const fieldsOf = (draft: Draft) => ({
  name: draft.name,
  tool_name: draft.toolName,
  tool_description: draft.toolDescription,
  when_to_use: draft.whenToUse,
  when_not_to_use: draft.whenNotToUse,
  timeout_seconds: draft.timeoutSeconds,
  answer_seconds: draft.answerSeconds,
  input_schema: draft.inputSchema,
  output_schema: draft.outputSchema,
  annotations: draft.annotations,
  definition: draft.definition,
});

/**
 * Sends the draft to the page's form as if it had been written there: the page answers with both sides. `base` is what
 * both began from, so that what only one of them has changed need not be chosen.
 */
export function lookAtBoth(draft: Draft, base: Draft, revision: number) {
  const own = document.querySelector<HTMLFormElement>("form#draft")!;
  const form = document.createElement("form");
  form.method = "post";
  form.action = own.action;
  form.hidden = true;
  const text = (value: unknown) => (value === null ? "" : typeof value === "object" ? JSON.stringify(value, null, 2) : String(value));
  const csrfmiddlewaretoken = own.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")!.value;
  for (const [name, value] of Object.entries({ csrfmiddlewaretoken, revision, base: fieldsOf(base), ...fieldsOf(draft) })) {
    const field = document.createElement("textarea");
    field.name = name;
    field.value = text(value);
    form.append(field);
  }
  document.body.append(form);
  form.requestSubmit();
}
