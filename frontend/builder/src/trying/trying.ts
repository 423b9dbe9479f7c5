// Calls the draft in place: what is typed for it, the execution that came of it, and outputs that are held.
import { createContext, useContext } from "react";
import type { Desk } from "../build/desk";
import { TRIGGER, MAIN } from "../draft/connecting";
import { nodeOf, withNode, type Fault, type Json, type JsonObject } from "../draft/draft";
import { Store, usePartOf } from "../store";
import { argumentsOf, isObject, jsonIn, rowsOf, typedOf, wholeParts, type Typed } from "./arguments";
import { entriesOf, runOf, type Entry, type Execution } from "./outcome";
import { call, executionOf, type TestCall } from "./server";

export interface TryingState {
  isOpen: boolean;
  typed: Typed;
  /** All arguments as JSON text, where they are written so. */
  text: string | undefined;
  isCalling: boolean;
  /** The execution that is shown at the nodes. */
  execution: Execution | undefined;
  /** The node that it was to end with. */
  untilNode: string | undefined;
  /** The execution that was to be tried on the draft. */
  earlier: Execution | undefined;
  /** Why nothing was called, or what is to be said of the arguments. */
  said: string;
  faults: readonly Fault[];
}

const LOOK_AGAIN_MS = 400;

export class Trying {
  readonly state = new Store<TryingState>({ isOpen: false, typed: {}, text: undefined, isCalling: false, execution: undefined, untilNode: undefined, earlier: undefined, said: "", faults: [] });
  readonly desk: Desk;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(desk: Desk) {
    this.desk = desk;
  }

  get flowId() {
    return this.desk.editor.flowId;
  }

  /** The rows to type into; undefined where the schema lists none. */
  get rows() {
    return rowsOf(this.desk.draft.inputSchema);
  }

  toggle(isOpen = !this.state.get().isOpen) {
    this.state.set({ isOpen });
  }

  type(name: string, value: string) {
    const { typed, faults } = this.state.get();
    this.state.set({ typed: { ...typed, [name]: value }, faults: faults.filter((fault) => rowOf(fault) !== name) });
  }

  write(text: string) {
    this.state.set({ text, faults: [], said: "" });
  }

  /** Writes the arguments as JSON, or in rows again. */
  switch() {
    const { text, typed } = this.state.get();
    if (text === undefined) {
      this.state.set({ text: JSON.stringify(argumentsOf(this.rows ?? [], typed).given, null, 2), said: "" });
      return;
    }
    const read = objectIn(text);
    if (read) this.fill(read);
    else this.state.set({ said: "Write a JSON object first." });
  }

  /** Takes arguments that are there, of a case or an execution; `missing` are paths of those that nobody kept. */
  fill(given: JsonObject, missing: readonly string[] = []) {
    const { rows } = this;
    const { typed, others } = typedOf(rows ?? [], given);
    const said = missing.length ? `Not in the record, to be typed anew: ${missing.join(", ")}.` : "";
    const text = !rows || others.length ? JSON.stringify(given, null, 2) : undefined;
    this.state.set({ typed, text, said, faults: [] });
  }

  fillFrom({ initialParams }: Execution) {
    const { whole, missing } = wholeParts(initialParams);
    this.fill(isObject(whole) ? whole : {}, missing);
  }

  /** An execution that is to be tried on the draft: its arguments, and what it did at each node. */
  async begin(id: string) {
    try {
      const earlier = await executionOf(id);
      this.fillFrom(earlier);
      this.state.set({ earlier, isOpen: true });
      this.#show(earlier);
      const { failed } = runOf(earlier);
      if (failed && nodeOf(this.desk.draft, failed)) this.desk.open(failed);
    } catch (error) {
      this.state.set({ isOpen: true, said: `The execution cannot be shown. ${(error as Error).message}` });
    }
  }

  /** Stores the draft and calls it, as far as a node if one is named. */
  async call(untilNode?: string) {
    const { typed, text, isCalling } = this.state.get();
    if (isCalling) return;
    const { given, wrong } = text === undefined ? argumentsOf(this.rows ?? [], typed) : { given: objectIn(text), wrong: {} };
    const faults = Object.entries(wrong).map(([path, message]) => ({ path, key: "", message }));
    if (!given || faults.length) {
      this.state.set({ isOpen: true, faults, said: given ? "" : "The arguments are no JSON object." });
      return;
    }
    clearTimeout(this.#timer);
    this.state.set({ isCalling: true, said: "", faults: [] });
    const isStored = await this.desk.saving.now();
    const body: TestCall = { arguments: given, ...(untilNode && { untilNode }) };
    const answer = isStored ? await call(this.flowId, body) : { faults: [], why: "The draft is not saved, so it was not called." };
    if ("why" in answer) {
      this.state.set({ isCalling: false, isOpen: true, said: answer.why, faults: answer.faults });
      return;
    }
    this.state.set({ isCalling: false, isOpen: false, untilNode });
    this.#show(answer);
    if (untilNode) this.desk.open(untilNode);
  }

  hide() {
    clearTimeout(this.#timer);
    this.state.set({ execution: undefined });
    this.desk.show(undefined);
  }

  entryOf(id: string): Entry | undefined {
    const { execution } = this.state.get();
    return execution && entriesOf(execution).find(({ nodeId }) => nodeId === id);
  }

  /** Whether an output can stand for executing a node: one that goes on at `main`. */
  canHold(id: string) {
    const node = nodeOf(this.desk.draft, id);
    return node !== undefined && node.type !== TRIGGER && this.desk.waysOf(id).includes(MAIN);
  }

  /** Has an output stand for executing a node in tests; undefined lets it go. */
  hold(id: string, output: Json | undefined) {
    this.desk.edit((draft) => {
      const { heldOutput: _, ...node } = nodeOf(draft, id)!;
      return withNode(draft, output === undefined ? node : { ...node, heldOutput: output });
    });
  }

  /** Shows an execution at the nodes, and looks again until it has ended. */
  #show(execution: Execution) {
    this.state.set({ execution });
    this.desk.show(runOf(execution));
    if (execution.status !== "pending") return;
    this.#timer = setTimeout(() => {
      const isShown = () => this.state.get().execution?.id === execution.id;
      executionOf(execution.id).then(
        (newer) => isShown() && this.#show(newer),
        () => isShown() && this.#show(execution),
      );
    }, LOOK_AGAIN_MS);
  }
}

/** The row that a fault of the arguments is about. */
export const rowOf = ({ path, key }: Fault) => (path ? /^[^.[]+/.exec(path)?.[0] : key) ?? "";

function objectIn(text: string): JsonObject | undefined {
  const value = jsonIn(text);
  return isObject(value) ? value : undefined;
}

export const TryingContext = createContext<Trying>(undefined!);
export const useTrying = () => useContext(TryingContext);
export const useTried = <P,>(part: (state: TryingState) => P): P => usePartOf(useTrying().state, part);
