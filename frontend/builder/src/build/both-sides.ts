import type { Draft } from "../draft/draft";

/** Sends the draft to the page's form as if it had been written there: the page answers with both sides. */
export function lookAtBoth(draft: Draft, revision: number) {
  const own = document.querySelector<HTMLFormElement>("form#draft")!;
  const form = document.createElement("form");
  form.method = "post";
  form.action = own.action;
  form.hidden = true;
  const text = (value: unknown) => (value === null ? "" : typeof value === "object" ? JSON.stringify(value, null, 2) : String(value));
  const fields: Record<string, unknown> = {
    csrfmiddlewaretoken: own.querySelector<HTMLInputElement>("[name=csrfmiddlewaretoken]")!.value,
    revision,
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
  };
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement("textarea");
    field.name = name;
    field.value = text(value);
    form.append(field);
  }
  document.body.append(form);
  form.requestSubmit();
}
