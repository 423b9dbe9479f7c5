import { useReactFlow, useStore, ViewportPortal } from "@xyflow/react";
import { useRef, type PointerEvent } from "react";
import { onGrid, type Place } from "../draft/layout";
import type { Box } from "../node";
import { usePart } from "../store";
import { useDesk } from "./desk";

const AROUND = 18;
const HEAD = 26;

interface Frame {
  id: string;
  name: string;
  nodeIds: readonly string[];
}

/** The frames of groups, behind their nodes; they follow while one of these is dragged. */
export function Frames() {
  const groups = usePart(({ data }) => data.groups) ?? [];
  return (
    <ViewportPortal>
      {groups.map((group) => (
        <FrameBox key={group.id} group={group} />
      ))}
    </ViewportPortal>
  );
}

function FrameBox({ group }: { group: Frame }) {
  const desk = useDesk();
  const flow = useReactFlow<Box>();
  const start = useRef<{ x: number; y: number; places: Map<string, Place> }>(undefined);
  const bounds = useStore(({ nodeLookup }) => {
    const inside = group.nodeIds.map((id) => nodeLookup.get(id)).filter((node) => node !== undefined);
    if (!inside.length) return "";
    const places = inside.map(({ internals, measured }) => [internals.positionAbsolute.x, internals.positionAbsolute.y, measured.width ?? 0, measured.height ?? 0] as const);
    const [left, top] = [Math.min(...places.map(([x]) => x)), Math.min(...places.map(([, y]) => y))];
    return [left, top, Math.max(...places.map(([x, , w]) => x + w)) - left, Math.max(...places.map(([, y, , h]) => y + h)) - top].join(" ");
  });
  if (!bounds) return null;
  const [left, top, width, height] = bounds.split(" ").map(Number) as [number, number, number, number];

  function places({ clientX, clientY }: PointerEvent): Map<string, Place> {
    const { x, y, places } = start.current!;
    const zoom = flow.getZoom();
    return new Map([...places].map(([id, place]) => [id, { x: onGrid(place.x + (clientX - x) / zoom), y: onGrid(place.y + (clientY - y) / zoom) }]));
  }

  function grab(event: PointerEvent<HTMLElement>) {
    if (event.button) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    const inside = flow.getNodes().filter(({ id }) => group.nodeIds.includes(id));
    start.current = { x: event.clientX, y: event.clientY, places: new Map(inside.map(({ id, position }) => [id, position])) };
  }

  function drag(event: PointerEvent) {
    if (!start.current) return;
    const moved = places(event);
    flow.setNodes((nodes) => nodes.map((node) => (moved.has(node.id) ? { ...node, position: moved.get(node.id)! } : node)));
  }

  function drop(event: PointerEvent) {
    if (!start.current) return;
    const moved = places(event);
    const isMoved = [...moved].some(([id, { x, y }]) => start.current!.places.get(id)!.x !== x || start.current!.places.get(id)!.y !== y);
    start.current = undefined;
    if (isMoved) desk.move(moved);
    else desk.surface?.select(group.nodeIds);
  }

  return (
    <div className="frame" style={{ left: left - AROUND, top: top - AROUND - HEAD, width: width + 2 * AROUND, height: height + 2 * AROUND + HEAD }}>
      <button
        type="button"
        tabIndex={-1}
        className="nopan"
        title="Drag to move the group, double-click to rename it"
        onPointerDown={grab}
        onPointerMove={drag}
        onPointerUp={drop}
        onPointerCancel={drop}
        onDoubleClick={({ clientX, clientY }) => desk.ui.set({ popup: { is: "name", what: "group", id: group.id, x: clientX, y: clientY } })}
      >
        {group.name}
      </button>
    </div>
  );
}
