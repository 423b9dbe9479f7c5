// A definition as text beside the draft: what is typed becomes the draft as soon as it can be read, and what the draft
// becomes elsewhere is written into the text.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type Completion, type CompletionContext } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, redo, undo } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { codeFolding, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, EditorState, Transaction } from "@codemirror/state";
import { EditorView, highlightActiveLine, keymap, type ViewUpdate } from "@codemirror/view";
import type { Desk } from "../build/desk";
import type { Definition, Fault } from "../draft/draft";
import { STEP_X } from "../draft/edits";
import { looks } from "../inspector/code-looks";
import { offersAt } from "./offers";
import { caretIn, nameOf, placesIn, textOf } from "./places";
import { marksIn, readDefinition, type Mark } from "./reading";

/** Of a change that comes from the draft, not from who writes. */
const OURS = Annotation.define<boolean>();

export class DefinitionText {
  #desk: Desk;
  #view: EditorView;
  /** What the text says, as far as the draft is concerned. */
  #said: Definition;
  #judged: readonly Fault[];
  #unlisten: (() => void)[];

  constructor(parent: HTMLElement, desk: Desk) {
    this.#desk = desk;
    const { draft, faults } = desk.editor.get();
    [this.#said, this.#judged] = [draft.definition, faults];
    const { unread } = desk.ui.get();
    this.#view = new EditorView({
      parent,
      state: EditorState.create({
        doc: unread?.text ?? textOf(draft.definition),
        extensions: [
          looks("Definition"),
          lintGutter(),
          codeFolding(),
          foldGutter(),
          history(),
          closeBrackets(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          indentUnit.of("  "),
          json(),
          autocompletion({ override: [(context) => this.#complete(context)] }),
          keymap.of([
            { key: "Mod-s", run: () => (void desk.saving.now(), true) },
            { key: "Mod-z", run: () => this.#undo() },
            { key: "Mod-y", mac: "Mod-Shift-z", run: () => this.#redo() },
            { key: "Mod-Shift-z", run: () => this.#redo() },
            ...closeBracketsKeymap,
            ...completionKeymap,
            ...searchKeymap,
            ...foldKeymap,
            ...lintKeymap,
            ...historyKeymap,
            ...defaultKeymap,
            indentWithTab,
          ]),
          EditorView.updateListener.of((update) => this.#updated(update)),
        ],
      }),
    });
    this.#mark();
    this.#unlisten = [desk.editor.listen(() => this.#draftChanged()), desk.ui.listen(() => this.#uiChanged())];
    const { current } = desk.store.get();
    if (unread) this.#goTo(this.#wrong()?.from ?? 0);
    else if (current) this.#goToNode(current);
    const surface = {
      select() {},
      selected: () => [],
      focused: () => (this.#view.hasFocus ? this.#nodeAtCaret() : undefined),
      show: (id: string) => this.#goToNode(id),
      middle: () => {
        const { nodes } = desk.store.get().data;
        return { x: nodes.reduce((right, { x }) => Math.max(right, x), 0) + STEP_X, y: nodes[0]?.y ?? 0 };
      },
      cornerOf: () => {
        const { left, top } = this.#view.dom.getBoundingClientRect();
        return { x: left + 60, y: top + 30 };
      },
      showFault: (fault: Fault) => {
        const { faults: all, judged } = desk.editor.get();
        const [mark] = marksIn(this.#text, this.#said, all.filter((each) => each === fault), judged.definition);
        if (mark) this.#goTo(mark.from);
        return mark !== undefined;
      },
    };
    desk.surface = surface;
    this.#unlisten.push(() => void (desk.surface === surface && (desk.surface = undefined)));
  }

  end() {
    for (const unlisten of this.#unlisten) unlisten();
    this.#view.destroy();
  }

  get #text() {
    return this.#view.state.doc.toString();
  }

  #wrong(): Mark | undefined {
    const read = readDefinition(this.#text);
    return "wrong" in read ? read.wrong : undefined;
  }

  #updated({ docChanged, selectionSet, transactions, state }: ViewUpdate) {
    if (docChanged && !transactions.some((each) => each.annotation(OURS))) {
      const text = state.doc.toString();
      const read = readDefinition(text);
      if ("wrong" in read) {
        const { from, message } = read.wrong;
        this.#desk.ui.set({ unread: { text, line: state.doc.lineAt(from).number, message, isOld: this.#desk.ui.get().unread?.isOld ?? false } });
      } else {
        const { definition } = this.#desk.draft;
        // Written as before, with other spaces, it is no step.
        this.#said = textOf(read.definition) === textOf(definition) ? definition : read.definition;
        this.#desk.ui.set({ unread: undefined });
        this.#desk.edit((draft) => (draft.definition === this.#said ? draft : { ...draft, definition: this.#said }), "json");
      }
      this.#mark();
    } else if (selectionSet) {
      const current = this.#nodeAtCaret();
      if (current && current !== this.#desk.store.get().current) this.#desk.store.set({ current });
    }
  }

  #draftChanged() {
    const { draft, faults } = this.#desk.editor.get();
    const isJudged = faults !== this.#judged;
    this.#judged = faults;
    if (draft.definition !== this.#said) {
      const { unread } = this.#desk.ui.get();
      if (unread) {
        if (!unread.isOld) this.#desk.ui.set({ unread: { ...unread, isOld: true } });
        return;
      }
      this.#said = draft.definition;
      this.#write(textOf(draft.definition));
    } else if (!isJudged) return;
    this.#mark();
  }

  /** Somebody wants the flow as it is in the place of what cannot be read. */
  #uiChanged() {
    if (this.#desk.ui.get().unread || !this.#wrong()) return;
    this.#said = this.#desk.draft.definition;
    this.#write(textOf(this.#said));
    this.#mark();
  }

  /** Makes the text another one where it differs; a caret in there stays at what it was at. */
  #write(next: string) {
    const text = this.#text;
    const shorter = Math.min(text.length, next.length);
    let [start, end] = [0, 0];
    while (start < shorter && text[start] === next[start]) start += 1;
    while (end < shorter - start && text.at(-1 - end) === next.at(-1 - end)) end += 1;
    const { head } = this.#view.state.selection.main;
    const [from, to] = [start, text.length - end];
    let selection: { anchor: number } | undefined;
    if (head > from && head < to) {
      const caret = caretIn(text, head);
      const place = caret && nameOf([...caret.path, ...(caret.step === undefined ? [] : [caret.step])]);
      const [before, after] = [text, next].map((each) => placesIn(each).get(place ?? ""));
      if (before && after) selection = { anchor: Math.min(after.from + head - before.from, next.length) };
    }
    this.#view.dispatch({
      changes: { from, to, insert: next.slice(start, next.length - end) },
      ...(selection && { selection }),
      annotations: [OURS.of(true), Transaction.addToHistory.of(false)],
    });
  }

  #mark() {
    const { faults, judged } = this.#desk.editor.get();
    const wrong = this.#wrong();
    const marks = wrong ? [{ ...wrong, id: undefined }] : marksIn(this.#text, this.#said, faults, judged.definition);
    const diagnostics = marks.map(({ from, to, message, id }): Diagnostic => ({
      from,
      to,
      message,
      severity: "error",
      ...(id && { actions: [{ name: "Open its node", apply: () => this.#desk.store.set({ current: id, chosen: id }) }] }),
    }));
    this.#view.dispatch(setDiagnostics(this.#view.state, diagnostics));
  }

  /** While it cannot be read, steps are those of the text; else those of the draft. */
  #undo(): boolean {
    if (this.#desk.ui.get().unread) undo(this.#view);
    else this.#desk.editor.undo();
    return true;
  }

  #redo(): boolean {
    const { editor, ui } = this.#desk;
    if (ui.get().unread || !editor.get().canRedo) redo(this.#view);
    else editor.redo();
    return true;
  }

  #nodeAtCaret(): string | undefined {
    const [part, index] = caretIn(this.#text, this.#view.state.selection.main.head)?.path ?? [];
    return part === "nodes" ? this.#said.nodes[index as number]?.id : undefined;
  }

  #goToNode(id: string) {
    const place = `nodes[${this.#said.nodes.findIndex((node) => node.id === id)}]`;
    const range = placesIn(this.#text).get(place);
    if (range) this.#goTo(range.from);
  }

  #goTo(position: number) {
    this.#view.dispatch({ selection: { anchor: position }, effects: EditorView.scrollIntoView(position, { y: "center" }) });
    this.#view.focus();
  }

  #complete({ pos, explicit, state }: CompletionContext) {
    const text = state.doc.toString();
    const found = offersAt(text, pos, this.#desk.editor.nodeTypes, (id) => this.#desk.waysOf(id));
    if (!found?.offers.length || (!explicit && found.from === found.to)) return null;
    const { from, to, isKey, offers } = found;
    const hasColon = /^\s*:/.test(text.slice(to));
    const options = offers.map(({ value, title, says }, index): Completion => {
      const written = JSON.stringify(value);
      const insert = isKey && !hasColon ? `${written}: ` : written;
      return {
        label: written,
        displayLabel: String(value),
        detail: title,
        ...(says && { info: says }),
        type: isKey ? "property" : "enum",
        boost: -index,
        apply: (view) => view.dispatch({ changes: { from, to: Math.max(to, view.state.selection.main.head), insert }, selection: { anchor: from + insert.length }, userEvent: "input.complete" }),
      };
    });
    return { from, options };
  }
}

