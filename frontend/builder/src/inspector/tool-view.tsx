import { useEffect, useState } from "react";
import { useEdited, useEditor } from "../draft/editor";
import { ask } from "./server";

export type Reading = Awaited<ReturnType<typeof readTool>>["draft"];

const readTool = (flowId: number) => ask("/api/flows/{flowId}/tool/", `/api/flows/${flowId}/tool/`);

/** What a model reads of the stored draft, asked for after each time it is stored, where it is wanted. */
export function useReading(isWanted: boolean): Reading | undefined {
  const { flowId } = useEditor();
  const revision = useEdited((state) => state.revision);
  const [reading, setReading] = useState<Reading>();
  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    readTool(flowId).then(
      ({ draft }) => isCurrent && setReading(draft),
      () => {}, // what was there stays
    );
    return () => void (isCurrent = false);
  }, [flowId, revision, isWanted]);
  return reading;
}

/** The definition that a model gets, what lint says of it, and what it costs. */
export function ToolView({ reading }: { reading: Reading | undefined }) {
  if (!reading) return <p className="note-small">It is being read.</p>;
  const { modern, unservable, findings, tokens } = reading;
  return (
    <div className="tool-view">
      <p>
        <b>{tokens.total} tokens</b> of a model's context, give or take {tokens.marginPercent}%.
      </p>
      <ul className="costs">
        {tokens.parts.slice(0, 6).map(({ path, tokens: cost }) => (
          <li key={path}>
            <code>{path}</code> <span>{cost}</span>
          </li>
        ))}
      </ul>
      <h3>Lint</h3>
      {findings.length === 0 && <p className="note-small">Nothing to say.</p>}
      <ul className="lint">
        {findings.map(({ rule, level, path, message }, number) => (
          <li key={number} className={`is-${level}`}>
            <span className="level">{level}</span> {path && <code>{path}</code>} {message} <span className="rule">{rule}</span>
          </li>
        ))}
      </ul>
      <h3>The definition, as stored</h3>
      {unservable && <p className="wrong-here">{unservable}</p>}
      {modern && (
        <pre tabIndex={0} aria-label="The definition">
          {JSON.stringify(modern, null, 2)}
        </pre>
      )}
    </div>
  );
}
