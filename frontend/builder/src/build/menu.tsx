import { useEffect, useRef, type KeyboardEvent } from "react";
import { nodeOf } from "../draft/draft";
import { TRIGGER } from "../draft/connecting";
import { ungroup } from "../draft/edits";
import { GRID, type Place } from "../draft/layout";
import { lineOfNode, textOf } from "../json/places";
import { itemsOf } from "../trying/gave";
import { useTrying } from "../trying/trying";
import { useDesk } from "./desk";

type Item = [label: string, keys: string, does: () => void] | null;

/** What can be done with a node, with all that are selected, or with the empty canvas. */
export function Menu({ id, place, close }: { id: string | undefined; place: Place; close: () => void }) {
  const desk = useDesk();
  const trying = useTrying();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => list.current?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true }), []);

  function press(event: KeyboardEvent) {
    const buttons = [...list.current!.querySelectorAll<HTMLElement>("button")];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    buttons[(to + buttons.length) % buttons.length]!.focus();
    event.preventDefault();
  }

  const items = id === undefined ? ofCanvas() : ofNodes(id);

  function ofCanvas(): Item[] {
    const { x, y } = desk.ui.get().popup!;
    return [
      ["Add a node here…", "/", () => desk.ui.set({ popup: { is: "search", x, y, spot: { place } } })],
      ["Add a note", "", () => desk.addNote(place)],
      null,
      ["Select all", "Ctrl A", () => desk.surface?.select(desk.store.get().data.nodes.map((node) => node.id))],
      ["Tidy up", "", () => desk.tidy()],
    ];
  }

  function ofNodes(one: string): Item[] {
    const ids = desk.targetsAt(one);
    const { x, y } = desk.ui.get().popup!;
    const nodes = ids.map((each) => nodeOf(desk.draft, each)).filter((node) => node !== undefined);
    const frame = desk.draft.definition.groups?.find(({ nodeIds }) => nodeIds.includes(one));
    const canSwitch = nodes.some(({ type }) => type !== TRIGGER);
    const isOff = nodes.filter(({ type }) => type !== TRIGGER).every(({ disabled }) => disabled);
    const copy = () => document.execCommand("copy");
    return [
      ...(ids.length === 1 && nodes.length
        ? ([
            ["Open", "Enter", () => desk.open(one)],
            ["Rename…", "F2", () => desk.ui.set({ popup: { is: "name", what: "node", id: one, x, y } })],
            ["Connect to…", "C", () => desk.ui.set({ popup: { is: "connect", id: one, x, y } })],
            [`Line ${lineOfNode(textOf(desk.draft.definition), desk.draft.definition.nodes.indexOf(nodes[0]!))} of the JSON`, "", () => desk.look("json", one)],
            null,
            ...itemsOf(trying, one),
            null,
          ] as Item[])
        : ids.length === 1
          ? ([["Write…", "Enter", () => desk.open(one)]] as Item[])
          : []),
      ["Duplicate", "Ctrl D", () => desk.duplicate(ids)],
      ["Copy", "Ctrl C", copy],
      ...(canSwitch ? ([[isOff ? "Enable" : "Disable", "D", () => desk.toggle(ids)]] as Item[]) : []),
      ...(nodes.length ? ([["Put in a group…", "G", () => desk.group(ids)]] as Item[]) : []),
      ...(frame
        ? ([
            [`Rename the group “${frame.name}”…`, "", () => desk.ui.set({ popup: { is: "name", what: "group", id: frame.id, x, y } })],
            [`Dissolve the group “${frame.name}”`, "", () => desk.edit((draft) => ungroup(draft, frame.id))],
          ] as Item[])
        : []),
      ["Add a note beside it", "", () => desk.addNote({ x: place.x, y: place.y - 10 * GRID })],
      null,
      ["Delete", "Del", () => desk.remove(ids)],
    ];
  }

  return (
    <div ref={list} role="menu" aria-label={id === undefined ? "Canvas" : "Node"} className="menu-list" onKeyDown={press}>
      {items.map((item, index) =>
        item === null ? (
          <hr key={index} />
        ) : (
          <button
            key={item[0]}
            type="button"
            role="menuitem"
            tabIndex={-1}
            onClick={() => {
              close();
              item[2]();
            }}
          >
            {item[0]}
            <kbd aria-hidden="true">{item[1]}</kbd>
          </button>
        ),
      )}
    </div>
  );
}
