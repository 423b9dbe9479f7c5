import { useContext, useState } from "react";
import type { Draft, Json, JsonObject } from "../draft/draft";
import { useEdited, useEditor } from "../draft/editor";
import { slugOf } from "../draft/names";
import { FormContext } from "./context";
import { JsonField } from "./code-field";
import { Faults, LabelledField } from "./field";
import { field, fieldsOf, placeOf } from "./fields";
import { Fields } from "./group";
import { alsoSaid, inferred, parametersOf } from "./parameters";
import { leftAt } from "./faults";
import { SchemaRows } from "./schema-rows";
import { ask } from "./server";
import type { Reading } from "./tool-view";

const literal = (name: string, schema: JsonObject, isRequired = false) => ({ ...field(name, { ...schema, "x-literal": true }), isRequired });

const NAME = literal("name", { type: "string", maxLength: 200, title: "Name", description: "For people." }, true);
const TOOL_NAME = literal("toolName", { type: "string", pattern: "^[a-z][a-z0-9_]{0,63}$", title: "Tool name", description: "What clients call: small letters, digits and underscores." }, true);
const TEXTS = [
  literal("toolDescription", { type: "string", title: "Description", description: "One or two sentences for the model: what it does, and what comes back." }, true),
  literal("whenToUse", { type: "string", title: "When to use" }),
  literal("whenNotToUse", { type: "string", title: "When not to use" }),
];
const TIMES = [
  literal("timeoutSeconds", { type: "integer", title: "Timeout", description: "Seconds that one execution may take." }, true),
  literal("answerSeconds", { type: "integer", title: "Answer within", description: "Seconds, after which the client is told that it goes on; without it, the client waits for the end." }),
];

const hint = (title: string, description: string, isOn: boolean): JsonObject => ({ type: "boolean", title, description, default: isOn, "x-literal": true });
const ANNOTATIONS: JsonObject = {
  type: "object",
  properties: {
    readOnlyHint: hint("Only reads", "It changes nothing.", false),
    destructiveHint: hint("May destroy", "What it changes may be lost.", true),
    idempotentHint: hint("Can be repeated", "The same call again changes nothing more.", false),
    openWorldHint: hint("Reaches outside", "It deals with other systems, not with its own data alone.", true),
    title: { type: "string", title: "Title", maxLength: 200, description: "For people, in clients that show it in place of the name.", "x-literal": true },
  },
};

/** The form of the tool that a flow is: what the trigger of a call takes, and what is said of it. */
export function Tool({ reading, look }: { reading: Reading | undefined; look: () => void }) {
  const editor = useEditor();
  const draft = useEdited((state) => state.draft);
  const set = <K extends keyof Draft>(key: K, value: Draft[K]) => editor.change((now) => ({ ...now, [key]: value }), `tool.${key}`);
  const one = (each: typeof NAME, change: (value: Json | undefined) => void) => (
    <LabelledField key={each.name} field={each} place={each.name} value={(draft[each.name as keyof Draft] as Json) ?? undefined} onChange={change} />
  );
  const text = (each: typeof NAME) => one(each, (value) => set(each.name as "toolName", (value as string | undefined) ?? ""));
  const findings = reading?.findings.length ?? 0;
  return (
    <>
      {reading && (
        <p className="reading">
          A model reads it in <b>{reading.tokens.total}</b> tokens; lint finds {findings === 0 ? "nothing" : `${findings} thing${findings === 1 ? "" : "s"}`} to say.{" "}
          <button type="button" className="link" onClick={look}>
            Look
          </button>
        </p>
      )}
      {one(NAME, (value) => {
        const name = (value as string | undefined) ?? "";
        // The tool's name follows as long as nobody wrote another.
        editor.change((now) => ({ ...now, name, ...(now.toolName === slugOf(now.name) ? { toolName: slugOf(name) } : {}) }), "tool.name");
      })}
      {text(TOOL_NAME)}
      {TEXTS.map(text)}
      <InputSchema schema={draft.inputSchema} onChange={(schema) => set("inputSchema", schema)} />
      <OutputSchema schema={draft.outputSchema} onChange={(schema) => set("outputSchema", schema)} />
      <section className="part-of-tool">
        <h3>Hints for clients</h3>
        <Fields fields={fieldsOf(ANNOTATIONS, draft.annotations)} schema={ANNOTATIONS} place="annotations" value={draft.annotations} onChange={(next) => set("annotations", next)} />
      </section>
      <section className="part-of-tool">
        <h3>Times</h3>
        {TIMES.map((each) => one(each, (value) => set(each.name as "answerSeconds", (value ?? null) as number | null)))}
      </section>
    </>
  );
}

