import { useState } from "react";
import { TRIGGER } from "../draft/connecting";
import type { Fault } from "../draft/draft";
import { faultsById } from "../draft/drawing";
import { useEdited } from "../draft/editor";
import { usePartOf } from "../store";
import { useDesk, useUi } from "./desk";
import { words } from "./presence";
import { lookAtBoth } from "./both-sides";
import { TestCall } from "../trying/panel";

const clock = (at: Date) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** In the head of the page: whether it is saved, steps back and forward, what is wrong. */
export function Head() {
  const desk = useDesk();
  const canUndo = useEdited((state) => state.canUndo);
  const canRedo = useEdited((state) => state.canRedo);
  return (
    <>
      <Others />
      <SaveState />
      <button type="button" className="button is-icon" aria-label="Undo" title="Undo (Ctrl Z)" aria-disabled={!canUndo} onClick={() => desk.editor.undo()}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M6 3.5 2.5 7 6 10.5M3 7h6.5a3.5 3.5 0 0 1 0 7H7" />
        </svg>
      </button>
      <button type="button" className="button is-icon" aria-label="Redo" title="Redo (Ctrl Shift Z)" aria-disabled={!canRedo} onClick={() => desk.editor.redo()}>
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M10 3.5 13.5 7 10 10.5M13 7H6.5a3.5 3.5 0 0 0 0 7H9" />
        </svg>
      </button>
      <Checks />
      <TestCall />
    </>
  );
}

/** Who else has the draft open. */
function Others() {
  const { presence } = useDesk();
  const here = usePartOf(presence.state, ({ others }) => words(others));
  return (
    <p className="others" role="status" title="What they store appears here as well">
      {here}
    </p>
  );
}

function SaveState() {
  const desk = useDesk();
  const { saving } = desk;
  const state = usePartOf(saving.state, (each) => each.saving);
  const unread = useUi((each) => each.unread);
  const view = useUi((each) => each.view);
  if (unread) {
    return (
      <div className="save-state is-failed" role="status">
        <span title={unread.message}>Not saved: line {unread.line} cannot be read</span>
        {view !== "json" && (
          <button type="button" className="button" onClick={() => desk.look("json")}>
            Show it
          </button>
        )}
      </div>
    );
  }
  return (
    <div className={`save-state is-${state.is}`} role="status">
      {state.is === "saved" && (state.at ? `${state.isTheirs ? "Changed elsewhere" : "Saved"} ${clock(state.at)}` : "Saved")}
      {(state.is === "waiting" || state.is === "saving") && "Saving…"}
      {state.is === "failed" && (
        <>
          <span title={state.why}>Not saved: {state.why}</span>
          <button type="button" className="button" onClick={() => void saving.now()}>
            Try again
          </button>
        </>
      )}
      {state.is === "late" && <span>Not saved: changed by somebody else</span>}
    </div>
  );
}

/** Asks, over the canvas, what is to become of changes that meet another's, or that an earlier page did not get to the server. */
export function Questions() {
  const desk = useDesk();
  const { saving } = desk;
  const state = usePartOf(saving.state, (each) => each.saving);
  const [isAsking, setIsAsking] = useState(saving.found !== undefined);
  if (state.is === "late") {
    return (
      <div className="question" role="alert">
        <p>Somebody else has changed this flow since you opened it. Your changes are kept here, and not saved.</p>
        <button
          type="button"
          className="button"
          onClick={() => {
            saving.compare();
            lookAtBoth(desk.draft, saving.stored, desk.editor.get().revision);
          }}
        >
          Look at both
        </button>
        <button type="button" className="button" onClick={() => saving.takeTheirs()}>
          Take theirs
        </button>
        <button type="button" className="button" onClick={() => saving.keepMine()}>
          Keep mine
        </button>
      </div>
    );
  }
  const copy = saving.found;
  if (!copy || !isAsking) return null;
  return (
    <div className="question" role="alert">
      <p>
        Changes of {new Date(copy.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })} did not reach the server; this browser has them.
        {copy.revision !== desk.editor.get().revision && " The flow was changed since."}
      </p>
      <button
        type="button"
        className="button is-main"
        onClick={() => {
          setIsAsking(false);
          saving.restore(copy);
        }}
      >
        Bring them back
      </button>
      <button
        type="button"
        className="button"
        onClick={() => {
          setIsAsking(false);
          saving.forget();
        }}
      >
        Throw them away
      </button>
    </div>
  );
}

/** The number of faults; opened, each of them, which leads to its node. */
function Checks() {
  const desk = useDesk();
  const faults = useEdited((state) => state.faults);
  const judged = useEdited((state) => state.judged);
  const byId = faultsById(faults, judged);
  const { nodes, connections } = judged.definition;
  /** The node that a fault is at, where a connection begins that it is at, or where the flow begins: there it is mended. */
  function placeOf(fault: Fault): { id: string | undefined; label: string } {
    const id = [...byId].find(([, found]) => found.includes(fault))?.[0];
    const line = connections.find((each) => each.id === id);
    const [node, target] = [line?.sourceNodeId ?? id, line?.targetNodeId].map((end) => nodes.find((each) => each.id === end));
    if (node) return { id: node.id, label: line ? `${node.name} → ${target?.name ?? line.targetNodeId}` : node.name };
    return { id: nodes.find(({ type }) => type === TRIGGER)?.id, label: fault.path.replace(/^definition\.?/, "") };
  }
  return (
    <details className="menu checks" onKeyDown={({ key, currentTarget }) => key === "Escape" && (currentTarget.open = false)}>
      <summary className="button">
        Checks <span className={`pill ${faults.length ? "is-bad" : "is-ok"}`}>{faults.length}</span>
        <span className="visually-hidden">faults</span>
      </summary>
      <div className="menu-items">
        {!faults.length && <p className="none">Nothing keeps this draft from being published.</p>}
        {faults.map((fault, index) => {
          const { id, label } = placeOf(fault);
          return (
            <button
              key={index}
              type="button"
              onClick={({ currentTarget }) => {
                currentTarget.closest("details")!.open = false;
                if (desk.surface?.showFault?.(fault)) return;
                if (desk.store.get().data.nodes.some((each) => each.id === id)) desk.open(id!);
              }}
            >
              <b>{label}</b>
              {fault.message}
            </button>
          );
        })}
      </div>
    </details>
  );
}
