import type { JsonObject } from "../draft/draft";

const seconds = { type: "number", "x-literal": true };

/** The settings that each node has, as flows/engine/settings.py takes them. */
export const SETTINGS: JsonObject = {
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
