// What an execution did, as the canvas shows it at each node.
import type { Json } from "../draft/draft";
import type { NodeState, Run } from "../model";

/** One node in the record. What was hidden or cut stands in it as the record has it. */
export interface Entry {
  nodeId: string;
  nodeName: string;
  status: NodeState["status"];
  startOffsetMs: number | null;
  durationMs: number | null;
  attempts: number;
  handle: string | null;
  inputData: Json;
  outputData: Json;
  error: { message: string } | null;
  reused?: boolean;
  given?: boolean;
  asked?: { waitedMs: number | null }[];
}

/** The parts of `GET /api/executions/{id}/` that are used here. */
export interface Execution {
  id: string;
  status: "pending" | "fulfilled" | "error";
  startedAt: string;
  duration: number | null;
  initialParams: Json;
  initialParamsPreview: string;
  nodeExecutions: Entry[];
  result: { content?: { type: string; text?: string }[] } | null;
  errorInfo: { message?: string; nodeId?: string | null } | null;
}

const WORDS = { pending: "running", completed: "completed", error: "failed", skipped: "skipped", unknown: "unknown" };

/** `204 ms`, `4.2 s`, `3 min 5 s`, as the pages say it. */
export function duration(milliseconds: number | null): string {
  if (milliseconds === null) return "";
  if (milliseconds < 999.5) return milliseconds >= 0.95 ? `${Math.round(milliseconds)} ms` : milliseconds > 0 ? "<1 ms" : "0 ms";
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Whether a node waits for somebody's answer. */
export const isAsking = ({ status, asked = [] }: Entry) => status === "pending" && asked.some(({ waitedMs }) => waitedMs === null);

function stateOf(entry: Entry): NodeState {
  const standIn = entry.given ? "given" : entry.reused ? "reused" : "";
  const took = standIn || entry.status === "skipped" ? "" : duration(entry.durationMs);
  const facts = [entry.attempts > 1 && `${entry.attempts} attempts`, took].filter(Boolean).join(" · ");
  const word = isAsking(entry) ? "waiting for an answer" : standIn || WORDS[entry.status];
  return { status: entry.status, word, facts, start: entry.startOffsetMs, way: entry.handle };
}

/** The entries that name a node: of a record that was too large, something else may stand in their place. */
export const entriesOf = ({ nodeExecutions }: Execution) => nodeExecutions.filter(({ nodeId }) => typeof nodeId === "string");

export function runOf(execution: Execution): Run {
  const entries = entriesOf(execution);
  const named = entries.find(({ nodeId }) => nodeId === execution.errorInfo?.nodeId) ?? entries.find(({ status }) => status === "error");
  return {
    nodes: Object.fromEntries(entries.map((entry) => [entry.nodeId, stateOf(entry)])),
    failed: execution.status === "error" ? (named?.nodeId ?? null) : null,
    cards: `/executions/${execution.id}/?view=nodes`,
  };
}

/** What came of it, in a line. */
export function saidBy({ status, result, errorInfo }: Execution): string {
  if (status === "error" && errorInfo?.message) return errorInfo.message;
  return (result?.content ?? []).map(({ type, text }) => (type === "text" ? text : `[${type}]`)).join(" ");
}
