import type { JsonObject } from "../draft/draft";
import { fieldsOf } from "./fields";
import { Fields } from "./group";

const seconds = { type: "number", "x-literal": true };

/** The settings that each node has, as flows/engine/settings.py takes them. */
const SETTINGS: JsonObject = {
  type: "object",
  additionalProperties: false,
  properties: {
    timeoutSeconds: { ...seconds, title: "Timeout", description: "Seconds that one attempt may take; without it, as long as the flow may." },
    retries: {
      type: "object",
      title: "Retries",
      description: "Try again when it fails.",
      "x-literal": true,
      required: ["attempts"],
      additionalProperties: false,
      properties: {
        attempts: { type: "integer", title: "Attempts", description: "How often it is tried in all, 1 to 10.", "x-literal": true },
        backoffSeconds: { ...seconds, title: "First wait", description: "Seconds after the first attempt; it doubles with each further one.", default: 1 },
        maxBackoffSeconds: { ...seconds, title: "Longest wait", description: "Seconds.", default: 60 },
        jitter: { type: "number", title: "Chance", description: "The share of each wait that is left to chance, 0 to 1.", default: 0.2, "x-literal": true },
      },
    },
    onError: { type: "string", title: "When it fails", enum: ["stop", "continue", "handle"], default: "stop", "x-literal": true },
  },
};

const ON_ERROR: Record<string, string> = {
  stop: "The flow ends there, and the caller gets the error.",
  continue: "The flow goes on at main, with error.message, error.kind and error.nodeName as the output.",
  handle: "A further way out, error, is drawn at the node: the flow goes on there with error.message, error.kind and error.nodeName.",
};

export function Settings({ value, onChange }: { value: JsonObject; onChange: (settings: JsonObject, name: string) => void }) {
  return (
    <>
      <Fields fields={fieldsOf(SETTINGS, value)} schema={SETTINGS} place="settings" value={value} onChange={onChange} />
      <p className="note-small">{ON_ERROR[typeof value.onError === "string" ? value.onError : "stop"]}</p>
    </>
  );
}
