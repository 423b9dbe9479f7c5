import type { JsonObject } from "../draft/draft";
import { fieldsOf } from "./fields";
import { Fields } from "./group";
import { SETTINGS } from "./settings-schema";

const ON_ERROR: Record<string, string> = {
  stop: "The flow ends there, and the caller gets the error.",
  continue: "The flow goes on at main, with error.message, error.kind and error.nodeName as the output.",
  handle: "A further way out, error, is drawn at the node: the flow goes on there with error.message, error.kind and error.nodeName.",
};

export function Settings({ value, onChange }: { value: JsonObject; onChange: (settings: JsonObject, name: string) => void }) {
  return (
    <>
      <Fields fields={fieldsOf(SETTINGS, value)} schema={SETTINGS} place="settings" value={value} onChange={onChange} />
      <p className="note-small">{ON_ERROR[typeof value.onError === "string" ? value.onError : "stop"]}</p>
    </>
  );
}
