import { useState } from "react";
import { nodeOf } from "../draft/draft";
import { rename, renameGroup } from "../draft/edits";
import { useDesk } from "./desk";

/** A field for the name of a node or group. */
export function Naming({ what, id, close }: { what: "node" | "group"; id: string; close: () => void }) {
  const desk = useDesk();
  const old = (what === "node" ? nodeOf(desk.draft, id) : desk.draft.definition.groups?.find((each) => each.id === id))?.name ?? "";
  const [name, setName] = useState(old);
  return (
    <form
      className="naming"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) desk.edit((draft) => (what === "node" ? rename(draft, id, name.trim()) : renameGroup(draft, id, name.trim())));
        close();
      }}
    >
      <label>
        Name of the {what}
        <input value={name} maxLength={200} onChange={({ target }) => setName(target.value)} onFocus={({ target }) => target.select()} autoFocus />
      </label>
      <button className="button is-main">Rename</button>
    </form>
  );
}
