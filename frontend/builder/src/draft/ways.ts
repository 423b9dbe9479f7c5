// Ways out of nodes. Only the server knows those of a type that chooses them by its parameters: it is asked once for each.
import { MAIN } from "./connecting";
import { wayOf, type Definition, type DraftNode } from "./draft";
import type { NodeTypes } from "./edits";

/** Of a node type and parameters: its ways out, or null where the parameters have faults. */
export type Ask = (type: string, parameters: unknown) => Promise<string[] | null>;

export class Ways {
  #types: NodeTypes;
  #ask: Ask;
  #isNew: () => void;
  #known = new Map<string, string[] | null>();
  /** Of each node the last ones that were known: they stand until others are, while parameters are half written. */
  #last = new Map<string, string[]>();

  constructor(types: NodeTypes, ask: Ask, isNew: () => void) {
    this.#types = types;
    this.#ask = ask;
    this.#isNew = isNew;
  }

  /** The ways out that a node has by its type and settings. */
  of(node: DraftNode): string[] {
    const type = this.#types.get(node.type);
    const own = !type ? [MAIN] : type.choosesHandles ? this.#chosen(node, type.handles) : type.handles;
    return node.settings?.onError === "handle" ? [...own, "error"] : own;
  }

  #chosen({ id, type, parameters = {} }: DraftNode, usual: string[]): string[] {
    const question = JSON.stringify([type, parameters]);
    const known = this.#known.get(question);
    if (known) this.#last.set(id, known);
    if (known === undefined) {
      this.#known.set(question, null);
      this.#ask(type, parameters).then(
        (ways) => {
          if (!ways) return;
          this.#known.set(question, ways);
          this.#isNew();
        },
        () => this.#known.delete(question), // a server that was away is asked again
      );
    }
    return this.#last.get(id) ?? usual;
  }
}

/** What is drawn of a node's ways out: those that it has, then those that a connection takes although it lacks them. */
export function drawnWays(node: DraftNode, own: readonly string[], { connections }: Definition): string[] {
  return [...new Set([...own, ...connections.filter(({ sourceNodeId }) => sourceNodeId === node.id).map(wayOf)])];
}
