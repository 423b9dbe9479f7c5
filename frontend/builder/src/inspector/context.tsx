import { createContext, useContext, useEffect, useMemo, useRef, useState } from "react";
import { downstream, TRIGGER } from "../draft/connecting";
import { nodeOf, type JsonObject } from "../draft/draft";
import { useEdited, useEditor } from "../draft/editor";
import { knownFrom, knownWithout, withValues, type Known } from "../expressions/known";
import { entriesOf } from "../trying/outcome";
import { useTried } from "../trying/trying";
import type { Placed } from "./faults";
import { under } from "./faults";
import { ask } from "./server";

/** What the fields of one node share. */
export interface Form {
  known: Known[];
  faults: Placed[];
  /** The parameters that the node type has for an example. */
  example: JsonObject | undefined;
}

export const FormContext = createContext<Form>({ known: [], faults: [], example: undefined });

export const useKnown = () => useContext(FormContext).known;

export const useFaultsUnder = (place: string): Placed[] => under(useContext(FormContext).faults, place);

/**
 * What the expressions of a node may name: as the server knows it, asked when a node is opened, when others come before it
 * and when a call has ended; `from` says which calls its values are of. The call that the canvas shows comes first.
 */
export function useInputs(nodeId: string): { known: Known[]; from: string } {
  const editor = useEditor();
  // By the slug that the stored draft has, once something leads there, and anew when its lines, names or parameters are others.
  const slug = useEdited(({ judged }) => {
    const [node, trigger] = [nodeOf(judged, nodeId), judged.definition.nodes.find(({ type }) => type === TRIGGER)];
    const isReached = node && trigger && editor.nodeTypes.has(node.type) && downstream(judged.definition, trigger.id).has(nodeId);
    return isReached ? node.slug : undefined;
  });
  const slugs = useEdited(({ judged }) => judged.definition.nodes.map((node) => node.slug).join(" "));
  const lines = useEdited(({ judged }) => judged.definition.connections);
  const parameters = useEdited(({ judged }) => judged.inputSchema);
  const call = useTried(({ execution }) => (execution?.status === "pending" ? undefined : execution));
  const [answer, setAnswer] = useState<{ known: Known[]; slug: string }>();
  useEffect(() => {
    if (slug === undefined) return;
    let isCurrent = true;
    ask("/api/flows/{flowId}/nodes/{slug}/inputs/", `/api/flows/${editor.flowId}/nodes/${encodeURIComponent(slug)}/inputs/`).then(
      (inputs) => isCurrent && setAnswer({ known: knownFrom(inputs), slug }),
      () => {}, // the draft says as much as it can
    );
    return () => void (isCurrent = false);
  }, [editor, slug, slugs, lines, parameters, call]);
  const known = answer?.slug === slug ? answer?.known : undefined;
  const draft = useEdited((state) => (known && !call ? undefined : state.draft));
  return useMemo(() => {
    const here = known ?? knownWithout(draft!, nodeId);
    if (!call) return { known: here, from: known ? "Values are those of the newest calls." : "Values come when the draft is stored and something leads to this node." };
    const gave = entriesOf(call).filter(({ status }) => status === "completed");
    const values = gave.flatMap((entry) => {
      const node = nodeOf(draft!, entry.nodeId);
      return node ? [[node.slug, entry.outputData] as const] : [];
    });
    return { known: withValues(here, Object.fromEntries(values)), from: `Values are those of the call of ${new Date(call.startedAt).toLocaleTimeString([], { hour12: false })}.` };
  }, [known, draft, nodeId, call]);
}

const CONTROL = "input, textarea, select, [contenteditable], button:not(.mode, .insert, .remove)";

/** Moves the keyboard to the last of the parts, or the first control in it, of what is drawn next; for what is added or taken away. */
export function useFocusNext<T extends HTMLElement>() {
  const box = useRef<T>(null);
  const wanted = useRef<string>(undefined);
  useEffect(() => {
    if (wanted.current === undefined) return;
    const found = [...(box.current?.querySelectorAll<HTMLElement>(wanted.current) ?? [])].at(-1);
    const control = found?.matches(CONTROL) ? found : found?.querySelector<HTMLElement>(CONTROL);
    control?.focus();
    wanted.current = undefined;
  });
  return [box, (selector: string) => (wanted.current = selector)] as const;
}
