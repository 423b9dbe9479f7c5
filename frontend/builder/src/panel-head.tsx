import type { ReactNode } from "react";
import { Mark } from "./mark";
import type { CanvasNode } from "./model";

/** The head of a panel about one node, to read: what it is called, a line about it, and the way back. */
export function PanelHead({ node, close, children }: { node: CanvasNode; close: () => void; children: ReactNode }) {
  return (
    <header data-group={node.group}>
      <Mark icon={node.icon} />
      <h2>{node.name}</h2>
      <button type="button" className="close" aria-label="Close" onClick={close}>
        ×
      </button>
      <p>{children}</p>
    </header>
  );
}
