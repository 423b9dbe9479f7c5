// What pages load: <flow-canvas>, a graph to look at, and <flow-editor>, a draft to be built. Each fetches what it is made
// of once one stands on the page. It holds a <script type="application/json"> with its data, and what the server made of
// it, which stays where this fails.
import type { EditorData } from "./draft/editor";
import type { CanvasData } from "./model";

/** An element that is drawn into a place of its own, in front of what the server made. */
abstract class Drawn extends HTMLElement {
  #leave = () => {};

  /** Loads what draws; what it gives draws into a place, and gives what takes the drawing away. */
  abstract load(source: HTMLScriptElement): Promise<(place: HTMLElement) => () => void>;

  async connectedCallback() {
    // Pages that merge a fresh copy of themselves (static/js/live/merge.js) leave what has `data-own`.
    const place = document.createElement("div");
    place.dataset.own = "";
    let isLeft = false;
    this.#leave = () => (isLeft = true);
    const draw = await this.load(this.querySelector("script")!);
    if (isLeft) return;
    this.prepend(place);
    const end = draw(place);
    this.#leave = () => {
      end();
      place.remove();
    };
  }

  disconnectedCallback() {
    this.#leave();
  }
}

class FlowCanvas extends Drawn {
  async load(source: HTMLScriptElement) {
    const { draw } = await import("./draw");
    const read = () => JSON.parse(source.textContent!) as CanvasData;
    return (place: HTMLElement) => {
      const drawing = draw(place, read());
      // A live page writes a newer state into the same script.
      const watcher = new MutationObserver(() => drawing.show(read()));
      watcher.observe(source, { characterData: true, childList: true, subtree: true });
      return () => {
        watcher.disconnect();
        drawing.end();
      };
    };
  }
}

class FlowEditor extends Drawn {
  async load(source: HTMLScriptElement) {
    const { open } = await import("./build/open");
    return (place: HTMLElement) => open(place, JSON.parse(source.textContent!) as EditorData, this.dataset.icons!);
  }
}

customElements.define("flow-canvas", FlowCanvas);
customElements.define("flow-editor", FlowEditor);
