import { lazy, Suspense, useState } from "react";
import type { Json } from "../draft/draft";
import type { ValueProps } from "./field";

/** Its library is large, and fetched when the first editor is shown. */
const CodeEditor = lazy(() => import("./code-editor"));

/** Python. */
export function CodeField({ field, value, onChange, label }: ValueProps) {
  const text = (value as string | undefined) ?? "";
  return <Editor text={text} label={label ?? field.title} language="python" onChange={(next) => onChange(next || undefined)} isShort={((field.schema.maxLength as number | undefined) ?? Infinity) <= 8192} />;
}

/** A JSON value as text; what is no JSON yet is not taken over. */
export function JsonField({ value, onChange, label }: { value: Json | undefined; onChange: (value: Json | undefined) => void; label: string }) {
  const [typed, setTyped] = useState<{ text: string; value: Json | undefined }>();
  // What comes from elsewhere, as by a step back, is shown in place of what was typed.
  const isOwn = typed !== undefined && JSON.stringify(typed.value) === JSON.stringify(value);
  const text = isOwn ? typed.text : value === undefined ? "" : JSON.stringify(value, null, 2);
  const [isWrong, setIsWrong] = useState(false);
  return (
    <>
      <Editor
        text={text}
        label={label}
        language="json"
        isShort
        onChange={(next) => {
          let read: Json | undefined;
          try {
            read = next.trim() ? (JSON.parse(next) as Json) : undefined;
          } catch {
            setTyped({ text: next, value });
            setIsWrong(true);
            return;
          }
          setIsWrong(false);
          setTyped({ text: next, value: read });
          onChange(read);
        }}
      />
      {isWrong && isOwn && <p className="wrong-here">This is no JSON yet; what was there before is kept.</p>}
    </>
  );
}

interface EditorProps {
  text: string;
  label: string;
  language: "python" | "json";
  isShort?: boolean;
  onChange: (text: string) => void;
}

/** The editor; where nothing is written yet, a button that opens it. */
function Editor(props: EditorProps) {
  const [isOpen, setIsOpen] = useState(false);
  if (!isOpen && !props.text)
    return (
      <button type="button" className="add-row" aria-label={`Write: ${props.label}`} onClick={() => setIsOpen(true)}>
        + Write
      </button>
    );
  return (
    <div className={`code-field ${props.isShort ? "is-short" : ""}`}>
      <Suspense fallback={<textarea className="code" aria-label={props.label} value={props.text} readOnly rows={props.isShort ? 4 : 12} />}>
        <CodeEditor {...props} isNew={isOpen} />
      </Suspense>
    </div>
  );
}
