import { useContext, useId, useMemo, useState, type DragEvent, type ReactNode } from "react";
import type { Json } from "../draft/draft";
import { ExpressionInput } from "../expressions/input";
import { Gives } from "../expressions/gives";
import { hasExpression } from "../expressions/paths";
import { CodeField, JsonField } from "./code-field";
import { FlowName } from "./flow-name";
import { FormContext, useFaultsUnder, useFocusNext, useKnown } from "./context";
import type { Placed } from "./faults";
import { leftAt } from "./faults";
import { beginsAsExpression, defaultOf, fieldsOf, fits, numberFrom, placeOf, strangeKeys, unitOf, type Field } from "./fields";
import { Group } from "./group";
import { List } from "./list";
import { Rows } from "./map";
import { SchemaRows } from "./schema-rows";
import { AnyValue } from "./value";

export interface ValueProps {
  field: Field;
  /** Where it stands in the node, as faults name it. */
  place: string;
  value: Json | undefined;
  /** Undefined takes the key away. */
  onChange: (value: Json | undefined) => void;
  /** For who does not see what it stands beside. */
  label?: string | undefined;
  /** Of the label that is seen. */
  id?: string | undefined;
  describedBy?: string | undefined;
  isInvalid?: boolean;
}

/** Kinds that are one control, which a label can point to. */
const SINGLE = ["text", "number", "choice", "switch"];

/** A field with its name, what is said of it and what is wrong with it. */
export function LabelledField({ field, place, value, onChange, onRemove }: ValueProps & { onRemove?: (() => void) | undefined }) {
  const id = useId();
  const [box, focusNext] = useFocusNext<HTMLDivElement>();
  const form = useContext(FormContext);
  const { example } = form;
  // Names that mean something in this parameter alone.
  const names = field.schema["x-names"] as string[] | undefined;
  const inside = useMemo(() => (names ? { ...form, known: [...names.map((path) => ({ path, types: [], node: field.title })), ...form.known] } : form), [form, names, field.title]);
  const faults = useFaultsUnder(place);
  const [wantsExpression, setWantsExpression] = useState(() => (value === undefined ? place.split(".").length === 2 && beginsAsExpression(field, example) : hasExpression(value)));
  const isText = typeof value === "string";
  const canChoose = !field.isLiteral && !["text", "number", "value", "code"].includes(field.kind);
  const isExpression = canChoose && (value === undefined ? wantsExpression : isText && !fits(field.kind, field.schema, value) && (wantsExpression || field.kind !== "choice"));
  const isSingle = isExpression || SINGLE.includes(field.kind);
  const own = isSingle || (value !== undefined && !fits(field.kind, field.schema, value)) ? faults : leftAt(faults, place, childPlaces(field, place, value));
  const describedBy = [field.description && `${id}-help`, own.length && `${id}-faults`].filter(Boolean).join(" ") || undefined;
  const unit = unitOf(field);
  const side = [unit, field.instead.length ? `or ${field.instead.join(", ")}` : field.isRequired ? "required" : ""].filter(Boolean).join(" · ");
  const Name = isSingle ? "label" : "span";
  // A text takes what is dropped in it at its place by itself.
  const takesDrop = (event: DragEvent) =>
    canChoose && !isExpression && event.dataTransfer.types.includes(DRAGGED) && !(event.target as Element).closest("input, textarea");
  // The button goes with the value: the keyboard goes on in the empty field.
  const remove = () => {
    if (onRemove) return onRemove();
    focusNext(":scope > .f-head + *");
    onChange(undefined);
  };
  return (
    <div
      ref={box}
      className={`f is-${field.kind}`}
      role={isSingle ? undefined : "group"}
      aria-labelledby={isSingle ? undefined : `${id}-name`}
      aria-describedby={isSingle ? undefined : describedBy}
      onDragOver={(event) => takesDrop(event) && event.preventDefault()}
      onDrop={(event) => {
        if (!takesDrop(event)) return;
        event.preventDefault();
        event.stopPropagation();
        onChange(event.dataTransfer.getData(DRAGGED));
        setWantsExpression(true);
      }}
    >
      <div className="f-head">
        <Name id={`${id}-name`} {...(isSingle ? { htmlFor: id } : {})}>
          {field.title}
        </Name>
        {side && <span className="side">{side}</span>}
        {canChoose && (
          <button
            type="button"
            className="mode"
            aria-pressed={isExpression}
            title={isExpression ? "It is an expression; press to choose instead" : "Write an expression"}
            aria-label={`Expression: ${field.title}`}
            onClick={() => {
              if (isText && isExpression) onChange(undefined);
              setWantsExpression(!isExpression);
              if (!isExpression && value !== undefined) onChange(undefined);
            }}
          >
            {"{ }"}
          </button>
        )}
        {(onRemove || (value !== undefined && !field.isRequired && field.kind !== "text" && field.kind !== "number")) && (
          <button type="button" className="remove" aria-label={`Remove ${field.title}`} title="Remove" onClick={remove}>
            ×
          </button>
        )}
      </div>
      {isExpression ? (
        <Expression {...{ field, value: isText ? value : "", onChange, id, describedBy, isInvalid: own.length > 0 }} />
      ) : (
        <FormContext value={inside}>
          <Value {...{ field, place, value, onChange, id, describedBy, isInvalid: own.length > 0 }} />
        </FormContext>
      )}
      <Faults id={`${id}-faults`} faults={own} />
      {field.description && <Help id={`${id}-help`} text={field.description} />}
    </div>
  );
}

