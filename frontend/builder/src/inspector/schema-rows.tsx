import { useState } from "react";
import type { Json, JsonObject } from "../draft/draft";
import { useFaultsUnder, useFocusNext } from "./context";
import { leftAt } from "./faults";
import { Faults, Value } from "./field";
import { field as fieldOf, withKey } from "./fields";
import { parametersOf, renamedParameter, retyped, TYPES, withoutParameter, withParameter, withRequired, withSchemaOf, type Parameter } from "./parameters";
import { useTypedName } from "./typed-name";

interface Props {
  schema: JsonObject;
  onChange: (schema: JsonObject) => void;
  /** Where the schema stands, as faults name it. */
  place?: string;
  /** Of one level: as a form for a person is. */
  isFlat?: boolean;
  of?: string;
}

/** The properties of a JSON Schema: names, types, which are required, what they are for; nested where they hold some. */
export function SchemaRows({ schema, onChange, place = "", isFlat = false, of = "" }: Props) {
  // A row that has no name yet, in a schema of its own: what is chosen for it first is kept.
  const [unnamed, setUnnamed] = useState<JsonObject>();
  const [box, focusNext] = useFocusNext<HTMLDivElement>();
  const parameters = parametersOf(schema);
  const names = parameters.map(({ name }) => name);
  const rows = [...parameters.map((parameter) => ({ parameter, holder: schema, put: onChange })), ...(unnamed ? [{ parameter: parametersOf(unnamed)[0]!, holder: unnamed, put: setUnnamed }] : [])];
  return (
    <div ref={box} className="parameters">
      {rows.map(({ parameter, holder, put }, number) => (
        <Row
          key={number}
          parameter={parameter}
          of={of}
          others={names.filter((name) => name !== parameter.name)}
          place={`${place}.properties.${parameter.name}`}
          isFlat={isFlat}
          rename={(name) => {
            if (holder === schema) return onChange(renamedParameter(schema, parameter.name, name));
            setUnnamed(undefined);
            onChange(withRequired(withSchemaOf(withParameter(schema, name), name, parameter.schema), name, parameter.isRequired));
          }}
          require={(isRequired) => put(withRequired(holder, parameter.name, isRequired))}
          change={(own) => put(withSchemaOf(holder, parameter.name, own))}
          remove={() => {
            if (holder === schema) onChange(withoutParameter(schema, parameter.name));
            else setUnnamed(undefined);
            focusNext(":scope > .add-row");
          }}
        />
      ))}
      <button
        type="button"
        className="add-row"
        onClick={() => {
          setUnnamed(unnamed ?? withParameter({}, ""));
          focusNext(":scope > .parameter:nth-last-child(2) .parameter-name");
        }}
      >
        + Add {of ? `to ${of}` : "a parameter"}
      </button>
    </div>
  );
}

interface RowProps {
  /** Without a name while it is new. */
  parameter: Parameter;
  of: string;
  others: string[];
  place: string;
  isFlat: boolean;
  rename: (name: string) => void;
  require: (isRequired: boolean) => void;
  change: (schema: JsonObject) => void;
  remove: () => void;
}

