import type { Known } from "../expressions/known";
import { shown } from "../expressions/shown";
import { DRAGGED } from "./field";

/** What the fields of a node may name, to read and to drag into one. */
export function KnownList({ known, from }: { known: Known[]; from: string }) {
  const nodes = [...new Set(known.map(({ node }) => node))];
  return (
    <details className="known">
      <summary>What is known here ({known.length})</summary>
      <p className="note-small">
        Drag one into a field, or type <code>{"{{"}</code> there. {from}
      </p>
      {nodes.map((node) => (
        <section key={node}>
          <h3>{node || "From FlowHub"}</h3>
          <ul>
            {known
              .filter((each) => each.node === node)
              .map(({ path, sample, types }) => (
                <li
                  key={path}
                  draggable
                  onDragStart={(event) => {
                    event.dataTransfer.setData("text/plain", `{{ ${path} }}`);
                    event.dataTransfer.setData(DRAGGED, `{{ ${path} }}`);
                    event.dataTransfer.effectAllowed = "copy";
                  }}
                >
                  <code>{path}</code>
                  <span>{path.startsWith("secrets.") ? "never shown" : sample === undefined ? types.join(", ") : shown(sample)}</span>
                </li>
              ))}
          </ul>
        </section>
      ))}
    </details>
  );
}
