import {
  applyEdgeChanges,
  Background,
  MiniMap,
  ReactFlow,
  SelectionMode,
  useReactFlow,
  useStore,
  useUpdateNodeInternals,
  type Connection,
  type Edge,
  type FinalConnectionState,
} from "@xyflow/react";
import { useEffect, useRef, useState, type DragEvent } from "react";
import { MAIN, refusal } from "../draft/connecting";
import { disconnect } from "../draft/edits";
import { GRID, WIDTH } from "../draft/layout";
import { isTaken, NOTE, NOTE_WIDTH, openingView, type CanvasData, type CanvasNode } from "../model";
import { NodeBox, type Box } from "../node";
import { usePart } from "../store";
import { FAR, FEW, LEAST_ZOOM, useKeptMiddle, useReveal } from "../view";
import { useDesk } from "./desk";
import { Frames } from "./frames";
import { DRAGGED } from "./library";
import { LineTools } from "./line-tools";
import { NoteBox } from "./note";

const KINDS = { box: NodeBox, note: NoteBox };
const SNAP: [number, number] = [GRID, GRID];

function boxOf(node: CanvasNode): Box {
  const more = node.type === NOTE ? { type: "note" as "box", width: NOTE_WIDTH, initialHeight: 62 } : { type: "box" as const, width: WIDTH, height: node.height };
  return { id: node.id, position: { x: node.x, y: node.y }, data: { node }, ...more };
}

function linesOf({ nodes, connections, run }: CanvasData): Edge[] {
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return connections.map((each) => ({
    id: each.id,
    source: each.source,
    sourceHandle: each.way,
    target: each.target,
    ariaLabel: `From ${names.get(each.source)}${each.way === MAIN ? "" : `, at ${each.way},`} to ${names.get(each.target)}`,
    className: each.isFaulty ? "is-faulty" : run && isTaken(each, run) ? "is-taken" : "",
  }));
}

