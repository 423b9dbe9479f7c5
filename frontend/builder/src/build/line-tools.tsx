import { getBezierPath, Position, useReactFlow, ViewportPortal } from "@xyflow/react";
import { useEffect, useState, type RefObject } from "react";
import { disconnect } from "../draft/edits";
import { wayAt } from "../draft/layout";
import { usePart } from "../store";
import { useDesk } from "./desk";

const LINGERS_MS = 250;

/** "+" and "×" in the middle of the line below the pointer: once for all lines, so that they cost nothing while nothing is pointed at. */
export function LineTools({ stage }: { stage: RefObject<HTMLElement | null> }) {
  const desk = useDesk();
  const flow = useReactFlow();
  const [id, setId] = useState<string>();
  const data = usePart((state) => state.data);
  useEffect(() => {
    const element = stage.current!;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const point = ({ target, buttons }: PointerEvent) => {
      const line = buttons ? undefined : (target as Element).closest<SVGElement>(".react-flow__edge")?.dataset.id;
      if (line || (target as Element).closest(".line-tools")) {
        clearTimeout(timer);
        timer = undefined;
        if (line) setId(line);
      } else timer ??= setTimeout(() => setId(undefined), LINGERS_MS);
    };
    element.addEventListener("pointerover", point);
    return () => {
      clearTimeout(timer);
      element.removeEventListener("pointerover", point);
    };
  }, [stage]);
  const line = data.connections.find((each) => each.id === id);
  const [from, to] = [line?.source, line?.target].map((each) => data.nodes.find((node) => node.id === each));
  if (!line || !from || !to) return null;
  const [, x, y] = getBezierPath({
    sourceX: from.x + data.width,
    sourceY: from.y + wayAt(from, line.way),
    sourcePosition: Position.Right,
    targetX: to.x,
    targetY: to.y + to.height / 2,
    targetPosition: Position.Left,
  });
  return (
    <ViewportPortal>
      <div className="line-tools nopan" style={{ left: x, top: y }}>
        <button
          type="button"
          tabIndex={-1}
          aria-label={`Add between ${from.name} and ${to.name}`}
          title="Add a node here"
          onClick={() => {
            const at = flow.flowToScreenPosition({ x, y });
            desk.ui.set({ popup: { is: "search", ...at, spot: { place: { x, y }, line: line.id } } });
          }}
        >
          +
        </button>
        <button type="button" tabIndex={-1} aria-label={`Take the connection from ${from.name} to ${to.name} away`} title="Take it away" onClick={() => desk.edit((draft) => disconnect(draft, [line.id]))}>
          ×
        </button>
      </div>
    </ViewportPortal>
  );
}
