import { useState } from "react";
import { refusal } from "../draft/connecting";
import { nodeOf, wayOf } from "../draft/draft";
import { disconnect, STEP_X } from "../draft/edits";
import { useEdited } from "../draft/editor";
import { Mark } from "../mark";
import { useDesk } from "./desk";
import { Picker, type Option } from "./picker";

const NEW = "new node";

/** Where a node leads: its ways out, what each leads to, and what else it could lead to. */
export function Connect({ id, close }: { id: string; close: () => void }) {
  const desk = useDesk();
  const draft = useEdited(({ draft }) => draft);
  const node = nodeOf(draft, id);
  const ways = desk.waysOf(id);
  const [chosenWay, setWay] = useState<string>();
  const way = chosenWay ?? ways[0];
  if (!node || way === undefined) return <p className="none">“{node?.name}” ends the flow: it has no way out.</p>;
  const { definition } = draft;
  const lines = definition.connections.filter((line) => line.sourceNodeId === id && wayOf(line) === way);

  const targets = (): Option[] =>
    definition.nodes
      .filter((each) => refusal(definition, { source: id, way, target: each.id }, ways) === undefined)
      .map((each) => {
        const type = desk.around.types.get(each.type);
        return { id: each.id, label: each.name, says: each.slug, group: "", mark: <Mark icon={type?.icon ?? ""} />, tone: type?.group ?? "" };
      });

  function choose(target: string) {
    if (target !== NEW) {
      if (desk.connect({ source: id, way: way!, target })) close();
      return;
    }
    const place = { x: (node!.position?.x ?? 0) + STEP_X, y: node!.position?.y ?? 0 };
    const popup = desk.ui.get().popup!;
    desk.ui.set({ popup: { is: "search", x: popup.x, y: popup.y, spot: { place, origin: { source: id, way: way! } } } });
  }

  return (
    <div className="connecting">
      {ways.length > 1 && (
        <fieldset>
          <legend>Way out</legend>
          {ways.map((each) => (
            <label key={each}>
              <input type="radio" name="way" value={each} checked={each === way} onChange={() => setWay(each)} />
              {each}
            </label>
          ))}
        </fieldset>
      )}
      {lines.length > 0 && (
        <ul className="lines">
          {lines.map((line) => {
            const target = nodeOf(draft, line.targetNodeId)?.name ?? line.targetNodeId;
            return (
              <li key={line.id}>
                → {target}
                <button type="button" aria-label={`Take the connection to ${target} away`} onClick={() => desk.edit((each) => disconnect(each, [line.id]))}>
                  ×
                </button>
              </li>
            );
          })}
        </ul>
      )}
      <Picker
        label={`Connect ${node.name}${ways.length > 1 ? `, at ${way},` : ""} to`}
        placeholder="Connect to…"
        begins
        optionsFor={(words) => [
          ...targets().filter(({ label, says }) => `${label} ${says}`.toLowerCase().includes(words.toLowerCase())),
          { id: NEW, label: "A new node…", says: "Choose from the library", group: "" },
        ]}
        none=""
        choose={choose}
      />
    </div>
  );
}
