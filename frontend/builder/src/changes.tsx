import "./comparison.css";
import type { Ref } from "react";
import { unchangedParts, wordsOf } from "./comparison";
import { PanelHead } from "./panel-head";
import { usePart } from "./store";

/** What a node was made of and what it is made of, side by side. */
export function Changes({ ref, close }: { ref: Ref<HTMLElement>; close: () => void }) {
  const node = usePart(({ data, chosen }) => data.nodes.find((each) => each.id === chosen))!;
  const { before, after } = usePart(({ data }) => data.compared)!;
  const { verdict, isMoved, parts } = node.change!;
  const same = unchangedParts(node);
  return (
    <aside ref={ref} tabIndex={-1} className="details changes" aria-label={node.name}>
      <PanelHead node={node} close={close}>
        {node.title} · {wordsOf(verdict, isMoved) || "the same"}
      </PanelHead>
      <div className="body" tabIndex={0} role="group" aria-label="Before and after">
        {parts.length > 0 && (
          <table>
            <thead>
              <tr>
                <th scope="col">{before}</th>
                <th scope="col">{after}</th>
              </tr>
            </thead>
            {parts.map((part) => (
              <tbody key={part.path}>
                <tr>
                  <th scope="rowgroup" colSpan={2}>
                    {part.path}
                  </th>
                </tr>
                <tr>
                  <td className="was">{part.before && <del>{part.before}</del>}</td>
                  <td className="is">{part.after && <ins>{part.after}</ins>}</td>
                </tr>
              </tbody>
            ))}
          </table>
        )}
        {parts.length === 0 && <p className="none">{isMoved ? "It only stands elsewhere." : "Nothing of it changed."}</p>}
        {same.length > 0 && <p className="none">The same: {same.join(", ")}</p>}
      </div>
    </aside>
  );
}
