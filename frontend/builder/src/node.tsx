import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";
import { memo } from "react";
import { wordsOf } from "./comparison";
import { Mark } from "./mark";
import { roomAfter, summary, type CanvasNode, type NodeState } from "./model";
import { usePart } from "./store";

export type Box = Node<{ node: CanvasNode }, "box">;

/** Characters of a name that fit beside the icon, and with a mark; a longer one takes the line of the type, which the icon says too. */
const ONE_LINE = 15;
const ONE_LINE_WITH_MARK = 11;

/** The name of a way out is written between its handle and that of the next node, with its “+” where it leads nowhere. */
const LONGEST_WAY = 76;
const HANDLES = 15;
const PLUS = 23;

const place = (number: number, of: number) => `${(100 * (number + 1)) / (of + 1)}%`;

/** What a node is, and what happened to it, for who does not see it. */
function nameOf({ name, title, draft, edited, isDisabled, change }: CanvasNode, state: NodeState | undefined): string {
  const faults = draft?.faults.length ?? 0;
  const set = [(edited?.isDisabled ?? isDisabled) && "disabled", edited?.isHeld && "output held"];
  const found = faults && `${faults} fault${faults === 1 ? "" : "s"}`;
  const parts = [name, title, ...set, state?.word, state?.facts, found, wordsOf(change?.verdict, change?.isMoved)];
  return parts.filter(Boolean).join(", ");
}

/** What is seen of a node: a button, so that a click, Enter and Space open it; it is the one stop for Tab while it is the current one. */
export function NodeFace({ node }: { node: CanvasNode }) {
  const isCurrent = usePart((state) => state.current === node.id);
  const isChosen = usePart((state) => state.chosen === node.id);
  const state = usePart(({ data }) => data.run?.nodes[node.id]);
  const isRun = usePart(({ data }) => data.run !== undefined);
  const inputs = usePart(({ data }) => data.inputs);
  const { edited } = node;
  const isDisabled = edited?.isDisabled ?? node.isDisabled ?? false;
  const faults = node.draft?.faults ?? [];
  const changed = wordsOf(node.change?.verdict, node.change?.isMoved);
  const says = (changed || faults[0]) ?? (isRun ? [state?.word, state?.facts].filter(Boolean).join(" · ") || "not reached" : summary(node, inputs));
  const ofDraft = [faults.length ? "is-faulty" : changed && `is-${node.change!.verdict}`, isDisabled && "is-disabled"];
  const kind = isRun ? `is-${state?.status ?? "skipped"}` : ofDraft.filter(Boolean).join(" ");
  return (
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
      <Mark icon={node.icon} />
      <b>{node.name}</b>
      {isRun && <i className={`dot ${kind}`} />}
      {!isRun && faults.length > 0 && <i className="count">{faults.length}</i>}
      <small>{node.type}</small>
      <span className="says">{isDisabled ? "disabled: passed over" : says}</span>
      {edited?.isHeld && <i className="held" title="Its output is held for tests" />}
    </button>
  );
}

/** One node on a canvas, with its ways in and out. */
export const NodeBox = memo(function NodeBox({ data: { node } }: NodeProps<Box>) {
  const state = usePart(({ data }) => data.run?.nodes[node.id]);
  const isRun = usePart(({ data }) => data.run !== undefined);
  const room = usePart(({ data }) => (node.ways.length > 1 ? Math.min(roomAfter(data, node) - HANDLES, LONGEST_WAY + PLUS) : 0));
  const { edited } = node;
  return (
    <>
      {!node.isStart && <Handle type="target" position={Position.Left} isConnectable={edited !== undefined} />}
      <NodeFace node={node} />
      {/* The same is in the menu that the keyboard opens, so these are no stops for Tab. */}
      {edited && <button type="button" tabIndex={-1} className="more nodrag" data-menu={node.id} aria-label={`What to do with ${node.name}`} title="More" children="⋯" />}
      {node.ways.map((way, number) => (
        <Handle key={way} type="source" id={way} position={Position.Right} isConnectable={edited !== undefined} style={{ top: place(number, node.ways.length) }} />
      ))}
      {node.ways.map((way, number) => {
        const isNamed = node.ways.length > 1;
        const isFree = edited?.free.includes(way);
        if (!isNamed && !isFree) return null;
        return (
          <span key={way} className={`exit ${isNamed ? "" : "is-bare"}`} style={{ top: place(number, node.ways.length) }}>
            {isNamed && (
              <span className={`way ${isRun && state?.way === way ? "is-taken" : ""}`} style={{ maxWidth: Math.min(LONGEST_WAY, Math.max(0, room - (isFree ? PLUS : 0))) }}>
                {way}
              </span>
            )}
            {isFree && (
              <button
                type="button"
                tabIndex={-1}
                className="plus nodrag nopan"
                data-plus={node.id}
                data-way={way}
                aria-label={`Add after ${node.name}${isNamed ? `, at ${way}` : ""}`}
                title="Add a node here"
                children="+"
              />
            )}
          </span>
        );
      })}
    </>
  );
});
