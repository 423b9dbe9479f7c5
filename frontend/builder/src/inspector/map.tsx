import { useState } from "react";
import type { Json, JsonObject } from "../draft/draft";
import { useFaultsUnder, useFocusNext } from "./context";
import { Faults, Value, type ValueProps } from "./field";
import { emptied, field as fieldOf, placeOf, withKey, withName } from "./fields";
import { useTypedName } from "./typed-name";

/** Names and values of an object that may have any; a row is written when it has a name. */
export function Rows({ field, place, value, onChange, label }: ValueProps) {
  const object = (value as JsonObject | undefined) ?? {};
  const names = Object.keys(object);
  // A row without a name is not written yet, whatever its value.
  const [added, setAdded] = useState<{ value: Json | undefined }>();
  const [box, focusNext] = useFocusNext<HTMLDivElement>();
  const rule = field.schema.additionalProperties;
  const schema = (rule !== null && typeof rule === "object" ? rule : {}) as JsonObject;
  const put = (next: JsonObject) => onChange(Object.keys(next).length ? next : undefined);
  return (
    <div ref={box} className="map">
      {[...names, ...(added ? [undefined] : [])].map((name, number) => (
        <Row
          key={number} // the same row before and after it has a name
          of={label ?? field.title}
          number={number}
          name={name ?? ""}
          others={names.filter((each) => each !== name)}
          schema={schema}
          place={placeOf(place, name ?? "")}
          value={name === undefined ? added!.value : object[name]}
          rename={(next) => {
            if (name !== undefined) return put(withName(object, name, next));
            setAdded(undefined);
            onChange(withKey(object, next, added!.value ?? startOf(schema)));
          }}
          change={(next) => {
            if (name === undefined) setAdded({ value: next });
            else put(withKey(object, name, next ?? emptied(object[name]!)));
          }}
          remove={() => {
            if (name === undefined) setAdded(undefined);
            else put(withKey(object, name, undefined));
            focusNext(".add-row");
          }}
        />
      ))}
      <button
        type="button"
        className="add-row"
        disabled={added !== undefined}
        onClick={() => {
          setAdded({ value: undefined });
          focusNext(".pair-name");
        }}
      >
        + Add
      </button>
    </div>
  );
}

const startOf = (schema: JsonObject): Json => (schema.type === "array" ? [] : schema.type === "object" ? {} : schema.type === "boolean" ? false : "");

interface RowProps {
  of: string;
  number: number;
  name: string;
  others: string[];
  schema: JsonObject;
  place: string;
  value: Json | undefined;
  rename: (name: string) => void;
  change: (value: Json | undefined) => void;
  remove: () => void;
}

function Row({ of, number, name, others, schema, place, value, rename, change, remove }: RowProps) {
  const faults = useFaultsUnder(place);
  const { input, isTaken } = useTypedName(name, others, rename);
  const isNested = value !== null && typeof value === "object";
  return (
    <div className={`pair ${isNested ? "is-nested" : ""}`}>
      <input className="pair-name" aria-label={`${of}: name ${number + 1}`} {...input} />
      <div className="pair-value">
        <Value field={fieldOf(name, schema)} place={place} value={value} onChange={change} label={`${of}: ${name || "value"}`} isInvalid={faults.length > 0} />
      </div>
      <button type="button" className="remove" aria-label={`Remove ${name || `row ${number + 1}`} from ${of}`} title="Remove" onClick={remove}>
        ×
      </button>
      {isTaken && <p className="wrong-here">There is one of that name already.</p>}
      {!isNested && <Faults faults={faults} />}
    </div>
  );
}
