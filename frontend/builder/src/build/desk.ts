// Everything that can be done to a draft on the canvas, whether by mouse, key or menu.
import { createContext, useContext } from "react";
import { copied, pasted, read } from "../draft/clipboard";
import { MAIN, refusal, refusalOfType, type Wish } from "../draft/connecting";
import { nodeOf, type Draft, type Fault, type NodeType } from "../draft/draft";
import { drawn, faultsById, shapesIn, type Surroundings } from "../draft/drawing";
import * as edits from "../draft/edits";
import { Editor, type EditorData } from "../draft/editor";
import { GRID, onGrid, type Place } from "../draft/layout";
import { Saving } from "../draft/saving";
import { Ways } from "../draft/ways";
import { NOTE, type Direction, type Run } from "../model";
import { Store, usePartOf, type State } from "../store";
import { Presence } from "./presence";
import { askForDraft, askForWays, sender } from "./server";

/** Where a new node is to stand, and on what it is to hang. */
export interface Spot {
  place: Place;
  origin?: edits.Origin | undefined;
  line?: string | undefined;
}

/** What lies over the canvas; `x` and `y` are those of the window. */
export type Popup = { x: number; y: number } & (
  | { is: "search"; spot: Spot }
  | { is: "menu"; id: string | undefined; place: Place }
  | { is: "connect"; id: string }
  | { is: "name"; what: "node" | "group"; id: string }
);

export interface DeskState {
  popup: Popup | undefined;
  /** A sentence to whoever just did something that could not be done. */
  said: string;
  /** At a narrow window the library is a sheet that is opened. */
  isLibraryOpen: boolean;
  view: View;
  /** A JSON text that is no definition yet: it stays where it is written, and nothing of it is stored. */
  unread: Unread | undefined;
}

/** What stands in the middle: the graph, a nested list of its nodes, or its JSON text. */
export type View = "canvas" | "outline" | "json";

export interface Unread {
  text: string;
  line: number;
  message: string;
  /** The draft was changed elsewhere since. */
  isOld: boolean;
}

/** What the canvas can do once it is there. */
export interface Surface {
  select(ids: readonly string[]): void;
  selected(): string[];
  /** The node that has the keyboard. */
  focused(): string | undefined;
  /** Brings a node into sight and gives it the keyboard. */
  show(id: string): void;
  /** The middle of what is in sight, as a place for a node. */
  middle(): Place;
  /** Where a node is in the window: its right upper corner. */
  cornerOf(id: string): { x: number; y: number };
  /** Brings a fault itself into sight, where it can be seen; whether it could. */
  showFault?(fault: Fault): boolean;
}

const SAID_MS = 7_000;
const STEP = 2 * GRID;
const BY: Record<Direction, Place> = { left: { x: -STEP, y: 0 }, right: { x: STEP, y: 0 }, up: { x: 0, y: -STEP }, down: { x: 0, y: STEP } };

export class Desk {
  readonly editor: Editor;
  readonly saving: Saving;
  readonly store: Store<State>;
  readonly presence: Presence;
  readonly ui = new Store<DeskState>({ popup: undefined, said: "", isLibraryOpen: false, view: matchMedia("(max-width: 640px)").matches ? "outline" : "canvas", unread: undefined });
  readonly around: Surroundings;
  surface: Surface | undefined;
  /** Whether another way of showing the draft was chosen: then the button that leads back has the keyboard. */
  hasTurned = false;
  #drawn: Draft | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #pastedAt: { text: string; times: number } | undefined;

  #run: Run | undefined;
  #isHearing = false;
  #isNews = false;

