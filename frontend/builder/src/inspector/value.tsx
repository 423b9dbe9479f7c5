import { useState } from "react";
import { ExpressionInput } from "../expressions/input";
import { Gives } from "../expressions/gives";
import { asText } from "../expressions/paths";
import { JsonField } from "./code-field";
import { useKnown } from "./context";
import { NumberInput, type ValueProps } from "./field";
import { typeOf, typesOf } from "./fields";
import { List } from "./list";
import { Rows } from "./map";

const WORDS: Record<string, { word: string; mark: string }> = {
  string: { word: "Text or expression", mark: "Aa" },
  number: { word: "Number", mark: "12" },
  boolean: { word: "Yes or no", mark: "☑" },
  null: { word: "Nothing (null)", mark: "∅" },
  object: { word: "Names and values", mark: "{:}" },
  array: { word: "List", mark: "[ ]" },
  json: { word: "As JSON", mark: "JSON" },
};

/** Any JSON value, of the types that are taken here: text first, which may be an expression. */
export function AnyValue(props: ValueProps) {
  const { field, value, onChange, id, label, describedBy, isInvalid } = props;
  const known = useKnown();
  const types = typesOf(field.schema);
  const canNest = types.includes("object") || types.includes("array");
  const [wanted, setWanted] = useState<string>();
  const actual = value === undefined ? undefined : typeOf(value) === "integer" ? "number" : typeOf(value);
  // JSON is a way to look at it; a number that is not typed yet is no value yet.
  const type = wanted === "json" ? "json" : (actual ?? wanted ?? types[0]!);
  const name = label ?? field.title;

  function choose(next: string) {
    setWanted(next);
    if (next === "json" || next === actual) return;
    if (next === "null") onChange(null);
    else if (next === "boolean") onChange(false);
    else if (next === "object") onChange({});
    else if (next === "array") onChange([]);
    else if (next === "number") onChange(typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : undefined);
    else onChange(value === undefined || value === null || typeof value === "object" ? undefined : asText(value));
  }

  return (
    <div className={`any is-${type}`}>
      <div className="any-value">
        {type === "string" && (
          <>
            <ExpressionInput
              {...(id ? { id } : {})}
              {...{ known, label: name, describedBy, isInvalid: isInvalid ?? false, isText: true, isRequired: field.isRequired }}
              value={typeof value === "string" ? value : ""}
              onChange={(text) => onChange(text || undefined)}
            />
            <Gives text={typeof value === "string" ? value : ""} known={known} />
          </>
        )}
        {type === "number" && <NumberInput {...props} label={name} />}
        {type === "boolean" && (
          <span className="switch-line">
            <button type="button" className="switch" role="switch" aria-checked={value === true} aria-label={name} onClick={() => onChange(value !== true)} />
            <span>{value === true ? "true" : "false"}</span>
          </span>
        )}
        {type === "null" && <span className="nothing">null</span>}
        {type === "object" && <Rows {...props} field={{ ...field, schema: {} }} />}
        {type === "array" && <List {...props} field={{ ...field, schema: { items: field.schema.items ?? {} } }} />}
        {type === "json" && <JsonField value={value} onChange={onChange} label={name} />}
      </div>
      <label className="any-type" title={WORDS[type]!.word}>
        <span aria-hidden="true">{WORDS[type]!.mark}</span>
        <select aria-label={`Type of ${name}`} value={type} onChange={(event) => choose(event.target.value)}>
          {[...new Set([...types, ...(actual ? [actual] : []), ...(canNest ? ["json"] : [])])].map((each) => (
            <option key={each} value={each}>
              {WORDS[each]!.word}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