/** The graph while it is built. React Flow moves nodes by itself while they are dragged, and the draft hears of it at the end. */
export function Surface() {
  const desk = useDesk();
  const flow = useReactFlow<Box>();
  const renew = useUpdateNodeInternals();
  const reveal = useReveal();
  const room = useRef<HTMLDivElement>(null);
  const [first] = useState(() => desk.store.get());
  const [boxes] = useState(() => first.data.nodes.map(boxOf));
  const data = usePart((state) => state.data);
  const [lines, setLines] = useState(() => linesOf(first.data));
  const [drawn, setDrawn] = useState(data);
  if (drawn !== data) {
    setDrawn(data);
    const selected = new Set(lines.filter((line) => line.selected).map(({ id }) => id));
    setLines(linesOf(data).map((line) => (selected.has(line.id) ? { ...line, selected: true } : line)));
  }
  useEffect(() => {
    const changed: string[] = [];
    flow.setNodes((old) => {
      const before = new Map(old.map((box) => [box.id, box]));
      return data.nodes.map((node) => {
        const box = before.get(node.id);
        if (!box) return boxOf(node);
        if (box.data.node === node && box.position.x === node.x && box.position.y === node.y) return box;
        if (box.data.node.ways.join() !== node.ways.join() || box.data.node.height !== node.height) changed.push(node.id);
        return { ...box, ...boxOf(node) };
      });
    });
    const frame = requestAnimationFrame(() => renew(changed));
    return () => cancelAnimationFrame(frame);
  }, [data, flow, renew]);
  useKeptMiddle();

  // What is opened stays in sight beside what it is made of.
  const chosen = usePart((state) => state.chosen);
  const width = useStore((state) => state.width);
  const hasWidth = useRef(0);
  useEffect(() => {
    const isWider = hasWidth.current !== width;
    hasWidth.current = width;
    if (chosen && isWider && desk.store.get().data.nodes.some(({ id }) => id === chosen)) reveal(room.current!, desk.store.get().data, chosen);
  }, [chosen, width, desk, reveal]);

  const isFar = useStore(({ transform }) => transform[2] < FAR);
  const [view, setView] = useState<ReturnType<typeof openingView>>();
  useEffect(() => {
    const { clientWidth, clientHeight } = room.current!;
    setView(openingView(first.data, clientWidth, clientHeight, first.current));
  }, [first]);

  useEffect(() => {
    const boxOfNode = (id: string) => room.current!.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`);
    const select = (ids: readonly string[]) => {
      const wanted = new Set(ids);
      flow.setNodes((nodes) => nodes.map((node) => ((node.selected ?? false) === wanted.has(node.id) ? node : { ...node, selected: wanted.has(node.id) })));
      setLines((all) => all.map((line) => ((line.selected ?? false) === wanted.has(line.id) ? line : { ...line, selected: wanted.has(line.id) })));
    };
    desk.surface = {
      select: (ids) => {
        const isThere = ids.every((id) => flow.getNode(id) ?? flow.getEdge(id));
        if (isThere) select(ids);
        else requestAnimationFrame(() => select(ids)); // it was just added
      },
      selected: () => [...flow.getNodes(), ...flow.getEdges()].filter(({ selected }) => selected).map(({ id }) => id),
      focused: () => (document.activeElement as HTMLElement | null)?.dataset.node,
      show: (id) => {
        const show = () => {
          if (!room.current || !desk.store.get().data.nodes.some((node) => node.id === id)) return;
          reveal(room.current, desk.store.get().data, id);
          boxOfNode(id)?.focus({ preventScroll: true });
        };
        if (boxOfNode(id)) show();
        else requestAnimationFrame(() => desk.ui.get().popup === undefined && show()); // it was just added
      },
      middle: () => {
        const { left, top, width, height } = room.current!.getBoundingClientRect();
        const { x, y } = flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
        return { x: x - WIDTH / 2, y: y - 42 };
      },
      cornerOf: (id) => {
        const { right, top } = boxOfNode(id)?.getBoundingClientRect() ?? room.current!.getBoundingClientRect();
        return { x: right + 8, y: top };
      },
    };
    return () => void (desk.surface = undefined);
  }, [desk, flow, reveal]);

  function isPossible({ source, sourceHandle, target }: Connection | Edge) {
    const wish = { source, way: sourceHandle ?? MAIN, target };
    const refused = refusal(desk.draft.definition, wish, desk.waysOf(source));
    desk.say(refused ?? "");
    return refused === undefined;
  }

  /** Dropped on a handle it is a connection, on a node too, on empty space a question for a node. */
  function dropLine(event: MouseEvent | TouchEvent, { isValid, fromHandle, fromNode, toHandle }: FinalConnectionState) {
    if (isValid || toHandle || !fromNode || !fromHandle) return;
    const { clientX: x, clientY: y } = "changedTouches" in event ? event.changedTouches[0]! : event;
    const isOut = fromHandle.type === "source";
    const way = fromHandle.id ?? MAIN;
    const below = document.elementFromPoint(x, y);
    const node = below?.closest(".react-flow__node")?.querySelector<HTMLElement>("[data-node]")?.dataset.node;
    if (node === fromNode.id) return;
    if (node && !desk.isNote(node)) {
      desk.connect(isOut ? { source: fromNode.id, way, target: node } : { source: node, way: desk.waysOf(node)[0] ?? MAIN, target: fromNode.id });
      return;
    }
    if (!below?.closest(".react-flow__pane")) return;
    const at = flow.screenToFlowPosition({ x, y });
    const place = isOut ? { x: at.x, y: at.y - 42 } : { x: at.x - WIDTH, y: at.y - 42 };
    desk.ui.set({ popup: { is: "search", x, y, spot: { place, origin: isOut ? { source: fromNode.id, way } : { target: fromNode.id } } } });
  }

  function dropType(event: DragEvent) {
    const type = desk.around.types.get(event.dataTransfer.getData(DRAGGED));
    if (!type) return;
    event.preventDefault();
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const line = document.elementFromPoint(event.clientX, event.clientY)?.closest<SVGElement>(".react-flow__edge")?.dataset.id;
    desk.add(type, { place: { x: x - WIDTH / 2, y: y - 42 }, line: type.handles.length ? line : undefined });
  }

  const moved = (_: unknown, __: unknown, dragged: Box[]) => desk.move(new Map(dragged.map(({ id, position }) => [id, position])));

  // Measured first: so nothing moves after the first picture.
  return (
    <div ref={room} className={isFar ? "room is-far" : "room"} onDrop={dropType} onDragOver={(event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault()}>
      {view && (
        <ReactFlow
          defaultNodes={boxes}
          edges={lines}
          onEdgesChange={(changes) => setLines((all) => applyEdgeChanges(changes.filter(({ type }) => type === "select"), all))}
          nodeTypes={KINDS}
          defaultViewport={view}
          minZoom={LEAST_ZOOM}
          maxZoom={2}
          snapToGrid
          snapGrid={SNAP}
          nodeDragThreshold={3}
          connectionRadius={24}
          selectionMode={SelectionMode.Partial}
          nodesFocusable={false}
          edgesFocusable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          zoomOnDoubleClick={false}
          elevateNodesOnSelect={false}
          attributionPosition="top-right"
          onNodeDragStop={moved}
          onSelectionDragStop={(event, dragged) => moved(event, undefined, dragged)}
          isValidConnection={isPossible}
          onConnect={({ source, sourceHandle, target }) => desk.connect({ source, way: sourceHandle ?? MAIN, target })}
          onConnectEnd={dropLine}
          edgesReconnectable
          onReconnect={(line, { source, sourceHandle, target }) => {
            const parted = disconnect(desk.draft, [line.id]);
            const wish = { source, way: sourceHandle ?? MAIN, target };
            const refused = refusal(parted.definition, wish, desk.waysOf(source));
            if (refused) desk.say(refused);
            else desk.reconnect(line.id, wish);
          }}
        >
          <Background gap={2 * GRID} size={1.4} />
          <Frames />
          <LineTools stage={room} />
          {data.nodes.length > FEW && <MiniMap<Box> pannable zoomable ariaLabel="Map of the graph" nodeBorderRadius={8} />}
        </ReactFlow>
      )}
    </div>
  );
}
