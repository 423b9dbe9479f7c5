// Stores a draft by itself: a second after the last change, one request at a time, until the server has it.
import { Store } from "../store";
import type { Draft, Fault } from "./draft";
import type { Editor } from "./editor";

export type SavingState =
  /** `isTheirs`: what somebody else has stored was taken over. */
  | { is: "saved"; at: Date | undefined; isTheirs?: boolean }
  | { is: "waiting" }
  | { is: "saving" }
  | { is: "failed"; why: string; triesAgain: boolean }
  | { is: "late"; current: Draft & { faults: Fault[] }; revision: number };

/** What became of a request. `late`: somebody else has stored something since. `away`: no answer that means anything. */
export type Outcome =
  | { is: "stored"; revision: number; faults: Fault[]; notStored: string[] }
  | { is: "late"; current: Draft & { faults: Fault[] }; revision: number }
  | { is: "refused"; why: string }
  | { is: "away"; why: string };

/** Sends the fields that changed. `isLast`: the page goes, nobody waits for the answer. */
export type Send = (changes: Partial<Draft>, revision: number, isLast: boolean) => Promise<Outcome>;

/** A copy in this browser, for a draft that the server did not get. */
export interface Copy {
  draft: Draft;
  revision: number;
  at: number;
  /** The stored revision with which it was compared on the page of a conflict: with a later one, that was settled there. */
  compared?: number;
}

const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

const keyOf = (flowId: number) => `flowhub-draft-${flowId}`;

export class Saving {
  readonly state = new Store<{ saving: SavingState }>({ saving: { is: "saved", at: undefined } });
  /** What an earlier page left in this browser. */
  readonly found: Copy | undefined;
  #editor: Editor;
  #send: Send;
  #storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  #stored: Draft;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = PAUSE_MS;
  #request: Promise<void> | undefined;
  /** What was sent and may have arrived although no answer said so: by this page, or by the one before it as it went. */
  #sent: Draft | undefined;

