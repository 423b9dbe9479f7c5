import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { indentUnit } from "@codemirror/language";
import { linter, lintGutter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { useEffect, useId, useRef } from "react";
import { looks } from "./code-looks";

interface Props {
  text: string;
  label: string;
  language: "python" | "json";
  /** Opened just now by who wants to write. */
  isNew: boolean;
  onChange: (text: string) => void;
}

const EMPTY_IS_FINE = linter((view) => (view.state.doc.toString().trim() ? jsonParseLinter()(view) : []));

/** A text editor for Python and JSON; Esc, then Tab leaves it by keyboard. */
export default function CodeEditor({ text, label, language, isNew, onChange }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView>(undefined);
  const wants = useRef(isNew);
  const hint = useId();
  const change = useRef(onChange);
  change.current = onChange;
  /** What the page knows: it learns of changes alone. */
  const said = useRef(text);
  useEffect(() => {
    const view = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: said.current,
        extensions: [
          looks(label, hint),
          history(),
          indentUnit.of(language === "python" ? "    " : "  "),
          language === "python" ? python() : [json(), EMPTY_IS_FINE, lintGutter()],
          keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
          EditorView.updateListener.of((update) => {
            const next = update.state.doc.toString();
            if (next === said.current) return;
            said.current = next;
            change.current(next);
          }),
        ],
      }),
    });
    editor.current = view;
    if (wants.current) view.focus();
    return () => view.destroy();
  }, [label, language, hint]);
  useEffect(() => {
    if (text === said.current) return;
    said.current = text;
    const view = editor.current!;
    view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
  }, [text]);
  // The keys of the page are letters in here; Esc lets go of Tab, as the library has it.
  return (
    <div className="code-editor" onKeyDown={(event) => event.stopPropagation()}>
      <div ref={place} />
      <p id={hint} className="note-small">
        Tab indents; Esc, then Tab leaves.
      </p>
    </div>
  );
}
