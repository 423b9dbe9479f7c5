import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { memo } from "react";
import { wordsOf } from "./comparison";
import { summary, type CanvasNode, type NodeState } from "./model";
import { usePart } from "./store";

export type Box = Node<{ node: CanvasNode }, "box">;

/** Characters of a name that fit beside the icon, and with a mark; a longer one takes the line of the type, which the icon says too. */
const ONE_LINE = 15;
const ONE_LINE_WITH_MARK = 11;

const place = (number: number, of: number) => `${(100 * (number + 1)) / (of + 1)}%`;

/** What a node is, and what happened to it, for who does not see it. */
function nameOf({ name, title, draft, change }: CanvasNode, state: NodeState | undefined): string {
  const faults = draft?.faults.length ?? 0;
  const parts = [name, title, state?.word, state?.facts, faults && `${faults} fault${faults === 1 ? "" : "s"}`, wordsOf(change?.verdict, change?.isMoved)];
  return parts.filter(Boolean).join(", ");
}

/** One node: a button, so that a click, Enter and Space open it; it is the one stop for Tab while it is the current one. */
export const NodeBox = memo(function NodeBox({ data: { node } }: NodeProps<Box>) {
  const isCurrent = usePart((state) => state.current === node.id);
  const isChosen = usePart((state) => state.chosen === node.id);
  const state = usePart(({ data }) => data.run?.nodes[node.id]);
  const isRun = usePart(({ data }) => data.run !== undefined);
  const icons = usePart(({ data }) => data.icons);
  const inputs = usePart(({ data }) => data.inputs);
  const faults = node.draft?.faults ?? [];
  const changed = wordsOf(node.change?.verdict, node.change?.isMoved);
  const says = (changed || faults[0]) ?? (isRun ? [state?.word, state?.facts].filter(Boolean).join(" · ") || "not reached" : summary(node, inputs ?? []));
  const kind = isRun ? `is-${state?.status ?? "skipped"}` : faults.length ? "is-faulty" : changed && `is-${node.change!.verdict}`;
  return (
    <>
      {!node.isStart && <Handle type="target" position={Position.Left} isConnectable={false} />}
      <button
        type="button"
        className={`box ${kind} ${node.name.length > (isRun || faults.length ? ONE_LINE_WITH_MARK : ONE_LINE) ? "is-long" : ""}`}
        data-node={node.id}
        data-group={node.group}
        tabIndex={isCurrent ? 0 : -1}
        aria-label={nameOf(node, state)}
        aria-expanded={isChosen}
        title={node.name}
      >
        <span className="mark">
          <svg aria-hidden="true">{node.icon && <use href={`${icons}#${node.icon}`} />}</svg>
        </span>
        <b>{node.name}</b>
        {isRun && <i className={`dot ${kind}`} />}
        {!isRun && faults.length > 0 && <i className="count">{faults.length}</i>}
        <small>{node.type}</small>
        <span className="says">{says}</span>
      </button>
      {node.ways.map((way, number) => (
        <Handle key={way} type="source" id={way} position={Position.Right} isConnectable={false} style={{ top: place(number, node.ways.length) }}>
          {node.ways.length > 1 && <span className={`way ${isRun && state?.way === way ? "is-taken" : ""}`}>{way}</span>}
        </Handle>
      ))}
    </>
  );
});
