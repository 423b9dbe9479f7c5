// What the editor asks the server.
import type { Draft, Fault } from "../draft/draft";
import type { Outcome, Send } from "../draft/saving";
import type { Ask } from "../draft/ways";

const PATIENCE_MS = 30_000;
/** What a request that outlives its page may hold. */
const MAX_LAST_BYTES = 60_000;

export function headers(more: Record<string, string> = {}) {
  const token = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
  return { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token, ...more };
}

/** The first sentence in the body of a refusal. */
export function sentenceIn(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  if (typeof body !== "object" || body === null) return undefined;
  for (const value of Object.values(body)) {
    const found = sentenceIn(value);
    if (found) return found;
  }
  return undefined;
}

export const sender = (flowId: number): Send => async (changes: Partial<Draft>, revision: number, isLast: boolean): Promise<Outcome> => {
  const body = JSON.stringify(changes);
  let response: Response;
  try {
    response = await fetch(`/api/flows/${flowId}/draft/`, {
      method: "PUT",
      headers: headers({ "If-Match": `"r${revision}"` }),
      body,
      keepalive: isLast && body.length < MAX_LAST_BYTES,
      signal: isLast ? null : AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return { is: "away", why: "FlowHub does not answer." };
  }
  const answer: unknown = await response.json().catch(() => undefined);
  const isOurs = typeof (answer as { revision?: unknown } | undefined)?.revision === "number";
  if ((response.ok || response.status === 412) && !isOurs) return { is: "away", why: "Something else answers in FlowHub's place." };
  if (response.ok) return { is: "stored", ...(answer as { revision: number; faults: []; notStored: [] }) };
  if (response.status === 412) return { is: "late", ...(answer as { current: Draft & { faults: [] }; revision: number }) };
  if (response.status >= 500 || response.status === 429) return { is: "away", why: `FlowHub answers with ${response.status}.` };
  if (response.status === 401 || response.status === 403) return { is: "refused", why: "You are not logged in any more. Log in in another tab, then try again." };
  if (response.status === 404) return { is: "refused", why: "The flow is gone, or not yours any more." };
  return { is: "refused", why: sentenceIn(answer) ?? `FlowHub answers with ${response.status}.` };
};

/** The draft as it is stored; undefined where the server does not say. */
export async function askForDraft(flowId: number): Promise<(Draft & { faults: Fault[]; revision: number }) | undefined> {
  try {
    const response = await fetch(`/api/flows/${flowId}/draft/`, { headers: headers(), signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.ok ? ((await response.json()) as Draft & { faults: Fault[]; revision: number }) : undefined;
  } catch {
    return undefined; // it is asked again
  }
}

export const askForWays: Ask = async (type, parameters) => {
  const response = await fetch(`/api/node-types/${encodeURIComponent(type)}/handles/`, { method: "POST", headers: headers(), body: JSON.stringify({ parameters }) });
  if (response.ok) return ((await response.json()) as { handles: string[] }).handles;
  if (response.status >= 500) throw new Error(response.statusText);
  return null;
};
