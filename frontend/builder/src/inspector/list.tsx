import { useState } from "react";
import type { Json, JsonObject } from "../draft/draft";
import { shown } from "../expressions/shown";
import { useFaultsUnder, useFocusNext } from "./context";
import { Faults, Value, type ValueProps } from "./field";
import { emptied, field as fieldOf, placeOf } from "./fields";

/** The items of a list, each in its own row; a new one is written when something is typed in it. */
export function List({ field, place, value, onChange, label }: ValueProps) {
  const items = (value as Json[] | undefined) ?? [];
  const [isAdding, setIsAdding] = useState(false);
  const [box, focusNext] = useFocusNext<HTMLDivElement>();
  const rule = field.schema.items;
  const item = fieldOf("", (rule !== null && typeof rule === "object" ? rule : {}) as JsonObject);
  const isShort = item.kind === "number" || item.kind === "choice";
  const put = (next: Json[]) => onChange(next.length ? next : undefined);
  const name = label ?? field.title;
  const rows: (Json | undefined)[] = isAdding ? [...items, undefined] : items;
  return (
    <div ref={box} className={`list ${isShort ? "is-short" : ""} ${item.kind === "group" ? "is-cards" : ""}`}>
      {rows.map((each, number) => (
        <Row
          key={number}
          title={item.kind === "group" ? `${number + 1} ${summaryOf(each)}` : ""}
          name={`${name}, ${number + 1}`}
          place={placeOf(place, number)}
          move={number > 0 && each !== undefined ? () => put(items.with(number - 1, each).with(number, items[number - 1]!)) : undefined}
          remove={() => {
            if (each === undefined) setIsAdding(false);
            else put(items.filter((_, other) => other !== number));
            focusNext(".add-row");
          }}
        >
          <Value
            field={item}
            place={placeOf(place, number)}
            value={each}
            label={`${name}, ${number + 1}`}
            onChange={(next) => {
              if (each === undefined) setIsAdding(false);
              if (next !== undefined) put(each === undefined ? [...items, next] : items.with(number, next));
              else if (each !== undefined) put(items.with(number, emptied(each)));
            }}
          />
        </Row>
      ))}
      <button
        type="button"
        className="add-row"
        disabled={isAdding || items.length >= ((field.schema.maxItems as number | undefined) ?? Infinity)}
        onClick={() => {
          if (item.kind === "group") put([...items, {}]);
          else setIsAdding(true);
          focusNext(":scope > .row:nth-last-child(2) > .row-value");
        }}
      >
        + Add
      </button>
    </div>
  );
}

function Row({ title, name, place, move, remove, children }: { title: string; name: string; place: string; move: (() => void) | undefined; remove: () => void; children: React.ReactNode }) {
  const faults = useFaultsUnder(place);
  return (
    <div className="row" role="group" aria-label={name}>
      {title && <span className="row-title">{title}</span>}
      <div className="row-value">
        {children}
        {!title && <Faults faults={faults} />}
      </div>
      <span className="row-tools">
        {move && (
          <button type="button" aria-label={`Move up: ${name}`} title="Move up" onClick={move}>
            ↑
          </button>
        )}
        <button type="button" className="remove" aria-label={`Remove ${name}`} title="Remove" onClick={remove}>
          ×
        </button>
      </span>
    </div>
  );
}

/** A few words that tell one item of a list from the others. */
function summaryOf(item: Json | undefined): string {
  if (item === undefined || item === null || typeof item !== "object") return "";
  const texts = Object.values(item).filter((each) => typeof each === "string" || typeof each === "number");
  return texts.length ? `· ${texts.slice(0, 2).map((each) => (typeof each === "string" ? each : shown(each))).join(" · ").slice(0, 48)}` : "";
}