/** The places of what a field that holds fields shows. */
function childPlaces({ kind, schema }: Field, place: string, value: Json | undefined): string[] {
  if (value === undefined || value === null || typeof value !== "object") return [];
  if (Array.isArray(value)) return value.map((_, number) => placeOf(place, number));
  const named = kind === "group" ? [...fieldsOf(schema, value).map(({ name }) => name), ...strangeKeys(schema, value)] : kind === "json" || kind === "schema" ? [] : Object.keys(value);
  return named.map((name) => placeOf(place, name));
}

/** What is dragged out of the list of what is known: texts take it as text, other fields become an expression. */
export const DRAGGED = "application/x-flowhub-expression";

const LONG_HELP = 150;

function Help({ id, text }: { id: string; text: string }) {
  const [isWhole, setIsWhole] = useState(false);
  const isLong = text.length > LONG_HELP;
  return (
    <div className="help">
      <p id={id} className={isLong && !isWhole ? "is-cut" : ""}>
        {text}
      </p>
      {isLong && (
        <button type="button" className="link" aria-expanded={isWhole} aria-controls={id} onClick={() => setIsWhole(!isWhole)}>
          {isWhole ? "Less" : "More"}
        </button>
      )}
    </div>
  );
}

export function Faults({ id, faults }: { id?: string; faults: Placed[] }) {
  if (!faults.length) return null;
  return (
    <ul className="wrong-here" id={id}>
      {faults.map(({ place, message }, number) => (
        <li key={`${place} ${number}`}>{message}</li>
      ))}
    </ul>
  );
}

/** What stands below an input that holds an expression. */
export function Expression({ field, value, onChange, id, label, describedBy, isInvalid }: Omit<ValueProps, "place">) {
  const known = useKnown();
  const text = value as string;
  return (
    <>
      <ExpressionInput
        {...(id ? { id } : {})}
        value={text}
        known={known}
        label={label}
        describedBy={describedBy}
        isInvalid={isInvalid ?? false}
        isRequired={field.isRequired}
        placeholder="{{ … }}"
        onChange={(next) => onChange(next || undefined)}
      />
      <Gives text={text} known={known} />
    </>
  );
}

const ariaOf = ({ field, label, describedBy, isInvalid }: ValueProps) => ({
  "aria-label": label,
  "aria-describedby": describedBy,
  "aria-invalid": isInvalid || undefined,
  "aria-required": field.isRequired || undefined,
});

