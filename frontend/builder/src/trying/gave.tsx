import { nodeOf, type Json } from "../draft/draft";
import { useEdited } from "../draft/editor";
import { useTried, useTrying, type Trying } from "./trying";

/** Characters of a value that are shown; all of it is on the execution's page. */
const MAX_SHOWN = 20_000;

function textOf(value: Json): string {
  const text = JSON.stringify(value, null, 2) ?? "";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** What a node's menu has for trying it. */
export function itemsOf(trying: Trying, id: string): [label: string, keys: string, does: () => void][] {
  const entry = trying.entryOf(id);
  const isHeld = nodeOf(trying.desk.draft, id)?.heldOutput !== undefined;
  const isDisabled = nodeOf(trying.desk.draft, id)?.disabled;
  return [
    ...(isDisabled ? [] : [["Run to here", "", () => void trying.call(id)] as [string, string, () => void]]),
    ...(isHeld
      ? [["Let go of the held output", "", () => trying.hold(id, undefined)] as [string, string, () => void]]
      : entry?.status === "completed" && trying.canHold(id)
        ? [["Hold this output", "", () => trying.hold(id, entry.outputData)] as [string, string, () => void]]
        : []),
  ];
}

/** What the chosen node was given and gave in the call that is shown, or the output that is held. */
export function Gave({ nodeId }: { nodeId: string }) {
  const trying = useTrying();
  const node = useEdited(({ draft }) => nodeOf(draft, nodeId));
  const execution = useTried((state) => state.execution);
  const isCalling = useTried((state) => state.isCalling);
  const entry = execution && trying.entryOf(nodeId);
  const held = node?.heldOutput;
  if (!node) return null;
  const hasOutput = entry && !["skipped", "pending"].includes(entry.status) && (entry.status !== "error" || entry.outputData !== null);
  return (
    <section className={`gave ${entry || held !== undefined ? "" : "is-bare"}`} aria-label={`What ${node.name} gave`}>
      <p className="does">
        {itemsOf(trying, nodeId).map(([label, , does]) => (
          <button key={label} type="button" className="button" disabled={isCalling} onClick={does}>
            {label}
          </button>
        ))}
      </p>
      {entry?.error && <p className={entry.status === "error" ? "wrong" : "none"}>{entry.error.message}</p>}
      {entry && entry.status !== "skipped" && !entry.reused && <Value title="Input" value={entry.inputData} />}
      {hasOutput && <Value title={entry.given ? "Output, given" : "Output"} value={entry.outputData} isOpen />}
      {held !== undefined && !entry?.given && <Value title="Output that is held for tests" value={held} isOpen />}
      {execution && !entry && <p className="none">The call that is shown did not come here.</p>}
    </section>
  );
}

function Value({ title, value, isOpen = false }: { title: string; value: Json; isOpen?: boolean }) {
  return (
    <details open={isOpen}>
      <summary>{title}</summary>
      <pre tabIndex={0}>{textOf(value)}</pre>
    </details>
  );
}
