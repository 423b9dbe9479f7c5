import { createContext, useContext, useSyncExternalStore } from "react";
import type { CanvasData } from "./model";

/** What changes while a graph stays: where the keyboard is, which node is open, what an execution did so far. */
export interface State {
  data: CanvasData;
  current: string | undefined;
  chosen: string | undefined;
}

/** A node redraws itself when its own part of the state changes; all of React Flow does not. */
export class Store {
  #state: State;
  #listeners = new Set<() => void>();

  constructor(state: State) {
    this.#state = state;
  }

  get = () => this.#state;

  set = (change: Partial<State>) => {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  };

  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

export const StoreContext = createContext<Store>(undefined!);

export function usePart<T>(part: (state: State) => T): T {
  const store = useContext(StoreContext);
  return useSyncExternalStore(store.listen, () => part(store.get()));
}
