import { createRoot } from "react-dom/client";
import { Canvas } from "./canvas";
import { changedNodes } from "./comparison";
import { inTimeOrder, type CanvasData } from "./model";
import { Store } from "./store";

/** Draws into an empty element. `show` draws a newer state, `end` takes the drawing away. */
export function draw(place: HTMLElement, data: CanvasData) {
  const root = createRoot(place);
  const shape = ({ nodes, connections }: CanvasData) => JSON.stringify([nodes, connections]);
  let store = begin(data);

  function begin(first: CanvasData) {
    const chosen = first.run?.failed ?? undefined;
    const start = chosen ?? (first.run && inTimeOrder(first).at(-1)) ?? (first.compared && changedNodes(first)[0]) ?? first.nodes.find((node) => node.isStart)?.id;
    const made = new Store({ data: first, chosen, current: start ?? first.nodes[0]?.id });
    root.render(<Canvas key={shape(first)} store={made} />);
    return made;
  }

  function show(newer: CanvasData) {
    const { data: old, chosen } = store.get();
    if (shape(old) !== shape(newer)) {
      store = begin(newer);
      return;
    }
    const failed = newer.run?.failed !== old.run?.failed ? newer.run?.failed : undefined;
    store.set({ data: newer, chosen: failed ?? chosen, current: failed ?? store.get().current });
  }

  return { show, end: () => root.unmount() };
}
