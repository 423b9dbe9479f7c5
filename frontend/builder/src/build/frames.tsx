import { useReactFlow, ViewportPortal } from "@xyflow/react";
import { useRef, type PointerEvent } from "react";
import { onGrid, type Place } from "../draft/layout";
import type { Box } from "../node";
import { usePart } from "../store";
import { useFrame } from "../view";
import { useDesk } from "./desk";

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
  const frame = useFrame(group.nodeIds);
  if (!frame) return null;

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
    <div className="frame" style={frame}>
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
