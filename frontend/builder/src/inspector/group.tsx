import { useState } from "react";
import type { Json, JsonObject } from "../draft/draft";
import { useFocusNext } from "./context";
import { LabelledField, type ValueProps } from "./field";
import { fieldsOf, placeOf, strangeKeys, withKey, type Field } from "./fields";
import { shown } from "../expressions/shown";

/** The properties of an object: those that are wanted or there, and the others to add. */
export function Group({ field, place, value, onChange }: ValueProps) {
  const object = (value as JsonObject | undefined) ?? {};
  const [opened, setOpened] = useState<string[]>([]);
  const [box, focusNext] = useFocusNext<HTMLDivElement>();
  const isBegun = value !== undefined || opened.length > 0;
  const fields = fieldsOf(field.schema, object);
  const isShown = ({ name, isRequired }: Field) => (isBegun && isRequired) || Object.hasOwn(object, name) || opened.includes(name);
  const others = fields.filter((each) => !isShown(each));
  return (
    <div ref={box} className="group">
      <Fields
        fields={fields.filter(isShown)}
        schema={field.schema}
        place={place}
        value={object}
        onChange={(next) => onChange(Object.keys(next).length ? next : undefined)}
        onRemove={(name) => setOpened(opened.filter((each) => each !== name))}
      />
      {others.length > 0 && (
        <select
          className="add-row"
          aria-label={`Add to ${field.title}`}
          value=""
          onChange={(event) => {
            setOpened([...opened, event.target.value]);
            focusNext(`:scope > [data-field="${CSS.escape(event.target.value)}"]`);
          }}
        >
          <option value="">+ {isBegun ? "Add" : "Set"}…</option>
          {others.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

interface FieldsProps {
  fields: Field[];
  schema: JsonObject;
  place: string;
  value: JsonObject;
  onChange: (value: JsonObject, name: string) => void;
  onRemove?: (name: string) => void;
}

/** Fields of one object, then what it holds that its schema has no place for. */
export function Fields({ fields, schema, place, value, onChange, onRemove }: FieldsProps) {
  const set = (name: string, next: Json | undefined) => onChange(withKey(value, name, next), name);
  return (
    <>
      {fields.map((each) => (
        <div key={each.name} data-field={each.name}>
          <LabelledField
            field={each}
            place={placeOf(place, each.name)}
            value={value[each.name]}
            onChange={(next) => set(each.name, next)}
            onRemove={
              onRemove && !each.isRequired
                ? () => {
                    set(each.name, undefined);
                    onRemove(each.name);
                  }
                : undefined
            }
          />
        </div>
      ))}
      {strangeKeys(schema, value).map((name) => (
        <Strange key={name} name={name} value={value[name]!} remove={() => set(name, undefined)} />
      ))}
    </>
  );
}

function Strange({ name, value, remove }: { name: string; value: Json; remove: () => void }) {
  return (
    <div className="f strange">
      <div className="f-head">
        <code>{name}</code>
        <span className="side">nothing of that name is taken here</span>
        <button type="button" className="remove" aria-label={`Remove ${name}`} title="Remove" onClick={remove}>
          ×
        </button>
      </div>
      <code>{shown(value, 200)}</code>
    </div>
  );
}
