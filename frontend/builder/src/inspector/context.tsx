import { createContext, useContext, useEffect, useRef, useState } from "react";
import { nodeOf, type JsonObject } from "../draft/draft";
import { useEdited, useEditor } from "../draft/editor";
import { useTried } from "../trying/trying";
import { knownFrom, knownWithout, type Known } from "../expressions/known";
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

/** What the expressions of a node may name: as the server knows it, asked when a node is opened and when others come before it. */
export function useInputs(nodeId: string): { known: Known[]; isFromServer: boolean } {
  const editor = useEditor();
  // By the slug that the stored draft has, and anew when its lines, names or parameters are others.
  const slug = useEdited(({ judged }) => nodeOf(judged, nodeId)?.slug);
  const slugs = useEdited(({ judged }) => judged.definition.nodes.map((node) => node.slug).join(" "));
  const lines = useEdited(({ judged }) => judged.definition.connections);
  const parameters = useEdited(({ judged }) => judged.inputSchema);
  // A call that has ended since gives newer values.
  const tried = useTried(({ execution }) => (execution?.status === "pending" ? undefined : execution?.id));
  const [answer, setAnswer] = useState<{ known: Known[]; slug: string }>();
  useEffect(() => {
    if (slug === undefined) return;
    let isCurrent = true;
    ask("/api/flows/{flowId}/nodes/{slug}/inputs/", `/api/flows/${editor.flowId}/nodes/${encodeURIComponent(slug)}/inputs/`).then(
      (inputs) => isCurrent && setAnswer({ known: knownFrom(inputs), slug }),
      () => {}, // the draft says as much as it can
    );
    return () => void (isCurrent = false);
  }, [editor, slug, slugs, lines, parameters, tried]);
  const known = answer?.slug === slug ? answer?.known : undefined;
  const draft = useEdited((state) => (known ? undefined : state.draft));
  return { known: known ?? (draft ? knownWithout(draft, nodeId) : []), isFromServer: known !== undefined };
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
