import { useEffect, useLayoutEffect, useRef, type FocusEvent, type KeyboardEvent } from "react";
import { Connect } from "./connect";
import { useDesk, useUi, type Popup as Shown } from "./desk";
import { SearchHere } from "./library";
import { Menu } from "./menu";
import { Naming } from "./naming";

const MARGIN = 8;

const LABELS: Record<Shown["is"], string> = { search: "Add a node", menu: "Menu", connect: "Connect to", name: "Rename" };

/** What lies over the canvas at a place of the window; Esc and a click elsewhere close it. */
export function Popup() {
  const popup = useUi((state) => state.popup);
  return popup && <Open key={`${popup.is} ${"id" in popup ? popup.id : ""}`} popup={popup} />;
}

function Open({ popup }: { popup: Shown }) {
  const desk = useDesk();
  const panel = useRef<HTMLDivElement>(null);

  function close() {
    if (desk.ui.get().popup !== popup) return;
    desk.ui.set({ popup: undefined });
    // Back to the node, unless what was chosen has the keyboard by then.
    requestAnimationFrame(() => {
      const { current } = desk.store.get();
      if (current && document.activeElement === document.body) desk.surface?.show(current);
    });
  }

  // Within the window, whatever its size turns out to be.
  useLayoutEffect(() => {
    const { style, offsetWidth, offsetHeight } = panel.current!;
    style.left = `${Math.max(MARGIN, Math.min(popup.x, innerWidth - offsetWidth - MARGIN))}px`;
    style.top = `${Math.max(MARGIN, Math.min(popup.y, innerHeight - offsetHeight - MARGIN))}px`;
  }, [popup]);
  useEffect(() => {
    const elsewhere = (event: PointerEvent) => panel.current?.contains(event.target as Node) || desk.ui.set({ popup: undefined });
    addEventListener("pointerdown", elsewhere, true);
    return () => removeEventListener("pointerdown", elsewhere, true);
  }, [desk]);

  function press(event: KeyboardEvent) {
    if (event.key === "Escape") close();
    event.stopPropagation(); // the canvas has keys of its own
  }

  function leave(event: FocusEvent) {
    const to = event.relatedTarget;
    if (to && !panel.current!.contains(to as Node) && desk.ui.get().popup === popup) desk.ui.set({ popup: undefined });
  }

  return (
    <div ref={panel} role={popup.is === "menu" ? undefined : "dialog"} aria-label={popup.is === "menu" ? undefined : LABELS[popup.is]} className={`popup is-${popup.is}`} onKeyDown={press} onBlur={leave}>
      {popup.is === "search" && <SearchHere spot={popup.spot} close={close} />}
      {popup.is === "menu" && <Menu id={popup.id} place={popup.place} close={close} />}
      {popup.is === "connect" && <Connect id={popup.id} close={close} />}
      {popup.is === "name" && <Naming what={popup.what} id={popup.id} close={close} />}
    </div>
  );
}
