// What a draft is made of. The whole of it is one value that is never changed in place, so that a step back is the value before.
import type { components } from "../api";

/** One thing that keeps the draft from being published, as the server says it. */
export type Fault = components["schemas"]["Fault"];
export type NodeType = components["schemas"]["NodeType"];
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface DraftNode {
  id: string;
  type: string;
  name: string;
  /** How expressions name it. */
  slug: string;
  position?: { x: number; y: number };
  parameters?: JsonObject;
  settings?: JsonObject;
  /** Passed over: what arrives goes on at its way out `main`. */
  disabled?: boolean;
  /** What stands for its output in tests, so that it is not executed. */
  heldOutput?: Json;
}

export interface Connection {
  id: string;
  sourceNodeId: string;
  /** `main` where it is left out. */
  sourceHandle?: string;
  targetNodeId: string;
  targetHandle?: string;
}

export interface Note {
  id: string;
  text: string;
  position: { x: number; y: number };
}

/** A frame around nodes. */
export interface Group {
  id: string;
  name: string;
  nodeIds: string[];
}

export interface Definition {
  nodes: DraftNode[];
  connections: Connection[];
  notes?: Note[];
  groups?: Group[];
}

/** The body of `PUT /api/flows/{id}/draft/`. */
export interface Draft {
  name: string;
  toolName: string;
  toolDescription: string;
  whenToUse: string;
  whenNotToUse: string;
  inputSchema: JsonObject;
  outputSchema: JsonObject | null;
  annotations: JsonObject;
  definition: Definition;
  timeoutSeconds: number;
  answerSeconds: number | null;
}

/** The way out that a connection takes. */
export const wayOf = ({ sourceHandle }: Connection) => sourceHandle || "main";

export const nodeOf = (draft: Draft, id: string | undefined) => draft.definition.nodes.find((node) => node.id === id);

/** The draft with one node in the place of the one of its id. */
export function withNode(draft: Draft, node: DraftNode): Draft {
  const nodes = draft.definition.nodes.map((each) => (each.id === node.id ? node : each));
  return { ...draft, definition: { ...draft.definition, nodes } };
}
