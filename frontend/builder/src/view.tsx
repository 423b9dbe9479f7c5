// What the canvas is in both its uses, to look at and to build: how it is moved around in.
import { Panel, useReactFlow, useStore } from "@xyflow/react";
import { useCallback, useEffect, useRef, type CSSProperties, type ReactNode } from "react";
import type { CanvasData, Direction } from "./model";
import type { Box } from "./node";

export const DIRECTIONS: Record<string, Direction> = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
export const LEAST_ZOOM = 0.1;
/** Below this zoom nodes show their names alone. */
export const FAR = 0.45;
/** So many nodes are found without a map, which would lie over them. */
export const FEW = 8;
/** Around a node that is brought into sight, in pixels. */
const ROOM = 48;
const READABLE = 0.5;
export const MOVE_MS = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 160;

/** Brings a node into sight, no further than needed; from afar also nearer. */
export function useReveal() {
  const flow = useReactFlow<Box>();
  return useCallback((stage: Element, { nodes, width }: CanvasData, id: string) => {
    const node = nodes.find((each) => each.id === id)!;
    const { x, y, zoom } = flow.getViewport();
    /** How far to move what lies from `start` to `end` so that it is between 0 and `size`, with some room where there is some. */
    const missing = (start: number, end: number, size: number) => {
      const room = Math.max(0, Math.min(ROOM, (size - (end - start)) / 2));
      return start < 0 ? room - start : end > size ? size - room - end : 0;
    };
    const [left, top] = [node.x * zoom + x, node.y * zoom + y];
    const dx = missing(left, left + width * zoom, stage.clientWidth);
    const dy = missing(top, top + node.height * zoom, stage.clientHeight);
    if (!dx && !dy) return;
    if (zoom >= READABLE) void flow.setViewport({ x: x + dx, y: y + dy, zoom }, { duration: MOVE_MS });
    else void flow.setCenter(node.x + width / 2, node.y + node.height / 2, { zoom: READABLE, duration: MOVE_MS });
  }, [flow]);
}

/** Zoom and fit by key; whether it was one of these. */
export function useZoomKeys() {
  const flow = useReactFlow();
  return (key: string) => {
    if (key === "+" || key === "=") void flow.zoomIn({ duration: MOVE_MS });
    else if (key === "-") void flow.zoomOut({ duration: MOVE_MS });
    else if (key === "0") void flow.fitView({ padding: 0.1, maxZoom: 1, duration: MOVE_MS });
    else return false;
    return true;
  };
}

/** When the canvas becomes wider or narrower, as beside a panel, its middle stays in the middle. */
export function useKeptMiddle() {
  const { getViewport, setViewport } = useReactFlow();
  const width = useStore((state) => state.width);
  const last = useRef(0);
  useEffect(() => {
    const { x, y, zoom } = getViewport();
    if (last.current && width) void setViewport({ x: x + (width - last.current) / 2, y, zoom });
    last.current = width;
  }, [width, getViewport, setViewport]);
}

const AROUND = 18;
const HEAD = 26;

/** Where the frame around some nodes is; undefined without any. It follows while one of them is dragged. */
export function useFrame(nodeIds: readonly string[]): CSSProperties | undefined {
  const bounds = useStore(({ nodeLookup }) => {
    const inside = nodeIds.map((id) => nodeLookup.get(id)).filter((node) => node !== undefined);
    if (!inside.length) return "";
    const places = inside.map(({ internals, measured }) => [internals.positionAbsolute.x, internals.positionAbsolute.y, measured.width ?? 0, measured.height ?? 0] as const);
    const [left, top] = [Math.min(...places.map(([x]) => x)), Math.min(...places.map(([, y]) => y))];
    return [left, top, Math.max(...places.map(([x, , w]) => x + w)) - left, Math.max(...places.map(([, y, , h]) => y + h)) - top].join(" ");
  });
  if (!bounds) return undefined;
  const [left, top, width, height] = bounds.split(" ").map(Number) as [number, number, number, number];
  return { left: left - AROUND, top: top - AROUND - HEAD, width: width + 2 * AROUND, height: height + 2 * AROUND + HEAD };
}

export function Tools({ children }: { children?: ReactNode }) {
  const { zoomIn, zoomOut, fitView, zoomTo } = useReactFlow();
  const zoom = useStore((state) => state.transform[2]);
  const quick = { duration: MOVE_MS };
  // The keys + − 0 do the same, so these are no stops for Tab.
  return (
    <Panel position="bottom-left" className="tools">
      <button type="button" tabIndex={-1} aria-label="Zoom out" onClick={() => void zoomOut(quick)}>
        −
      </button>
      <button type="button" tabIndex={-1} className="zoom" title="Show at full size" onClick={() => void zoomTo(1, quick)}>
        {Math.round(100 * zoom)}%
      </button>
      <button type="button" tabIndex={-1} aria-label="Zoom in" onClick={() => void zoomIn(quick)}>
        +
      </button>
      <button type="button" tabIndex={-1} onClick={() => void fitView({ padding: 0.1, maxZoom: 1, ...quick })}>
        Fit
      </button>
      {children}
    </Panel>
  );
}
