// Which of the server's faults stands at which field of a node.
import type { EditorState } from "../draft/editor";
import { placeOf } from "./fields";

export interface Placed {
  /** Where it stands, below the node or the draft: `parameters.query.a`. For what is missing or too much, that member's place. */
  place: string;
  message: string;
}

/** The faults of one node, by places in it; `""` is the node itself. */
export function faultsOfNode({ faults, judged }: Pick<EditorState, "faults" | "judged">, nodeId: string): Placed[] {
  const number = judged.definition.nodes.findIndex(({ id }) => id === nodeId);
  const start = `definition.nodes[${number}]`;
  return faults
    .map(({ path, key, message }) => ({ place: key ? placeOf(path, key) : path, message }))
    .filter(({ place }) => isUnder(place, start))
    .map(({ place, message }) => ({ place: place.slice(start.length).replace(/^\./, ""), message }));
}

/** The faults that stand outside the graph: of the tool's name, descriptions and schemas. */
export const faultsOfTool = ({ faults }: Pick<EditorState, "faults">): Placed[] =>
  faults
    .map(({ path, key, message }) => ({ place: key ? placeOf(path, key) : path, message }))
    .filter(({ place }) => !isUnder(place, "definition"));

const isUnder = (place: string, start: string) => place === start || place.startsWith(`${start}.`) || place.startsWith(`${start}[`);

export const under = (faults: Placed[], start: string) => faults.filter(({ place }) => isUnder(place, start));

/** Those of a place that none of its fields shows. */
export const leftAt = (faults: Placed[], start: string, shown: string[]) =>
  under(faults, start).filter(({ place }) => !shown.some((each) => isUnder(place, each)));
