import { useEffect, useRef, type KeyboardEvent, type MouseEvent } from "react";
import { flushSync } from "react-dom";
import { useReactFlow } from "@xyflow/react";
import { STEP_X } from "../draft/edits";
import { Inspector } from "../inspector/inspector";
import { JsonView } from "../json/view";
import { neighbour, NOTE } from "../model";
import { Outline } from "../outline/outline";
import type { Box } from "../node";
import { usePart } from "../store";
import { DIRECTIONS, Tools, useZoomKeys } from "../view";
import { Gave } from "../trying/gave";
import { Trial } from "../trying/panel";
import { useDesk, useUi } from "./desk";
import { Questions } from "./head";
import { Library } from "./library";
import { Popup } from "./popup";
import { Surface } from "./surface";
import { Views } from "./views";

const isTyping = (target: EventTarget | null) => target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;

/** Library, canvas and what the chosen node is made of, side by side; with every key that there is. */
export function Work() {
  const desk = useDesk();
  const flow = useReactFlow<Box>();
  const zoom = useZoomKeys();
  const work = useRef<HTMLDivElement>(null);
  const library = useRef<HTMLInputElement>(null);
  const wantsDetails = useRef(false);
  const latestAct = useRef<(event: globalThis.KeyboardEvent) => boolean>(() => false);
  const chosen = usePart(({ data, chosen }) => (data.nodes.some((node) => node.id === chosen && node.type !== NOTE) ? chosen : undefined));
  const said = useUi((state) => state.said);
  const isLibraryOpen = useUi((state) => state.isLibraryOpen);
  const view = useUi((state) => state.view);

  /** Whether it is the page itself, or what stands around the canvas: there the browser puts the keyboard after a click on what takes none. */
  const isAround = (target: EventTarget | null) => target instanceof Node && target !== work.current && target.contains(work.current);

  const readDetails = () => work.current!.querySelector<HTMLElement>("aside.inspector")?.focus({ preventScroll: true });

  useEffect(() => {
    if (chosen && wantsDetails.current) readDetails();
    wantsDetails.current = false;
  }, [chosen]);

  // The keyboard of the whole page, but for fields: whoever has just used a menu or a button still wants to undo, and
  // after a click on the empty canvas nothing has the keyboard.
  useEffect(() => {
    const press = (event: globalThis.KeyboardEvent) => {
      if (isAround(event.target) && latestAct.current(event)) {
        event.preventDefault();
        return;
      }
      if (!(event.ctrlKey || event.metaKey) || event.altKey || isTyping(event.target)) return;
      const key = event.key.toLowerCase();
      if (key === "z" && !event.shiftKey) desk.editor.undo();
      else if (key === "y" || (key === "z" && event.shiftKey)) desk.editor.redo();
      else if (key === "s") void desk.saving.now();
      else return;
      event.preventDefault();
    };
    const isOurs = ({ target }: ClipboardEvent) => !isTyping(target) && (isAround(target) || work.current!.contains(target as Node)) && !getSelection()?.toString();
    const copy = (event: ClipboardEvent) => {
      const ids = desk.targets();
      if (!isOurs(event) || !ids.length) return;
      event.clipboardData!.setData("text/plain", desk.copy(ids));
      event.preventDefault();
      if (event.type === "cut") desk.remove(ids);
    };
    const paste = (event: ClipboardEvent) => {
      if (isOurs(event) && desk.paste(event.clipboardData!.getData("text/plain"))) event.preventDefault();
    };
    addEventListener("keydown", press);
    document.addEventListener("copy", copy);
    document.addEventListener("cut", copy);
    document.addEventListener("paste", paste);
    return () => {
      removeEventListener("keydown", press);
      document.removeEventListener("copy", copy);
      document.removeEventListener("cut", copy);
      document.removeEventListener("paste", paste);
    };
  }, [desk]);

  function openLibrary() {
    // At once: what is typed next is meant for it.
    flushSync(() => desk.ui.set({ isLibraryOpen: true }));
    library.current?.focus();
  }

  function closeDetails() {
    const { chosen: id } = desk.store.get();
    desk.store.set({ chosen: undefined });
    if (id) desk.surface?.show(id);
  }

  function openMenu(id: string | undefined, x: number, y: number) {
    if (id) {
      if (!desk.surface!.selected().includes(id)) desk.surface!.select([id]);
      desk.store.set({ current: id });
    }
    const place = flow.screenToFlowPosition({ x, y });
    // Once the selection is there, which the menu is about.
    requestAnimationFrame(() => requestAnimationFrame(() => desk.ui.set({ popup: { is: "menu", id, x, y, place } })));
  }

  function click(event: MouseEvent) {
    const target = event.target as Element;
    const plus = target.closest<HTMLElement>("[data-plus]");
    const menu = target.closest<HTMLElement>("[data-menu]")?.dataset.menu;
    const id = target.closest<HTMLElement>("[data-node]")?.dataset.node;
    if (plus) {
      const node = desk.store.get().data.nodes.find((each) => each.id === plus.dataset.plus)!;
      const place = { x: node.x + STEP_X, y: node.y };
      const spot = { place, origin: { source: node.id, way: plus.dataset.way! }, line: plus.dataset.line };
      desk.ui.set({ popup: { is: "search", x: event.clientX, y: event.clientY, spot } });
    } else if (menu) openMenu(menu, event.clientX, event.clientY);
    else if (id && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      // Who opened it by keyboard reads on there; Esc leads back.
      wantsDetails.current = event.detail === 0;
      if (wantsDetails.current && chosen === id) readDetails();
      else desk.store.set({ current: id, chosen: id });
    } else if (id) desk.store.set({ current: id });
    else if (target.closest(".react-flow__pane")) desk.store.set({ chosen: undefined });
  }

  function showMenu(event: MouseEvent) {
    const target = event.target as Element;
    if (!target.closest(".react-flow__node, .react-flow__pane, .react-flow__nodesselection")) return;
    event.preventDefault();
    const id = target.closest(".react-flow__node")?.querySelector<HTMLElement>("[data-node]")?.dataset.node ?? (target.closest(".react-flow__nodesselection") ? desk.targets()[0] : undefined);
    // From the keyboard it comes without a place.
    const at = id && event.button !== 2 ? desk.surface!.cornerOf(id) : { x: event.clientX, y: event.clientY };
    openMenu(id, at.x, at.y);
  }

  function press(event: KeyboardEvent) {
    if (isTyping(event.target)) {
      if (event.key === "Escape" && (event.target as Element).closest(".stage, .library")) {
        desk.ui.set({ isLibraryOpen: false });
        const { chosen: id, current } = desk.store.get();
        if (id && desk.isNote(id)) closeDetails();
        else if (current) desk.surface?.show(current);
        event.stopPropagation();
      } else if (event.key === "Escape") closeDetails();
      return;
    }
    if (!act(event)) return;
    event.preventDefault();
    event.stopPropagation(); // the page's own keys
  }

  /** Whether the key meant something. */
  function act(event: KeyboardEvent | globalThis.KeyboardEvent): boolean {
    const { data, current, chosen: opened } = desk.store.get();
    const { key } = event;
    const isCtrl = event.ctrlKey || event.metaKey;
    if (key === "Escape") {
      if (opened !== undefined) closeDetails();
      else desk.surface?.select([]);
      desk.ui.set({ isLibraryOpen: false });
      return true;
    }
    if (key === "/" && !isCtrl && !event.altKey) {
      openLibrary();
      return true;
    }
    if (!isAround(event.target) && !(event.target as Element).closest(".stage")) return false;
    const ids = desk.targets();
    const direction = DIRECTIONS[key];
    if (direction && (event.shiftKey || event.altKey)) desk.moveBy(ids, direction);
    else if (direction) {
      const next = current && neighbour(data, current, direction);
      if (next) {
        desk.store.set({ current: next });
        if (!isCtrl) desk.surface?.select([next]);
        desk.surface?.show(next);
      }
    } else if (isCtrl && key.toLowerCase() === "a") desk.surface?.select(data.nodes.map(({ id }) => id));
    else if (isCtrl && key.toLowerCase() === "d") desk.duplicate(ids);
    else if (isCtrl && key === "Enter" && current) {
      const selected = desk.surface!.selected();
      desk.surface!.select(selected.includes(current) ? selected.filter((id) => id !== current) : [...selected, current]);
    }
    else if (isCtrl || event.altKey) return false;
    else if (key === "Delete" || key === "Backspace") desk.remove(ids);
    else if (key === "Home" && data.nodes.length) {
      const first = (data.nodes.find((node) => node.isStart) ?? data.nodes[0]!).id;
      desk.store.set({ current: first });
      desk.surface?.select([first]);
      desk.surface?.show(first);
    } else if (key === "d") desk.toggle(ids);
    else if (key === "g") desk.group(ids);
    else if (key === "c" && current && !desk.isNote(current)) desk.ui.set({ popup: { is: "connect", id: current, ...desk.surface!.cornerOf(current) } });
    else if (key === "F2" && current && !desk.isNote(current)) desk.ui.set({ popup: { is: "name", what: "node", id: current, ...desk.surface!.cornerOf(current) } });
    else return zoom(key);
    return true;
  }

  latestAct.current = act;

  return (
    <div ref={work} className={`work is-built ${chosen === undefined ? "" : "has-chosen"} ${isLibraryOpen ? "has-library" : ""}`} onKeyDown={press}>
      <Library field={library} close={() => desk.ui.set({ isLibraryOpen: false })} />
      <div className="stage" role="group" aria-label="Graph" aria-describedby="canvas-keys" onClick={click} onContextMenu={showMenu}>
        {view === "outline" ? <Outline /> : view === "json" ? <JsonView /> : <Surface />}
        {view === "canvas" && (
          <Tools>
            <button type="button" tabIndex={-1} onClick={() => desk.tidy()}>
              Tidy up
            </button>
            <Views />
          </Tools>
        )}
        <button type="button" className="button add-node" onClick={openLibrary}>
          + Add a node
        </button>
        <p className="said" role="status">
          {said}
        </p>
        <Questions />
        <Trial />
        <p className="visually-hidden" id="canvas-keys">
          Arrows move between nodes, Enter opens one, c connects it, / adds one, Delete takes it away, Alt and an arrow move it.
        </p>
      </div>
      {chosen !== undefined && <Inspector nodeId={chosen} close={closeDetails} />}
      {chosen !== undefined && <Gave nodeId={chosen} />}
      <Popup />
    </div>
  );
}
