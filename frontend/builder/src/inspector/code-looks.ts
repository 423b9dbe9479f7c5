import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { drawSelection, EditorView, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

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
  ".cm-content:focus-visible": { outline: "none !important" }, // the caret says it
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--brand) 24%, transparent) !important" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--faint)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "24px" },
  ".cm-matchingBracket": { backgroundColor: "var(--brand-soft) !important" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--brand) 7%, transparent)" },
  ".cm-foldPlaceholder": { padding: "0 6px", border: "1px solid var(--line)", backgroundColor: "var(--panel)", color: "var(--soft)" },
  ".cm-tooltip": { backgroundColor: "var(--panel)", border: "1px solid var(--line)", color: "var(--ink)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--brand-soft)", color: "var(--ink)" },
  ".cm-completionIcon": { display: "none" },
  ".cm-completionDetail": { color: "var(--faint)", fontStyle: "normal" },
  ".cm-tooltip.cm-completionInfo": { padding: "6px 10px", fontFamily: "var(--sans)", fontSize: "12.5px" },
  ".cm-diagnostic": { padding: "6px 10px", fontFamily: "var(--sans)", fontSize: "12.5px" },
  ".cm-diagnosticAction": { border: "1px solid var(--line)", backgroundColor: "var(--panel)", color: "var(--ink)" },
  ".cm-panels": { backgroundColor: "var(--panel)", borderColor: "var(--line)", color: "var(--ink)", fontFamily: "var(--sans)" },
  ".cm-panel.cm-search :is(input, button, label)": { fontSize: "12.5px" },
  ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", gap: "4px" },
  ".cm-panel.cm-search input[type=checkbox]": { width: "auto" },
  ".cm-textfield": { display: "inline-block", width: "min(260px, 100%) !important", padding: "4px 8px", border: "1px solid var(--field-line)", borderRadius: "6px", backgroundColor: "var(--panel)", color: "var(--ink)" },
  ".cm-button": { padding: "4px 8px", border: "1px solid var(--line)", borderRadius: "6px", backgroundColor: "var(--panel)", backgroundImage: "none", color: "var(--ink)" },
});

/** What every text editor of the page has: its colours, line numbers, a name, and the id of what else is said of it. */
export function looks(label: string, hint?: string): Extension {
  const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce;
  return [
    nonce ? EditorView.cspNonce.of(nonce) : [],
    EditorView.contentAttributes.of({ "aria-label": label, ...(hint && { "aria-describedby": hint }), tabindex: "0" }), // what scrolls has to say that it takes the keyboard
    lineNumbers(),
    drawSelection(),
    bracketMatching(),
    indentOnInput(),
    COLOURS,
    LOOKS,
    EditorView.lineWrapping,
  ];
}