function InputSchema({ schema, onChange }: { schema: JsonObject; onChange: (schema: JsonObject) => void }) {
  const { faults } = useContext(FormContext);
  const [isJson, setIsJson] = useState(false);
  const rows = parametersOf(schema).map(({ name }) => placeOf("inputSchema.properties", name));
  const also = alsoSaid(schema);
  return (
    <section className="part-of-tool">
      <div className="f-head">
        <h3>Parameters</h3>
        <button type="button" className="mode" aria-pressed={isJson} onClick={() => setIsJson(!isJson)}>
          JSON Schema
        </button>
      </div>
      <Faults faults={leftAt(faults, "inputSchema", isJson ? [] : rows)} />
      {isJson ? <JsonField value={schema} label="Input schema" onChange={(next) => onChange((next ?? { type: "object", properties: {} }) as JsonObject)} /> : <SchemaRows schema={schema} place="inputSchema" onChange={onChange} />}
      {!isJson && also.length > 0 && <p className="note-small">Also in the schema, and kept: {also.join(", ")}.</p>}
    </section>
  );
}

function OutputSchema({ schema, onChange }: { schema: JsonObject | null; onChange: (schema: JsonObject | null) => void }) {
  const { flowId } = useEditor();
  const { faults } = useContext(FormContext);
  const [says, setSays] = useState("");

  async function fromLastAnswer() {
    try {
      const { items } = await ask("/api/flows/{flowId}/executions/", `/api/flows/${flowId}/executions/?status=fulfilled&limit=1`);
      if (!items[0]) return setSays("No call has been answered yet. Make one on the Test tab.");
      const { result } = await ask("/api/flows/{flowId}/executions/{executionId}/", `/api/flows/${flowId}/executions/${items[0].id}/`);
      const answer = answerIn(result as JsonObject | null);
      if (answer === undefined) return setSays("The last answer is no JSON object, so there is nothing to describe.");
      onChange(inferred(answer));
      setSays("Made from the last answer. Take out of required what may be missing.");
    } catch {
      setSays("The last answer could not be read. Try again.");
    }
  }

  return (
    <section className="part-of-tool">
      <div className="f-head">
        <h3>Output schema</h3>
        {schema && (
          <button type="button" className="remove" aria-label="Remove the output schema" title="Remove" onClick={() => onChange(null)}>
            ×
          </button>
        )}
      </div>
      {schema && <JsonField value={schema} label="Output schema" onChange={(next) => onChange((next as JsonObject | undefined) ?? null)} />}
      <Faults faults={leftAt(faults, "outputSchema", [])} />
      <div className="adders">
        <button type="button" className="add-row" onClick={() => void fromLastAnswer()}>
          From the last answer
        </button>
        {!schema && (
          <button type="button" className="add-row" onClick={() => onChange({ type: "object", properties: {} })}>
            Write one
          </button>
        )}
      </div>
      <p className="note-small" role="status">
        {says || (schema ? "" : "Without one, clients take the answer as text or any JSON.")}
      </p>
    </section>
  );
}

/** The JSON object that a client was answered with. */
function answerIn(result: JsonObject | null): Json | undefined {
  if (result?.structuredContent) return result.structuredContent;
  const first = Array.isArray(result?.content) ? (result.content[0] as JsonObject | undefined) : undefined;
  try {
    const read = JSON.parse(typeof first?.text === "string" ? first.text : "") as Json;
    return read !== null && typeof read === "object" ? read : undefined;
  } catch {
    return undefined;
  }
}
