// What pages load: the element <flow-canvas>, which fetches the canvas itself once one stands on the page. It holds a
// <script type="application/json"> with what is to be drawn, and the server's own drawing, which stays where this fails.
import type { CanvasData } from "./model";

class FlowCanvas extends HTMLElement {
  #leave = () => {};

  async connectedCallback() {
    // Pages that merge a fresh copy of themselves (static/js/live/merge.js) leave what has `data-own`.
    const place = document.createElement("div");
    place.dataset.own = "";
    const source = this.querySelector("script")!;
    const read = () => JSON.parse(source.textContent!) as CanvasData;
    let isLeft = false;
    this.#leave = () => (isLeft = true);
    const { draw } = await import("./draw");
    if (isLeft) return;
    this.prepend(place);
    const drawing = draw(place, read());
    // A live page writes a newer state into the same script.
    const watcher = new MutationObserver(() => drawing.show(read()));
    watcher.observe(source, { characterData: true, childList: true, subtree: true });
    this.#leave = () => {
      watcher.disconnect();
      drawing.end();
      place.remove();
    };
  }

  disconnectedCallback() {
    this.#leave();
  }
}

customElements.define("flow-canvas", FlowCanvas);
