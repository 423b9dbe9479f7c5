// Two states of a graph on one canvas: what can be said of it without a page.
import type { CanvasData, CanvasNode } from "./model";

export type Verdict = "added" | "removed" | "changed" | "moved" | "same";

/** What became of a node from one state to the other, as flows/pages/comparison.py hands it over. */
export interface NodeChange {
  verdict: Verdict;
  /** Whether it stands elsewhere, also when more than that changed. */
  isMoved: boolean;
  /** Texts; empty where there is nothing on that side. */
  parts: { path: string; before: string; after: string }[];
}

/** A mark before the word, alone where a word has no room: nobody has to see the colour. */
const MARKS = { added: "+", removed: "−", changed: "~", moved: "↔" };

export const markOf = (verdict: Verdict | undefined) => (verdict === undefined || verdict === "same" ? "" : MARKS[verdict]);

/** What a node says of itself; nothing for one that stayed. */
export function wordsOf(verdict: Verdict | undefined, isMoved = false): string {
  const mark = markOf(verdict);
  return mark && `${mark} ${verdict}${isMoved && verdict === "changed" ? ", moved" : ""}`;
}

/** The nodes that are not as they were, in the order of the graph: from left to right, then from above. */
export function changedNodes({ nodes }: CanvasData): string[] {
  const changed = nodes.filter(({ change }) => change && change.verdict !== "same");
  return changed.sort((one, other) => one.x - other.x || one.y - other.y).map(({ id }) => id);
}

/** What of a node is the same on both sides, by name. */
export function unchangedParts({ draft, change }: CanvasNode): string[] {
  const names = ["parameters", "settings"].flatMap((kind) => {
    const values = kind === "parameters" ? draft?.parameters : draft?.settings;
    return Object.keys(values ?? {}).map((name) => `${kind}.${name}`);
  });
  const changed = new Set(change?.parts.map(({ path }) => path));
  return names.filter((name) => !changed.has(name));
}