function Row({ parameter, of, others, place, isFlat, rename, require, change, remove }: RowProps) {
  const { name, schema, type, isRequired, also } = parameter;
  const faults = useFaultsUnder(place);
  const { input, isTaken } = useTypedName(name, others, rename);
  const title = [of, name || "new parameter"].filter(Boolean).join(".");
  const set = (key: string, value: Json | undefined) => change(withKey(schema, key, value));
  const items = (schema.items ?? {}) as JsonObject;
  const inner = type === "object" ? schema : type === "array" && items.type === "object" ? items : undefined;
  const innerPlace = type === "object" ? place : `${place}.items`;
  return (
    <div className="parameter" role="group" aria-label={title}>
      <div className="parameter-line">
        <input className="parameter-name" aria-label={`Name of ${title}`} {...input} />
        {type === undefined ? (
          <span className="side">described in JSON</span>
        ) : (
          <select aria-label={`Type of ${title}`} value={type} onChange={(event) => change(retyped(schema, event.target.value))}>
            {Object.entries(TYPES)
              .filter(([each]) => !isFlat || each !== "object" || each === type)
              .map(([each, word]) => (
                <option key={each} value={each}>
                  {word}
                </option>
              ))}
          </select>
        )}
        <label className="check">
          <input type="checkbox" checked={isRequired} onChange={(event) => require(event.target.checked)} aria-label={`${title} is required`} />
          required
        </label>
        <button type="button" className="remove" aria-label={`Remove ${title}`} title="Remove" onClick={remove}>
          ×
        </button>
      </div>
      {isTaken && <p className="wrong-here">There is one of that name already.</p>}
      <Faults faults={inner ? leftAt(faults, place, [`${innerPlace}.properties`]) : faults} />
      {type !== undefined && (
        <>
          <input
            type="text"
            className="parameter-says"
            value={typeof schema.description === "string" ? schema.description : ""}
            placeholder={isFlat ? "What the person is asked for" : "What it is, for the model: as A-10481"}
            aria-label={`Description of ${title}`}
            onChange={(event) => set("description", event.target.value || undefined)}
          />
          {type === "array" && (
            <label className="parameter-items">
              of{" "}
              <select aria-label={`Type of the items of ${title}`} value={typeof items.type === "string" && items.type in TYPES ? items.type : ""} onChange={(event) => set("items", retyped(items, event.target.value))}>
                {!(typeof items.type === "string" && items.type in TYPES) && <option value="">anything, or as described in JSON</option>}
                {Object.entries(TYPES)
                  .filter(([each]) => each !== "array" && (!isFlat || each === "string"))
                  .map(([each, word]) => (
                    <option key={each} value={each}>
                      {word}
                    </option>
                  ))}
              </select>
            </label>
          )}
          {inner && (
            <SchemaRows
              schema={inner}
              place={innerPlace}
              of={type === "object" ? title : `${title}[]`}
              onChange={(next) => (type === "object" ? change(next) : set("items", next))}
            />
          )}
          {type !== "object" && <More schema={schema} type={type} title={title} set={set} />}
          {also.length > 0 && <p className="note-small">Also in its schema, and kept: {also.join(", ")}.</p>}
        </>
      )}
    </div>
  );
}

/** A default and the choices; what holds none of both says so in one line. */
function More({ schema, type, title, set }: { schema: JsonObject; type: string; title: string; set: (key: string, value: Json | undefined) => void }) {
  const items = (schema.items ?? {}) as JsonObject;
  const [choices, setChoices] = type === "array" ? [items.enum, (next: Json | undefined) => set("items", withKey(items, "enum", next))] : [schema.enum, (next: Json | undefined) => set("enum", next)];
  const itemType = type === "array" ? (typeof items.type === "string" ? items.type : "string") : type;
  // One line each: who writes a default or a choice means no more.
  const ofType: JsonObject = { type: itemType, maxLength: 1000, "x-literal": true };
  const byDefault = fieldOf("default", { ...(type === "array" ? { type, items: ofType } : ofType), ...(Array.isArray(schema.enum) ? { enum: schema.enum } : {}), "x-literal": true });
  const isSimple = ["string", "number", "integer"].includes(itemType);
  const says = [schema.default !== undefined && `default ${JSON.stringify(schema.default)}`, Array.isArray(choices) && `${choices.length} choices`].filter(Boolean).join(", ");
  return (
    <details className="parameter-more">
      <summary>{says || (isSimple ? "Default, choices" : "Default")}</summary>
      <div className="f">
        <div className="f-head">
          <span>Default</span>
          {schema.default !== undefined && (
            <button type="button" className="remove" aria-label={`Remove the default of ${title}`} title="Remove" onClick={() => set("default", undefined)}>
              ×
            </button>
          )}
        </div>
        <Value field={byDefault} place="" value={schema.default} label={`Default of ${title}`} onChange={(next) => set("default", next)} />
      </div>
      {isSimple && (
        <div className="f">
          <div className="f-head">
            <span>Choices</span>
          </div>
          <Value field={fieldOf("enum", { type: "array", items: ofType, "x-literal": true })} place="" value={choices} label={`Choices of ${title}`} onChange={setChoices} />
        </div>
      )}
    </details>
  );
}
