import { beforeEach, expect, test, vi } from "vitest";
import type { Draft } from "./draft";
import { Editor } from "./editor";
import { Saving, type Outcome } from "./saving";
import { draftOf } from "./trial";

/** A server that answers when it is told to, and a browser's storage. */
function desk(kept: Record<string, string> = {}, revision = 3) {
  const editor = new Editor({ flowId: 7, draft: draftOf([]), revision, faults: [], nodeTypes: [] });
  const sent: { changes: Partial<Draft>; revision: number; isLast: boolean; answer: (outcome: Outcome) => void }[] = [];
  const storage = {
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, value: string) => void (kept[key] = value),
    removeItem: (key: string) => void delete kept[key],
  };
  const saving = new Saving(editor, (changes, revision, isLast) => new Promise((answer) => sent.push({ changes, revision, isLast, answer })), storage);
  const name = (text: string) => editor.change((draft) => ({ ...draft, name: text }));
  return { editor, saving, sent, kept, name, is: () => saving.state.get().saving.is };
}

const stored = (revision: number): Outcome => ({ is: "stored", revision, faults: [], notStored: [] });
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
});

test("what changed is sent a second after the last change, with the revision that it began from", async () => {
  const { name, sent, is, editor, kept, saving } = desk();
  name("One");
  await vi.advanceTimersByTimeAsync(900);
  name("Two");
  await vi.advanceTimersByTimeAsync(900);
  expect([sent, is(), saving.isSaved, Object.keys(kept)]).toEqual([[], "waiting", false, ["flowhub-draft-7"]]);
  await vi.advanceTimersByTimeAsync(100);
  expect(sent.map(({ changes, revision }) => [changes, revision])).toEqual([[{ name: "Two" }, 3]]);
  sent[0]!.answer(stored(4));
  await settle();
  expect([is(), editor.get().revision, saving.isSaved, kept]).toEqual(["saved", 4, true, {}]);
});

test("while one request is under way no second one is, and what changed meanwhile follows", async () => {
  const { name, sent, is } = desk();
  name("One");
  await vi.advanceTimersByTimeAsync(1_000);
  name("Two");
  await vi.advanceTimersByTimeAsync(5_000);
  expect([sent.length, is()]).toEqual([1, "saving"]);
  sent[0]!.answer(stored(4));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent.slice(1).map(({ changes, revision }) => [changes, revision])).toEqual([[{ name: "Two" }, 4]]);
});

test("a server that does not answer is asked again, less and less often", async () => {
  const { name, sent, is } = desk();
  name("One");
  const gaps: number[] = [];
  for (let number = 0; number < 4; number += 1) {
    let waited = 0;
    for (; sent.length <= number; waited += 1_000) await vi.advanceTimersByTimeAsync(1_000);
    gaps.push(waited);
    sent[number]!.answer({ is: "away", why: "FlowHub does not answer." });
    await settle();
  }
  expect([gaps, is()]).toEqual([[1_000, 2_000, 4_000, 8_000], "failed"]);
});

test("a refusal stays until something changes, or somebody asks again", async () => {
  const { name, sent, is, saving } = desk();
  name("One");
  await vi.advanceTimersByTimeAsync(1_000);
  sent[0]!.answer({ is: "refused", why: "Too long." });
  await vi.advanceTimersByTimeAsync(90_000);
  expect([sent.length, saving.state.get().saving]).toEqual([1, { is: "failed", why: "Too long.", triesAgain: false }]);
  void saving.now();
  await settle();
  sent[1]!.answer(stored(4));
  await settle();
  expect(is()).toBe("saved");
});

