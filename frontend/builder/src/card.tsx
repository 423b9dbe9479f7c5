import { useEffect, useRef, useState, type Ref } from "react";
import type { Run } from "./model";
import { usePart } from "./store";

declare global {
  interface Window {
    htmx?: { process(element: Element): void };
  }
}

/** The cards of an execution's page, which the server draws; asked for once for each state of the execution. */
const pages = new WeakMap<Run, Promise<Document>>();

function pageOf(run: Run): Promise<Document> {
  let page = pages.get(run);
  if (!page) {
    page = fetch(run.cards, { headers: { "HX-Request": "true", "HX-Target": "detail" } })
      .then((response) => (response.ok ? response.text() : Promise.reject(new Error(response.statusText))))
      .then((text) => new DOMParser().parseFromString(text, "text/html"));
    pages.set(run, page);
  }
  return page;
}

/** What a node received and gave: its card, as the list of nodes has it. */
export function Card({ ref, close }: { ref: Ref<HTMLElement>; close: () => void }) {
  const run = usePart(({ data }) => data.run)!;
  const node = usePart(({ data, chosen }) => data.nodes.find((each) => each.id === chosen))!;
  const place = useRef<HTMLDivElement>(null);
  const [isMissing, setIsMissing] = useState(false);
  useEffect(() => {
    let isCurrent = true;
    const show = (card: HTMLElement | null | undefined) => {
      if (!isCurrent) return;
      setIsMissing(!card);
      place.current!.replaceChildren(...(card ? [card] : []));
      if (card) window.htmx?.process(card);
    };
    pageOf(run).then(
      (page) => {
        const card = page.querySelector<HTMLDetailsElement>(`[data-card="${CSS.escape(node.id)}"]`)?.cloneNode(true);
        if (card) (card as HTMLDetailsElement).open = true;
        show(card as HTMLDetailsElement | undefined);
      },
      () => show(null),
    );
    return () => void (isCurrent = false);
  }, [run, node]);
  return (
    <aside ref={ref} tabIndex={-1} className="chosen-card" aria-label={node.name}>
      <div ref={place} />
      {isMissing && <p className="none">Nothing is recorded of {node.name}.</p>}
      <button type="button" className="close" aria-label="Close" onClick={close}>
        ×
      </button>
    </aside>
  );
}
