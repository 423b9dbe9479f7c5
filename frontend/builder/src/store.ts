import { createContext, useContext, useSyncExternalStore } from "react";
import type { CanvasData } from "./model";

/** What changes while a graph stays: where the keyboard is, which node is open, what an execution did so far. */
export interface State {
  data: CanvasData;
  current: string | undefined;
  chosen: string | undefined;
}

/** A node redraws itself when its own part of the state changes; all of React Flow does not. */
export class Store<T extends object = State> {
  #state: T;
  #listeners = new Set<() => void>();

  constructor(state: T) {
    this.#state = state;
  }

  get = () => this.#state;

  set = (change: Partial<T>) => {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  };

  listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}

export const StoreContext = createContext<Store>(undefined!);

export function usePartOf<T extends object, P>(store: Store<T>, part: (state: T) => P): P {
  return useSyncExternalStore(store.listen, () => part(store.get()));
}

export function usePart<P>(part: (state: State) => P): P {
  return usePartOf(useContext(StoreContext), part);
}