/** The control for a value, without its name. */
export function Value(props: ValueProps): ReactNode {
  const { field, value, onChange, id, label, describedBy, isInvalid } = props;
  const known = useKnown();
  if (value !== undefined && !fits(field.kind, field.schema, value) && field.kind !== "choice") {
    return typeof value === "string" ? <Expression {...props} /> : <JsonField value={value} onChange={onChange} label={label ?? field.title} />;
  }
  const aria = ariaOf(props);
  switch (field.kind) {
    case "text": {
      if (field.schema.format === "flow-tool-name") return <FlowName {...props} />;
      const isLong = !("pattern" in field.schema || "format" in field.schema || ((field.schema.maxLength as number | undefined) ?? Infinity) <= 8192);
      const change = (text: string) => onChange(text || undefined);
      const text = (value as string | undefined) ?? "";
      if (field.isLiteral) {
        const shared = { id, value: text, placeholder: defaultOf(field), spellCheck: isLong, autoComplete: "off", ...aria };
        return isLong ? (
          <textarea rows={1} className="grows" {...shared} onChange={(event) => change(event.target.value)} />
        ) : (
          <input type="text" {...shared} onChange={(event) => change(event.target.value)} />
        );
      }
      return (
        <>
          <ExpressionInput
            {...(id ? { id } : {})}
            {...{ value: text, known, isText: true, isOneLine: !isLong, label, describedBy, isInvalid: isInvalid ?? false, isRequired: field.isRequired, placeholder: defaultOf(field), onChange: change }}
          />
          <Gives text={text} known={known} />
        </>
      );
    }
    case "number":
      return <NumberInput {...props} />;
    case "choice": {
      const choices = field.schema.enum as Json[];
      const word = (choice: Json) => (typeof choice === "string" ? choice : JSON.stringify(choice));
      const isAmong = value !== undefined && fits("choice", field.schema, value);
      const byDefault = defaultOf(field);
      return (
        <select id={id} value={value === undefined ? "" : JSON.stringify(value)} onChange={(event) => onChange(event.target.value ? (JSON.parse(event.target.value) as Json) : undefined)} {...aria}>
          <option value="">{byDefault ? `${byDefault}, by default` : "Choose…"}</option>
          {value !== undefined && !isAmong && <option value={JSON.stringify(value)}>{word(value)} (not among them)</option>}
          {choices.map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {word(choice)}
            </option>
          ))}
        </select>
      );
    }
    case "switch": {
      const isOn = value ?? field.schema.default ?? false;
      return (
        <span className="switch-line">
          <button type="button" id={id} className="switch" role="switch" aria-checked={isOn === true} onClick={() => onChange(!isOn)} {...aria} />
          <span>
            {isOn ? "On" : "Off"}
            {value === undefined && ", by default"}
          </span>
        </span>
      );
    }
    case "list":
      return <List {...props} />;
    case "map":
      return <Rows {...props} />;
    case "group":
      return <Group {...props} />;
    case "schema":
      return <SchemaRows schema={(value as Record<string, Json> | undefined) ?? {}} onChange={(schema) => onChange(schema)} isFlat />;
    case "code":
      return <CodeField {...props} />;
    case "json":
      return <JsonField value={value} onChange={onChange} label={label ?? field.title} />;
    case "value":
      return <AnyValue {...props} />;
  }
}

/** A number, or an expression for one: a text that is none is kept as it is typed. */
export function NumberInput(props: ValueProps) {
  const { field, value, onChange, id, label, describedBy, isInvalid } = props;
  const known = useKnown();
  const [typed, setTyped] = useState("");
  const text = value === undefined ? "" : numberFrom(typed) === value ? typed : String(value);
  const change = (next: string) => {
    setTyped(next);
    onChange(next === "" ? undefined : numberFrom(next));
  };
  if (field.isLiteral) {
    return <input type="text" inputMode="decimal" id={id} value={text} placeholder={defaultOf(field)} autoComplete="off" onChange={(event) => change(event.target.value)} {...ariaOf(props)} />;
  }
  return (
    <>
      <ExpressionInput
        {...(id ? { id } : {})}
        {...{ known, label, describedBy, isInvalid: isInvalid ?? false, isRequired: field.isRequired, placeholder: defaultOf(field), inputMode: "decimal" as const }}
        value={text}
        onChange={change}
      />
      {hasExpression(text) && <Gives text={text} known={known} />}
    </>
  );
}
