import { Background, MiniMap, Panel, ReactFlow, ReactFlowProvider, useReactFlow, useStore, ViewportPortal, type Edge, type NodeProps } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { useContext, useEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent } from "react";
import "./canvas.css";
import { Card } from "./card";
import { Changes } from "./changes";
import { changedNodes, markOf } from "./comparison";
import { Details } from "./details";
import { inTimeOrder, isTaken, neighbour, NOTE, NOTE_WIDTH, openingView, type CanvasData } from "./model";
import { NodeBox, type Box } from "./node";
import { Store, StoreContext, usePart } from "./store";
import { DIRECTIONS, FAR, FEW, LEAST_ZOOM, Tools, useFrame, useKeptMiddle, useReveal, useZoomKeys } from "./view";

const NODE_TYPES = { box: NodeBox, note: Paper };

/** What `n` and `p` go through: an execution in the order of time, a comparison from change to change. */
const stepsIn = (data: CanvasData) => (data.run ? inTimeOrder(data) : data.compared ? changedNodes(data) : []);

const boxesOf = ({ nodes, width }: CanvasData): Box[] =>
  nodes.map((node) => {
    const kind = node.type === NOTE ? { type: NOTE as "box", width: NOTE_WIDTH } : { type: "box" as const, width, height: node.height };
    return { id: node.id, ...kind, position: { x: node.x, y: node.y }, data: { node } };
  });

const linesOf = ({ connections, run }: CanvasData): Edge[] =>
  connections.map((each) => ({
    id: each.id,
    source: each.source,
    sourceHandle: each.way,
    target: each.target,
    interactionWidth: 0, // nothing happens on a line: a wide one to click would only cost
    className: each.isFaulty ? "is-faulty" : run && isTaken(each, run) ? "is-taken" : each.change ? `is-${each.change}` : "",
    label: markOf(each.change),
  }));

/** A graph to look at; see main.ts for where its data comes from. */
export function Canvas({ store }: { store: Store }) {
  return (
    <StoreContext value={store}>
      <ReactFlowProvider>
        <Work />
      </ReactFlowProvider>
    </StoreContext>
  );
}

