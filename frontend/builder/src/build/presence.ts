// Who else has this draft open, and that one of them has stored it: by a socket, which pages can do without.
import { Store } from "../store";

export interface Other {
  /** Where one may know it. */
  name: string | null;
  /** The same person, in another window. */
  isYou: boolean;
}

const LONGEST_WAIT_MS = 15_000;
/** Codes from here on say that one may not watch this. */
const REFUSED = 4000;

export class Presence {
  readonly state = new Store<{ others: Other[] }>({ others: [] });
  #address: URL;
  #news: () => void;
  #socket: WebSocket | undefined;
  #attempts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `news` is called when the draft may be another one than it was. */
  constructor(flowId: number, news: () => void) {
    this.#address = new URL(`/ws/flows/${flowId}/builders/`, location.href);
    this.#address.protocol = this.#address.protocol.replace("http", "ws");
    this.#news = news;
    this.#connect();
  }

  /** Tells the others that this page has stored something. */
  tell() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send("stored");
  }

  end() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #connect() {
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const { watching, stored, others } = JSON.parse(data) as { watching?: boolean; stored?: boolean; others?: Other[] };
      if (others) this.state.set({ others });
      // Of what was stored while there was no socket, nobody has told.
      if (stored || (watching && this.#attempts > 0)) this.#news();
      if (watching) this.#attempts = 0;
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      this.state.set({ others: [] });
      if (code >= REFUSED) return;
      this.#timer = setTimeout(() => this.#connect(), Math.min(500 * 2 ** this.#attempts, LONGEST_WAIT_MS) * (0.7 + 0.6 * Math.random()));
      this.#attempts += 1;
    });
  }
}

/** Those who are here, in words; empty where nobody is. */
export function words(others: readonly Other[]): string {
  const names = [...new Set(others.filter(({ isYou }) => !isYou).map(({ name }) => name))].filter((name) => name !== null);
  const unnamed = others.filter(({ isYou, name }) => !isYou && name === null).length;
  const parts = [...names, ...(unnamed ? [`${unnamed} other${unnamed === 1 ? "" : "s"}`] : []), ...(others.some(({ isYou }) => isYou) ? ["you in another window"] : [])];
  return parts.length ? `Also here: ${parts.join(", ")}` : "";
}