  constructor(data: EditorData, icons: string) {
    const types = new Map(data.nodeTypes.map((type) => [type.type, type]));
    const ways = new Ways(types, askForWays, () => this.#draw());
    this.around = { types, ways, icons };
    const draft = edits.placed(data.draft, shapesIn(data.draft, ways));
    this.editor = new Editor({ ...data, draft });
    this.saving = new Saving(this.editor, sender(data.flowId), localStorage);
    this.presence = new Presence(data.flowId, () => void this.hear());
    const { faults, judged } = this.editor.get();
    const picture = drawn(draft, faultsById(faults, judged), this.around);
    const start = (picture.nodes.find(({ isStart }) => isStart) ?? picture.nodes[0])?.id;
    this.store = new Store<State>({ data: picture, current: start, chosen: undefined });
    this.editor.listen(() => this.#draw());
  }

  #draw() {
    const { draft, faults, judged } = this.editor.get();
    const { data: last, current, chosen } = this.store.get();
    const data = { ...drawn(draft, faultsById(faults, judged), this.around, last), ...(this.#run && { run: this.#run }) };
    const isThere = (id: string | undefined) => data.nodes.some((node) => node.id === id);
    if (draft !== this.#drawn) this.say("");
    this.#drawn = draft;
    const fallback = (data.nodes.find(({ isStart }) => isStart) ?? data.nodes[0])?.id;
    this.store.set({ data, current: isThere(current) ? current : fallback, chosen: isThere(chosen) ? chosen : undefined });
  }

  /** Takes over what somebody else has stored, where nothing here is unsaved; else saving it asks what is to become of both. */
  async hear() {
    this.#isNews = true;
    if (this.#isHearing) return;
    this.#isHearing = true;
    while (this.#isNews && this.saving.isSaved) {
      this.#isNews = false;
      const now = await askForDraft(this.editor.flowId);
      if (now) this.saving.hear(now, now.revision);
    }
    this.#isHearing = false;
  }

  /** Shows at each node what an execution did there, until it is called with none. */
  show(run: Run | undefined) {
    this.#run = run;
    this.#draw();
  }

  get draft() {
    return this.editor.get().draft;
  }

  say(sentence: string) {
    clearTimeout(this.#silence);
    if (sentence !== this.ui.get().said) this.ui.set({ said: sentence });
    if (sentence) this.#silence = setTimeout(() => this.ui.set({ said: "" }), SAID_MS);
  }

  /** What a command is about: all that is selected, else the node that has the keyboard. */
  targets(): string[] {
    const selected = this.surface?.selected() ?? [];
    const focused = this.surface?.focused();
    return selected.length ? selected : focused ? [focused] : [];
  }

  /** The same for one node: `id` alone, unless it is one of several selected ones. */
  targetsAt(id: string): string[] {
    const selected = this.surface?.selected() ?? [];
    return selected.includes(id) ? selected : [id];
  }

  waysOf(id: string): string[] {
    const node = nodeOf(this.draft, id);
    return node ? this.around.ways.of(node) : [];
  }

  /** Shows the draft in another way, at a node. */
  look(view: View, id = this.store.get().current) {
    // What was written as JSON need not have a place on the canvas.
    if (view === "canvas") this.editor.change((draft) => edits.placed(draft, shapesIn(draft, this.around.ways)));
    this.store.set({ current: id });
    this.hasTurned = true;
    this.ui.set({ view });
  }

  /** Makes a node the chosen one, as a click does. */
  open(id: string) {
    this.store.set({ current: id, chosen: id });
    this.surface?.select([id]);
    this.surface?.show(id);
  }

  /** Adds a node where it was asked for, or else after the node that the keyboard is at. */
  add(type: NodeType, spot?: Spot) {
    const refused = refusalOfType(this.draft.definition, type.type);
    if (refused) return this.say(refused);
    const { place, origin, line } = spot ?? this.#after(type);
    if (origin && "target" in origin && !type.handles.length) return this.say(`Nothing follows after “${type.title}”: it has no way out.`);
    const added = line ? edits.insertNode(this.draft, type, line) : edits.addNode(this.draft, type, place, origin);
    this.editor.change(() => added.draft);
    this.open(added.id);
  }

  /** At the first way out of the current node that leads nowhere, or between it and what follows. */
  #after(type: NodeType): Spot {
    const { chosen, current } = this.store.get();
    const source = nodeOf(this.draft, chosen ?? current);
    if (!source?.position) return { place: this.surface?.middle() ?? { x: 0, y: 0 } };
    const ways = this.waysOf(source.id);
    const place = { x: source.position.x + edits.STEP_X, y: source.position.y };
    if (!ways.length) return { place };
    const lines = this.draft.definition.connections.filter(({ sourceNodeId }) => sourceNodeId === source.id);
    const free = ways.find((way) => !lines.some((each) => (each.sourceHandle ?? MAIN) === way));
    if (free !== undefined) return { place, origin: { source: source.id, way: free } };
    return lines.length === 1 && type.handles.length ? { place, line: lines[0]!.id } : { place, origin: { source: source.id, way: ways[0]! } };
  }

  /** Makes a connection, or says why there is none. */
  connect(wish: Wish): boolean {
    const refused = refusal(this.draft.definition, wish, this.waysOf(wish.source));
    if (refused) this.say(refused);
    else this.editor.change((draft) => edits.connect(draft, wish.source, wish.way, wish.target));
    return !refused;
  }

  /** Lets a connection begin or end elsewhere; the caller knows that it can. */
  reconnect(id: string, { source, way, target }: Wish) {
    this.editor.change((draft) => edits.connect(edits.disconnect(draft, [id]), source, way, target));
  }

  remove(ids: readonly string[]) {
    if (!ids.length) return;
    const { nodes } = this.store.get().data;
    const first = nodes.find(({ id }) => ids.includes(id));
    this.editor.change((draft) => edits.remove(draft, ids));
    if (first) {
      // The keyboard goes on at what stands nearest to what is gone.
      const left = this.store.get().data.nodes;
      const distance = ({ x, y }: Place) => Math.hypot(x - first.x, y - first.y);
      const next = left.reduce<(typeof left)[number] | undefined>((best, node) => (best && distance(best) <= distance(node) ? best : node), undefined);
      if (next) this.store.set({ current: next.id });
      if (next) this.surface?.show(next.id);
    }
  }

  copy(ids: readonly string[]): string {
    return copied(this.draft, new Set(ids));
  }

  /** Whether the text was one of nodes. */
  paste(text: string, corner?: Place): boolean {
    const part = read(text);
    if (!part) return false;
    // Pasted again and again, nodes stand beside each other.
    const times = this.#pastedAt?.text === text ? this.#pastedAt.times + 1 : 0;
    this.#pastedAt = { text, times };
    const middle = this.surface?.middle() ?? { x: 0, y: 0 };
    const at = corner ?? { x: onGrid(middle.x) + times * STEP, y: onGrid(middle.y) + times * STEP };
    const { draft, ids } = pasted(this.draft, part, at, this.around.types);
    if (!ids.length) {
      this.say("There is nothing to paste but the trigger, which is here already.");
      return true;
    }
    this.editor.change(() => draft);
    this.store.set({ current: ids[0], chosen: undefined });
    this.surface?.select(ids);
    this.surface?.show(ids[0]!);
    return true;
  }

  duplicate(ids: readonly string[]) {
    const places = this.store.get().data.nodes.filter(({ id }) => ids.includes(id));
    const corner = { x: Math.min(...places.map(({ x }) => x)) + 2 * STEP, y: Math.min(...places.map(({ y }) => y)) + 4 * STEP };
    if (places.length) this.paste(this.copy(ids), corner);
  }

  toggle(ids: readonly string[]) {
    this.editor.change((draft) => edits.toggle(draft, ids));
  }

  move(places: ReadonlyMap<string, Place>, key?: string) {
    this.editor.change((draft) => edits.moveNodes(draft, places), key);
  }

  moveBy(ids: readonly string[], direction: Direction) {
    const by = BY[direction];
    const moved = this.store.get().data.nodes.filter(({ id }) => ids.includes(id));
    this.move(new Map(moved.map(({ id, x, y }) => [id, { x: x + by.x, y: y + by.y }])), `move ${ids.join(" ")}`);
  }

  tidy() {
    this.editor.change((draft) => edits.tidied(draft, shapesIn(draft, this.around.ways)));
  }

  addNote(place: Place) {
    const added = edits.addNote(this.draft, place, "");
    this.editor.change(() => added.draft);
    this.open(added.id);
  }

  group(ids: readonly string[]) {
    const nodeIds = ids.filter((id) => nodeOf(this.draft, id));
    if (!nodeIds.length) return;
    const added = edits.group(this.draft, nodeIds, "Group");
    this.editor.change(() => added.draft);
    const { x, y } = this.surface!.cornerOf(nodeIds[0]!);
    this.ui.set({ popup: { is: "name", what: "group", id: added.id, x, y } });
  }

  isNote(id: string) {
    return this.store.get().data.nodes.some((node) => node.id === id && node.type === NOTE);
  }

  edit(edit: (draft: Draft) => Draft, key?: string) {
    this.editor.change(edit, key);
  }
}

export const DeskContext = createContext<Desk>(undefined!);
export const useDesk = () => useContext(DeskContext);
export const useUi = <P,>(part: (state: DeskState) => P): P => usePartOf(useDesk().ui, part);
