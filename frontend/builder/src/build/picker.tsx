import { useId, useRef, useState, type DragEvent, type KeyboardEvent, type ReactNode, type Ref } from "react";

export interface Option {
  id: string;
  label: string;
  says: string;
  group: string;
  mark?: ReactNode;
  /** Which colour it has: the group of a node type. */
  tone?: string;
}

interface Props {
  ref?: Ref<HTMLInputElement>;
  label: string;
  placeholder: string;
  optionsFor: (words: string) => Option[];
  choose: (id: string) => void;
  none: string;
  /** It has the keyboard at once, with the first option to take. */
  begins?: boolean;
  drag?: (id: string, event: DragEvent) => void;
  hint?: ReactNode;
}

/** A field to search in, and the list below it: arrows move in it, Enter takes, a click takes. */
export function Picker({ ref, label, placeholder, optionsFor, choose, none, begins = false, drag, hint }: Props) {
  const id = useId();
  const [words, setWords] = useState("");
  const [at, setAt] = useState(begins ? 0 : -1);
  const list = useRef<HTMLDivElement>(null);
  const options = optionsFor(words);
  const groups = [...new Set(options.map(({ group }) => group))];
  const ordered = groups.flatMap((group) => options.filter((option) => option.group === group));

  function go(to: number) {
    if (!ordered.length) return;
    const next = (to + ordered.length) % ordered.length;
    setAt(next);
    list.current?.querySelectorAll("[role=option]")[next]?.scrollIntoView({ block: "nearest" });
  }

  function take(option: Option) {
    setWords("");
    choose(option.id);
  }

  function press(event: KeyboardEvent) {
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(Math.max(at, 0) - 1);
    else if (event.key === "Enter" && ordered[at]) take(ordered[at]);
    else if (event.key !== "Enter") return;
    event.preventDefault();
  }

  return (
    <div className="picker" onKeyDown={press}>
      <div className="search">
        <input
          ref={ref}
          autoFocus={begins}
          role="combobox"
          aria-label={label}
          aria-expanded={true}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={ordered[at] ? `${id}-${at}` : undefined}
          placeholder={placeholder}
          value={words}
          autoComplete="off"
          spellCheck={false}
          onChange={({ target }) => {
            setWords(target.value);
            setAt(begins || target.value ? 0 : -1);
          }}
          onFocus={() => at < 0 && setAt(0)}
          onBlur={() => !begins && setAt(-1)}
        />
        {hint}
      </div>
      <div ref={list} id={id} role="listbox" aria-label={label} className="options" tabIndex={-1}>
        {groups.map((group) => (
          <div key={group} role="group" aria-label={group || label}>
            {group && (
              <h3 role="presentation" className="heading">
                {group}
              </h3>
            )}
            {ordered.map((option, index) =>
              option.group !== group ? null : (
                <div
                  key={option.id}
                  id={`${id}-${index}`}
                  role="option"
                  aria-selected={index === at}
                  className={`option ${option.mark ? "" : "is-plain"}`}
                  data-option={option.id}
                  data-group={option.tone}
                  title={option.says}
                  draggable={drag !== undefined}
                  onDragStart={(event) => drag?.(option.id, event)}
                  onPointerDown={(event) => drag || event.preventDefault()}
                  onClick={() => take(option)}
                >
                  {option.mark}
                  <b>{option.label}</b>
                  <small>{option.says}</small>
                </div>
              ),
            )}
          </div>
        ))}
      </div>
      {!ordered.length && <p className="none">{none}</p>}
    </div>
  );
}
