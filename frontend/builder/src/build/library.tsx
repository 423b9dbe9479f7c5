import type { DragEvent, Ref } from "react";
import type { NodeType } from "../draft/draft";
import { TRIGGER } from "../draft/connecting";
import { useEdited } from "../draft/editor";
import { Mark } from "../mark";
import { useDesk, type Spot } from "./desk";
import { found } from "./library-search";
import { Picker, type Option } from "./picker";

/** What a dragged node type is called in what the browser carries along. */
export const DRAGGED = "application/x-flowhub-node-type";

const shown = (type: NodeType): Option => ({ id: type.type, label: type.title, says: type.description, group: type.group, tone: type.group, mark: <Mark icon={type.icon} /> });

function useOptions(fits: (type: NodeType) => boolean) {
  const { around } = useDesk();
  const hasTrigger = useEdited(({ draft }) => draft.definition.nodes.some(({ type }) => type === TRIGGER));
  const types = [...around.types.values()].filter((type) => (type.type !== TRIGGER || !hasTrigger) && fits(type));
  return (words: string) => found(types, words).map(shown);
}

/** All node types by group, beside the canvas: a click adds one after the chosen node, dragged it stands where it is dropped. */
export function Library({ field, close }: { field: Ref<HTMLInputElement>; close: () => void }) {
  const desk = useDesk();
  const optionsFor = useOptions(() => true);
  return (
    <aside className="library" aria-label="Node library">
      <Picker
        ref={field}
        label="Find a node"
        placeholder="Find a node"
        hint={<kbd aria-hidden="true">/</kbd>}
        optionsFor={optionsFor}
        none="No node does that."
        drag={(type, event: DragEvent) => {
          event.dataTransfer.setData(DRAGGED, type);
          event.dataTransfer.effectAllowed = "copy";
        }}
        choose={(type) => {
          close();
          desk.add(desk.around.types.get(type)!);
        }}
      />
      <button type="button" className="close" aria-label="Close the library" onClick={close}>
        ×
      </button>
    </aside>
  );
}

/** The same where a node is wanted: at a way out, on a line, on empty space. */
export function SearchHere({ spot, close }: { spot: Spot; close: () => void }) {
  const desk = useDesk();
  const leadsOn = spot.line !== undefined || (spot.origin !== undefined && "target" in spot.origin);
  const optionsFor = useOptions((type) => !spot.origin || "target" in spot.origin || type.type !== TRIGGER);
  return (
    <Picker
      label="Find a node to put here"
      placeholder="What should happen here?"
      begins
      optionsFor={(words) => optionsFor(words).filter(({ id }) => !leadsOn || desk.around.types.get(id)!.handles.length > 0)}
      none="No node does that."
      choose={(type) => {
        desk.add(desk.around.types.get(type)!, spot);
        close(); // last: it gives the keyboard to whom nobody else gives it
      }}
    />
  );
}
