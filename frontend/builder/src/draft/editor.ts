// A draft while it is edited: what it is now, the steps back and forward, and what the server last said of it.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Draft, Fault, NodeType } from "./draft";

/** What flows/pages/editor.py hands over. */
export interface EditorData {
  flowId: number;
  draft: Draft;
  revision: number;
  faults: Fault[];
  nodeTypes: NodeType[];
}

export interface EditorState {
  draft: Draft;
  revision: number;
  /** Of `judged`, by whose numbers of nodes they name their places. */
  faults: Fault[];
  judged: Draft;
  canUndo: boolean;
  canRedo: boolean;
}

const MAX_STEPS = 500;
/** Changes with the same key are one step when they follow each other as fast as this. */
const MERGED_MS = 1_000;

export class Editor {
  readonly flowId: number;
  readonly nodeTypes: ReadonlyMap<string, NodeType>;
  #state: EditorState;
  #past: Draft[] = [];
  #future: Draft[] = [];
  #last: { key: string; at: number } | undefined;
  #listeners = new Set<() => void>();

  constructor({ flowId, draft, revision, faults, nodeTypes }: EditorData) {
    this.flowId = flowId;
    this.nodeTypes = new Map(nodeTypes.map((each) => [each.type, each]));
    this.#state = { draft, revision, faults, judged: draft, canUndo: false, canRedo: false };
  }

  get = () => this.#state;

  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** One step that can be taken back; with a key, typing on in one field is one step. */
  change(edit: (draft: Draft) => Draft, key?: string) {
    const { draft } = this.#state;
    const changed = edit(draft);
    if (changed === draft) return;
    const now = Date.now();
    const goesOn = key !== undefined && this.#last?.key === key && now - this.#last.at < MERGED_MS;
    if (!goesOn) this.#past = [...this.#past, draft].slice(-MAX_STEPS);
    this.#future = [];
    this.#last = key === undefined ? undefined : { key, at: now };
    this.#put({ draft: changed });
  }

  undo() {
    const draft = this.#past.pop();
    if (!draft) return;
    this.#future.push(this.#state.draft);
    this.#last = undefined;
    this.#put({ draft });
  }

  redo() {
    const draft = this.#future.pop();
    if (!draft) return;
    this.#past.push(this.#state.draft);
    this.#last = undefined;
    this.#put({ draft });
  }

  /** Fields that somebody else changed, in the draft and in all that it can be taken back to: no step of this person's. */
  adopt(fields: Partial<Draft>) {
    const taking = (draft: Draft): Draft => ({ ...draft, ...fields });
    this.#past = this.#past.map(taking);
    this.#future = this.#future.map(taking);
    this.#put({ draft: taking(this.#state.draft) });
  }

  /** What the server said of a draft that it was sent. */
  judge(judged: Draft, faults: Fault[], revision = this.#state.revision) {
    this.#put({ judged, faults, revision });
  }

  #put(change: Partial<EditorState>) {
    this.#state = { ...this.#state, ...change, canUndo: this.#past.length > 0, canRedo: this.#future.length > 0 };
    for (const listener of this.#listeners) listener();
  }
}

export const EditorContext = createContext<Editor | undefined>(undefined);

export function useEditor(): Editor {
  const editor = useContext(EditorContext);
  if (!editor) throw new Error("Nothing is edited here.");
  return editor;
}

/** A part of what is edited; whoever uses it is drawn again when that part is another value. */
export function useEdited<T>(part: (state: EditorState) => T): T {
  const editor = useEditor();
  return useSyncExternalStore(editor.listen, () => part(editor.get()));
}
