// What trying asks the server.
import type { Fault, Json, JsonObject } from "../draft/draft";
import { headers, sentenceIn } from "../build/server";
import type { Execution } from "./outcome";

export interface Case {
  id: number;
  name: string;
  arguments: JsonObject;
  omitted: string[];
}

export interface TestCall {
  arguments: JsonObject;
  untilNode?: string;
  outputs?: Record<string, Json>;
}

/** Why nothing was called: faults of the arguments by path, and a sentence for the rest. */
export interface Refusal {
  faults: Fault[];
  why: string;
}

async function got<T>(address: string): Promise<T> {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(response.status === 404 ? "It is not there any more." : `FlowHub answers with ${response.status}.`);
  return (await response.json()) as T;
}

export const executionOf = (id: string) => got<Execution>(`/api/executions/${encodeURIComponent(id)}/`);
export const newestOf = async (flowId: number) => (await got<{ items: Execution[] }>(`/api/flows/${flowId}/executions/?limit=12`)).items;
export const casesOf = async (flowId: number) => (await got<{ items: Case[] }>(`/api/flows/${flowId}/cases/?limit=100`)).items;

/** Calls the stored draft; an execution that takes longer than a second comes back under way. */
export async function call(flowId: number, body: TestCall): Promise<Execution | Refusal> {
  let response: Response;
  try {
    response = await fetch(`/api/flows/${flowId}/test/`, { method: "POST", headers: headers(), body: JSON.stringify({ ...body, waits: false }) });
  } catch {
    return { faults: [], why: "FlowHub does not answer." };
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer as Execution;
  const { arguments: faults, definition } = (answer ?? {}) as { arguments?: Fault[]; definition?: Fault[] };
  const isListed = Array.isArray(faults) && faults.every((fault) => typeof fault === "object");
  if (definition) return { faults: [], why: `The draft has faults, which Checks lists. ${sentenceIn(definition.map(({ message }) => message)) ?? ""}` };
  return { faults: isListed ? faults : [], why: isListed ? "" : (sentenceIn(answer) ?? `FlowHub answers with ${response.status}.`) };
}