function Work() {
  const store = useContext(StoreContext);
  const reveal = useReveal();
  const zoom = useZoomKeys();
  const work = useRef<HTMLDivElement>(null);
  const isRun = usePart(({ data }) => data.run !== undefined);
  const isCompared = usePart(({ data }) => data.compared !== undefined);
  const chosen = usePart((state) => state.chosen);
  const panel = useRef<HTMLElement>(null);
  const [wantsPanel, setWantsPanel] = useState(0);
  useEffect(() => {
    if (wantsPanel) panel.current?.focus({ preventScroll: true });
  }, [wantsPanel]);

  const boxOf = (id: string) => work.current!.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`);

  /** Makes a node the current one, and brings it into sight. */
  function goTo(id: string) {
    store.set({ current: id });
    reveal(work.current!.querySelector(".stage")!, store.get().data, id);
  }

  function step(by: number) {
    const order = stepsIn(store.get().data);
    const at = order.indexOf(store.get().chosen ?? "");
    const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : at + by];
    if (next === undefined) return;
    store.set({ chosen: next });
    goTo(next);
  }

  function close() {
    const id = store.get().chosen;
    store.set({ chosen: undefined });
    if (id) boxOf(id)?.focus({ preventScroll: true });
  }

  function open(event: MouseEvent) {
    const id = (event.target as Element).closest<HTMLElement>("[data-node]")?.dataset.node;
    if (id === undefined) return;
    store.set({ current: id, chosen: id });
    // Who opened it by keyboard reads on there; Esc leads back.
    if (event.detail === 0) setWantsPanel((number) => number + 1);
  }

  function press(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { data, current } = store.get();
    if (event.key === "Escape" && store.get().chosen !== undefined) close();
    else if (!(event.target as Element).closest(".stage")) return;
    else if (DIRECTIONS[event.key]) {
      const next = current && neighbour(data, current, DIRECTIONS[event.key]!);
      if (next) goTo(next);
    } else if (event.key === "Home") goTo((data.nodes.find((node) => node.isStart) ?? data.nodes[0]!).id);
    else if ((data.run || data.compared) && (event.key === "n" || event.key === "p")) step(event.key === "n" ? 1 : -1);
    else if (!zoom(event.key)) return;
    const now = store.get().current;
    if (now !== current) boxOf(now!)?.focus({ preventScroll: true });
    event.preventDefault();
    event.stopPropagation(); // the page's own keys
  }

  return (
    <div ref={work} className={`work ${isRun ? "is-run" : isCompared ? "is-draft is-compared" : "is-draft"} ${chosen === undefined ? "" : "has-chosen"}`} onKeyDown={press}>
      <div className="stage" role="group" aria-label="Graph" onClick={open}>
        <Flow />
        {(isRun || isCompared) && <Steps step={step} />}
        <Tools />
      </div>
      {chosen !== undefined && (isRun ? <Card ref={panel} close={close} /> : isCompared ? <Changes ref={panel} close={close} /> : <Details ref={panel} close={close} />)}
      <p className="keys">
        <kbd>←</kbd> <kbd>→</kbd> along connections, <kbd>↑</kbd> <kbd>↓</kbd> between them, <kbd>Enter</kbd> opens,
        {(isRun || isCompared) && (
          <>
            {" "}
            <kbd>n</kbd> <kbd>p</kbd> {isRun ? "in order of time" : "from change to change"},
          </>
        )}{" "}
        <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> zoom and fit
      </p>
    </div>
  );
}

function Flow() {
  const store = useContext(StoreContext);
  const flow = useReactFlow<Box>();
  const [first] = useState(() => store.get());
  const [boxes, lines] = useMemo(() => [boxesOf(first.data), linesOf(first.data)], [first]);
  const data = usePart((state) => state.data);
  useEffect(() => {
    if (data !== first.data) flow.setEdges(linesOf(data));
  }, [data, first, flow]);
  useKeptMiddle();
  const isFar = useStore(({ transform }) => transform[2] < FAR);
  const stage = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<ReturnType<typeof openingView>>();
  useEffect(() => {
    const { clientWidth, clientHeight } = stage.current!;
    setView(openingView(first.data, clientWidth, clientHeight, first.current));
  }, [first]);
  // Measured first: so nothing moves after the first picture.
  return (
    <div ref={stage} className={isFar ? "room is-far" : "room"}>
      {view && (
        <ReactFlow
          defaultNodes={boxes}
          defaultEdges={lines}
          nodeTypes={NODE_TYPES}
          defaultViewport={view}
          minZoom={LEAST_ZOOM}
          maxZoom={2}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          disableKeyboardA11y
          deleteKeyCode={null}
          selectionKeyCode={null}
          multiSelectionKeyCode={null}
          zoomOnDoubleClick={false}
          attributionPosition="top-right"
        >
          <Background gap={22} size={1.4} />
          <ViewportPortal>
            {first.data.groups?.map((group) => (
              <Frame key={group.id} {...group} />
            ))}
          </ViewportPortal>
          {first.data.nodes.length > FEW && (
            <MiniMap<Box> pannable zoomable ariaLabel="Map of the graph" nodeBorderRadius={8} nodeClassName={({ id, data: { node } }) => `is-${data.run?.nodes[id]?.status ?? node.change?.verdict ?? ""}`} />
          )}
        </ReactFlow>
      )}
    </div>
  );
}

function Frame({ name, nodeIds }: { name: string; nodeIds: readonly string[] }) {
  const frame = useFrame(nodeIds);
  return (
    frame && (
      <div className="frame" style={frame}>
        <span>{name}</span>
      </div>
    )
  );
}

/** A note, to read. */
function Paper({ data: { node } }: NodeProps<Box>) {
  const isCurrent = usePart((state) => state.current === node.id);
  const isChosen = usePart((state) => state.chosen === node.id);
  return (
    <button type="button" className="paper" data-node={node.id} tabIndex={isCurrent ? 0 : -1} aria-label={`Note: ${node.name || "empty"}`} aria-expanded={isChosen}>
      {node.name || "Empty note"}
    </button>
  );
}

/** Through an execution in the order of time, through a comparison from change to change; at its ends the buttons stay, so that the keyboard does. */
function Steps({ step }: { step: (by: number) => void }) {
  const data = usePart((state) => state.data);
  const chosen = usePart((state) => state.chosen);
  const order = stepsIn(data);
  const [previous, next] = data.run ? ["Previous in time", "Next in time"] : ["Previous change", "Next change"];
  if (!order.length) return null;
  const at = order.indexOf(chosen ?? "");
  return (
    <Panel position="top-left" className="steps">
      <button type="button" aria-label={previous} aria-disabled={at === 0} onClick={() => step(-1)}>
        ‹
      </button>
      <span aria-live="polite">{at < 0 ? `${order.length} ${data.run ? "ran" : "changed"}` : `${at + 1} of ${order.length}`}</span>
      <button type="button" aria-label={next} aria-disabled={at === order.length - 1} onClick={() => step(1)}>
        ›
      </button>
    </Panel>
  );
}
