import { useEffect, useId, useState } from "react";
import { useEditor } from "../draft/editor";
import type { ValueProps } from "./field";
import { ask } from "./server";

/** The tool name of a flow, with those of the flows that there are to choose from. */
export function FlowName({ field, value, onChange, id, label, describedBy, isInvalid }: ValueProps) {
  const { flowId } = useEditor();
  const [flows, setFlows] = useState<{ toolName: string; name: string }[]>([]);
  const list = useId();
  useEffect(() => {
    let isCurrent = true;
    ask("/api/flows/", "/api/flows/?limit=100").then(
      ({ items }) => {
        const server = items.find((each) => each.id === flowId)?.server;
        if (isCurrent) setFlows(items.filter((each) => each.server === server && each.id !== flowId && each.isActive));
      },
      () => {}, // it can be typed
    );
    return () => void (isCurrent = false);
  }, [flowId]);
  return (
    <>
      <input
        type="text"
        id={id}
        list={list}
        value={(value as string | undefined) ?? ""}
        autoComplete="off"
        spellCheck={false}
        aria-label={label}
        aria-describedby={describedBy}
        aria-invalid={isInvalid || undefined}
        aria-required={field.isRequired || undefined}
        onChange={(event) => onChange(event.target.value || undefined)}
      />
      <datalist id={list}>
        {flows.map(({ toolName, name }) => (
          <option key={toolName} value={toolName}>
            {name}
          </option>
        ))}
      </datalist>
    </>
  );
}
