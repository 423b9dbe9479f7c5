import { useState, type InputHTMLAttributes } from "react";

/**
 * The name of a row while it is typed: it is taken over when it is left, because half a name may be another's, and would
 * move the row. `input` are the properties of its field, `isTaken` says that another row has the name.
 */
export function useTypedName(name: string, others: string[], rename: (name: string) => void) {
  const [typed, setTyped] = useState<string>();
  const isTaken = typed !== undefined && others.includes(typed);
  const leave = () => {
    if (typed === undefined || isTaken) return;
    if (typed && typed !== name) rename(typed);
    setTyped(undefined);
  };
  const input: InputHTMLAttributes<HTMLInputElement> & { "data-is-pending": string | undefined } = {
    type: "text",
    "data-is-pending": typed,
    value: typed ?? name,
    placeholder: "name",
    "aria-invalid": isTaken || undefined,
    autoComplete: "off",
    spellCheck: false,
    onChange: (event) => setTyped(event.target.value),
    onBlur: leave,
    onKeyDown: (event) => event.key === "Enter" && leave(),
  };
  return { input, isTaken };
}