  constructor(editor: Editor, send: Send, storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {
    this.#editor = editor;
    this.#send = send;
    this.#storage = storage;
    this.#stored = editor.get().draft;
    this.found = this.#copy();
    this.#sent = this.found?.draft;
    let last = this.#stored;
    editor.listen(() => {
      const { draft } = editor.get();
      if (draft === last) return;
      last = draft;
      this.#keepCopy();
      if (this.#request) return; // looks again when it is back
      if (this.state.get().saving.is !== "late") this.#wait(PAUSE_MS);
    });
  }

  /** What the server had when it last answered. */
  get stored() {
    return this.#stored;
  }

  get isSaved() {
    return Object.keys(this.#changes()).length === 0;
  }

  /** Sends what is not stored yet, and waits for the answer; true when all of it is stored. */
  async now(): Promise<boolean> {
    clearTimeout(this.#timer);
    while (this.#request) await this.#request;
    if (this.state.get().saving.is === "late") return false;
    if (!this.isSaved) await (this.#request = this.#store());
    return this.state.get().saving.is === "saved";
  }

  /** The page goes: sends without waiting. */
  leave() {
    if (!this.isSaved && this.state.get().saving.is !== "late") void this.#send(this.#changes(), this.#editor.get().revision, true);
  }

  /** What somebody else stored becomes the draft. */
  takeTheirs() {
    const { saving } = this.state.get();
    if (saving.is === "late") this.#take(saving.current, saving.revision);
  }

  /** What the server has now becomes the draft, where it is newer and nothing here is unsaved. */
  hear(current: Draft & { faults: Fault[] }, revision: number) {
    const isBusy = this.#request || !this.isSaved || this.state.get().saving.is !== "saved";
    if (!isBusy && revision > this.#editor.get().revision) this.#take(current, revision);
  }

  /** A step that can be taken back. */
  #take(current: Draft & { faults: Fault[] }, revision: number) {
    this.#stored = draftOf(current, this.#stored);
    this.state.set({ saving: { is: "saved", at: new Date(), isTheirs: true } });
    this.#editor.change(() => this.#stored);
    this.#editor.judge(this.#stored, current.faults, revision);
    this.#forgetCopy();
  }

  /** Stores what was changed here over what somebody else stored; fields that were not changed here become theirs. */
  keepMine() {
    const { saving } = this.state.get();
    if (saving.is !== "late") return;
    this.state.set({ saving: { is: "waiting" } });
    this.#goOnFrom(saving.current, saving.revision);
  }

  /** The page of a conflict is about to show both sides, and settles what becomes of this one. */
  compare() {
    const { saving } = this.state.get();
    if (saving.is === "late") this.#keepCopy(saving.revision);
  }

  /** What an earlier page left becomes the draft; a step that can be taken back. */
  restore(copy: Copy) {
    this.#editor.change((draft) => draftOf(copy.draft, draft));
  }

  forget() {
    this.#forgetCopy();
  }

  #changes(): Partial<Draft> {
    const { draft } = this.#editor.get();
    return Object.fromEntries(Object.entries(draft).filter(([name, value]) => value !== this.#stored[name as keyof Draft]));
  }

  #wait(pause: number) {
    clearTimeout(this.#timer);
    const { is } = this.state.get().saving;
    if (this.isSaved && is === "saved") return; // it was taken over
    if (this.isSaved && is !== "failed") {
      this.state.set({ saving: { is: "saved", at: new Date() } });
      return;
    }
    if (is !== "failed") this.state.set({ saving: { is: "waiting" } });
    this.#timer = setTimeout(() => void this.now(), pause);
  }

  /** Takes what the server has for what is stored, and sends what differs from it. */
  #goOnFrom(current: Draft, revision: number) {
    const { draft, judged, faults } = this.#editor.get();
    const theirs = draftOf(current, draft);
    const mine = this.#changes();
    const adopted = Object.fromEntries(Object.entries(theirs).filter(([name]) => !(name in mine)));
    // What is the same in other words is the same, so that it is not sent.
    const same = Object.fromEntries(Object.entries(mine).filter(([name, value]) => isSame(value, theirs[name as keyof Draft])));
    this.#stored = { ...theirs, ...same };
    this.#editor.judge(judged, faults, revision);
    this.#editor.adopt(adopted);
    this.#wait(0);
  }

  async #store() {
    const { draft, revision } = this.#editor.get();
    this.state.set({ saving: { is: "saving" } });
    const before = this.#sent;
    this.#sent = draft;
    const outcome = await this.#send(this.#changes(), revision, false);
    this.#request = undefined;
    if (outcome.is === "late") {
      const theirs = draftOf(outcome.current, this.#stored);
      const isOwn = [before, draft].some((mine) => mine && isSame(theirs, draftOf(mine, theirs)));
      const mine = this.#changes();
      const isApart = Object.keys(mine).every((name) => isSame(theirs[name as keyof Draft], this.#stored[name as keyof Draft]));
      // What was sent from here without an answer, or fields that nobody touched here: there is nothing to ask.
      if (isOwn || isApart) this.#goOnFrom(theirs, outcome.revision);
      else this.state.set({ saving: outcome });
    } else if (outcome.is === "stored") {
      this.#pause = PAUSE_MS;
      const kept = Object.fromEntries(outcome.notStored.map((name) => [name, this.#stored[name as keyof Draft]]));
      this.#stored = { ...draft, ...kept };
      this.#editor.judge(draft, outcome.faults, outcome.revision);
      if (outcome.notStored.length) {
        const why = outcome.faults.filter(({ path }) => outcome.notStored.includes(path)).map(({ path, message }) => `${path}: ${message}`);
        this.state.set({ saving: { is: "failed", why: why.join(" "), triesAgain: false } });
      } else this.state.set({ saving: { is: "saved", at: new Date() } });
      if (this.isSaved) this.#forgetCopy();
      else if (this.#editor.get().draft !== draft) this.#wait(PAUSE_MS);
    } else {
      const triesAgain = outcome.is === "away";
      this.state.set({ saving: { is: "failed", why: outcome.why, triesAgain } });
      if (triesAgain) this.#wait((this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS)));
      else if (this.#editor.get().draft !== draft) this.#wait(PAUSE_MS);
    }
  }

  #copy(): Copy | undefined {
    try {
      const copy = JSON.parse(this.#storage.getItem(keyOf(this.#editor.flowId)) ?? "null") as Copy | null;
      if (copy?.compared !== undefined && copy.compared < this.#editor.get().revision) this.#forgetCopy();
      else if (copy && !isSame(draftOf(copy.draft, this.#stored), this.#stored)) return copy;
    } catch {
      // A browser without storage, or something else's text: there is no copy.
    }
    return undefined;
  }

  #keepCopy(compared?: number) {
    const { draft, revision } = this.#editor.get();
    try {
      this.#storage.setItem(keyOf(this.#editor.flowId), JSON.stringify({ draft, revision, at: Date.now(), ...(compared !== undefined && { compared }) } satisfies Copy));
    } catch {
      // Full, or forbidden: the server has it in a second.
    }
  }

  #forgetCopy() {
    try {
      this.#storage.removeItem(keyOf(this.#editor.flowId));
    } catch {
      // As above.
    }
  }
}

/** Whether two JSON values are the same, in whatever order their keys stand. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return one === other;
  const [mine, theirs] = [Object.entries(one), Object.entries(other)];
  return Array.isArray(one) === Array.isArray(other) && mine.length === theirs.length && mine.every(([key, value]) => Object.hasOwn(other, key) && isSame(value, (other as Record<string, unknown>)[key]));
}

/** The fields of a draft out of something that has more. */
function draftOf(some: Draft, like: Draft): Draft {
  return Object.fromEntries(Object.keys(like).map((name) => [name, some[name as keyof Draft]])) as unknown as Draft;
}
