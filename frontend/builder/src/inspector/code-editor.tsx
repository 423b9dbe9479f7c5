import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { linter, lintGutter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useId, useRef } from "react";

interface Props {
  text: string;
  label: string;
  language: "python" | "json";
  /** Opened just now by who wants to write. */
  isNew: boolean;
  onChange: (text: string) => void;
}

/** The colours of the page, which follow its theme. */
const COLOURS = syntaxHighlighting(
  HighlightStyle.define([
    { tag: [tags.keyword, tags.bool, tags.null, tags.self], color: "var(--violet)" },
    { tag: [tags.string, tags.special(tags.string)], color: "var(--wait-ink)" },
    { tag: tags.number, color: "var(--teal)" },
    { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
    { tag: [tags.propertyName, tags.definition(tags.variableName), tags.function(tags.variableName)], color: "var(--brand)" },
  ]),
);

const LOOKS = EditorView.theme({
  "&": { backgroundColor: "var(--code)", color: "var(--ink)", fontSize: "12.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)", padding: "6px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--brand) 24%, transparent) !important" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "24px" },
  ".cm-matchingBracket": { backgroundColor: "var(--brand-soft) !important" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", border: "1px solid var(--line)", color: "var(--ink)" },
});

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
    const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce;
    const view = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: said.current,
        extensions: [
          nonce ? EditorView.cspNonce.of(nonce) : [],
          EditorView.contentAttributes.of({ "aria-label": label, "aria-describedby": hint }),
          lineNumbers(),
          history(),
          drawSelection(),
          bracketMatching(),
          indentOnInput(),
          indentUnit.of(language === "python" ? "    " : "  "),
          language === "python" ? python() : [json(), EMPTY_IS_FINE, lintGutter()],
          COLOURS,
          LOOKS,
          EditorView.lineWrapping,
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
