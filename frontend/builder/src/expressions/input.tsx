import { useEffect, useId, useRef, useState, type ChangeEvent, type KeyboardEvent } from "react";
import { completed, proposals, typedAt, type Known } from "./known";
import { shown } from "./shown";

export interface InputProps {
  id?: string;
  value: string;
  onChange: (text: string) => void;
  known: Known[];
  /** Text that is wrapped; `isOneLine` holds no line breaks. */
  isText?: boolean;
  isOneLine?: boolean;
  placeholder?: string;
  label?: string | undefined;
  describedBy?: string | undefined;
  isInvalid?: boolean;
  isRequired?: boolean;
  inputMode?: "decimal";
}

/** A text in which `{{` opens the list of what can be named here; nothing is written before one is chosen. */
export function ExpressionInput({ id, value, onChange, known, isText, isOneLine, placeholder, label, describedBy, isInvalid, isRequired, inputMode }: InputProps) {
  const list = useId();
  const box = useRef<HTMLSpanElement>(null);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  // Where the path that the list is for begins; `isAsked` when the button opened it, outside of any braces.
  const [open, setOpen] = useState<{ from: number; typed: string; isAsked: boolean }>();
  const [chosen, setChosen] = useState(0);
  const caret = useRef<number>(undefined);
  const found = open ? proposals(known, open.typed) : [];
  const isOpen = open !== undefined && found.length > 0;

  useEffect(() => {
    // React puts the caret of a text that was written for somebody at its end.
    if (caret.current === undefined) return;
    field.current!.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  });
  useEffect(() => {
    if (isOpen) box.current!.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [isOpen, chosen]);

  function look(text: string, at: number) {
    const typed = typedAt(text, at);
    setOpen(typed && { ...typed, isAsked: false });
    setChosen(0);
  }

  function write(event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) {
    onChange(isOneLine ? event.target.value.replace(/\s*\n\s*/g, " ") : event.target.value);
    look(event.target.value, event.target.selectionStart ?? 0);
  }

  function take(path: string) {
    const at = field.current!.selectionStart ?? value.length;
    const { from, isAsked } = open!;
    const next = isAsked ? { text: `${value.slice(0, at)}{{ ${path} }}${value.slice(at)}`, caret: at + path.length + 6 } : completed(value, at, from, path);
    caret.current = next.caret;
    onChange(next.text);
    setOpen(undefined);
  }

  function ask() {
    const at = field.current!.selectionStart ?? value.length;
    field.current!.focus();
    setOpen({ ...(typedAt(value, at) ?? { from: at, typed: "" }), isAsked: typedAt(value, at) === undefined });
    setChosen(0);
  }

  function press(event: KeyboardEvent) {
    if (!isOpen) {
      if (event.key === "Enter" && isOneLine) event.preventDefault();
      return;
    }
    if (event.key === "ArrowDown") setChosen((chosen + 1) % found.length);
    else if (event.key === "ArrowUp") setChosen((chosen + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") take(found[chosen]!.path);
    else if (event.key === "Escape") setOpen(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  const shared = {
    ref: field,
    id,
    value,
    placeholder,
    onChange: write,
    onKeyDown: press,
    onBlur: () => setOpen(undefined),
    onClick: () => open?.isAsked && setOpen(undefined),
    inputMode,
    autoComplete: "off",
    spellCheck: false,
    "aria-label": label,
    "aria-describedby": describedBy,
    "aria-invalid": isInvalid || undefined,
    "aria-required": isRequired || undefined,
    "aria-autocomplete": "list" as const,
    "aria-controls": isOpen ? list : undefined,
    "aria-activedescendant": isOpen ? `${list}-${chosen}` : undefined,
  };
  return (
    <span ref={box} className="expression">
      {isText ? <textarea rows={1} {...shared} /> : <input type="text" role="combobox" aria-expanded={isOpen} {...shared} />}
      <button type="button" className="insert" title="Insert a value" aria-label={`Insert a value${label ? `: ${label}` : ""}`} onMouseDown={(event) => event.preventDefault()} onClick={ask}>
        {"{ }"}
      </button>
      {isOpen && (
        <span className="known-list">
          <span className="known-head">What is known here</span>
          <span role="listbox" id={list} aria-label="What is known here">
            {found.map(({ path, sample, node }, number) => (
              <span
                key={path}
                id={`${list}-${number}`}
                role="option"
                aria-selected={number === chosen}
                title={node}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => take(path)}
              >
                <code>{path}</code> <span>{path.startsWith("secrets.") ? "never shown" : sample === undefined ? "" : shown(sample)}</span>
              </span>
            ))}
          </span>
        </span>
      )}
    </span>
  );
}