test("a field that could not be stored is said, and sent again with the next change", async () => {
  const { name, sent, saving, editor } = desk();
  name("");
  await vi.advanceTimersByTimeAsync(1_000);
  const fault = { path: "name", key: "", message: "Write a name." };
  sent[0]!.answer({ is: "stored", revision: 3, faults: [fault], notStored: ["name"] });
  await vi.advanceTimersByTimeAsync(9_000);
  expect([saving.state.get().saving, sent.length]).toEqual([{ is: "failed", why: "name: Write a name.", triesAgain: false }, 1]);
  editor.change((draft) => ({ ...draft, timeoutSeconds: 5 }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent[1]!.changes).toEqual({ name: "", timeoutSeconds: 5 });
});

test("when somebody else has stored something, nothing is sent until it is said whose is kept", async () => {
  const theirs = { ...draftOf([]), name: "Theirs", faults: [] };
  for (const choice of ["mine", "theirs"]) {
    const { name, sent, editor, saving, is } = desk();
    name("Mine");
    await vi.advanceTimersByTimeAsync(1_000);
    sent[0]!.answer({ is: "late", current: theirs, revision: 9 });
    await settle();
    name("Mine again");
    await vi.advanceTimersByTimeAsync(9_000);
    expect([sent.length, is()]).toEqual([1, "late"]);
    if (choice === "mine") {
      saving.keepMine();
      await settle();
      expect([sent[1]!.changes.name, sent[1]!.revision]).toEqual(["Mine again", 9]);
    } else {
      saving.takeTheirs();
      expect([editor.get().draft.name, editor.get().revision, is(), saving.isSaved]).toEqual(["Theirs", 9, "saved", true]);
      editor.undo();
      expect(editor.get().draft.name).toBe("Mine again");
    }
  }
});

test("what somebody else changed elsewhere is taken over without a question, and into the steps back", async () => {
  const { name, sent, editor, is } = desk();
  name("Mine");
  await vi.advanceTimersByTimeAsync(1_000);
  sent[0]!.answer({ is: "late", current: { ...draftOf([]), timeoutSeconds: 9, faults: [] }, revision: 4 });
  await vi.advanceTimersByTimeAsync(0);
  expect([sent[1]!.changes, sent[1]!.revision]).toEqual([{ name: "Mine" }, 4]);
  sent[1]!.answer(stored(5));
  await settle();
  editor.undo();
  expect([is(), editor.get().draft]).toEqual(["waiting", { ...draftOf([]), timeoutSeconds: 9 }]);
});

test("what arrived although nobody heard of it is not somebody else's", async () => {
  const { name, sent, editor, is } = desk();
  name("Mine");
  await vi.advanceTimersByTimeAsync(1_000);
  sent[0]!.answer({ is: "away", why: "FlowHub does not answer." });
  await settle();
  name("Mine again");
  await vi.advanceTimersByTimeAsync(2_000);
  sent[1]!.answer({ is: "late", current: { ...draftOf([]), name: "Mine", faults: [] }, revision: 4 });
  await settle();
  await settle();
  expect([sent[2]!.changes, sent[2]!.revision, is()]).toEqual([{ name: "Mine again" }, 4, "saving"]);
  sent[2]!.answer({ is: "late", current: { ...draftOf([]), name: "Mine again", faults: [] }, revision: 5 });
  await settle();
  await settle();
  expect([sent.length, is(), editor.get().revision]).toEqual([3, "saved", 5]);
});

test("a page that goes sends the rest at once, and the next one finds what did not arrive", async () => {
  const { name, sent, saving, kept } = desk();
  name("Last words");
  saving.leave();
  expect([sent[0]!.changes, sent[0]!.isLast]).toEqual([{ name: "Last words" }, true]);
  const next = desk(kept);
  expect(next.saving.found!.draft.name).toBe("Last words");
  next.saving.restore(next.saving.found!);
  expect([next.editor.get().draft.name, next.is()]).toEqual(["Last words", "waiting"]);
  expect(desk().saving.found).toBeUndefined();
});

test("what the page of a conflict has settled is not offered again", async () => {
  const { name, sent, saving, kept } = desk();
  name("Mine");
  await vi.advanceTimersByTimeAsync(1_000);
  sent[0]!.answer({ is: "late", current: { ...draftOf([]), name: "Theirs", faults: [] }, revision: 9 });
  await settle();
  saving.compare();
  expect([desk(kept, 9).saving.found?.draft.name, desk(kept, 10).saving.found, kept]).toEqual(["Mine", undefined, {}]);
});

test("what somebody else has stored is taken over where it is newer and nothing here is unsaved", async () => {
  const { editor, saving, name, sent, is } = desk();
  const theirs = (text: string) => ({ ...draftOf([]), name: text, faults: [] });
  const seen = () => [editor.get().draft.name, editor.get().revision, is(), saving.isSaved];
  saving.hear(theirs("Old"), 3);
  expect(seen()).toEqual(["Trial", 3, "saved", true]);
  saving.hear(theirs("Theirs"), 5);
  expect(seen()).toEqual(["Theirs", 5, "saved", true]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent).toEqual([]);
  name("Mine");
  saving.hear(theirs("Later"), 6);
  expect(seen()).toEqual(["Mine", 5, "waiting", false]);
  editor.undo();
  editor.undo();
  expect(editor.get().draft.name).toEqual("Trial");
});
