import type { NodeProps } from "@xyflow/react";
import { memo, useEffect, useRef } from "react";
import { writeNote } from "../draft/edits";
import type { Box } from "../node";
import { usePart } from "../store";
import { useDesk } from "./desk";

/** A note: a button that shows its text, and a field for it while it is the chosen one. */
export const NoteBox = memo(function NoteBox({ data: { node } }: NodeProps<Box>) {
  const desk = useDesk();
  const isCurrent = usePart((state) => state.current === node.id);
  const isChosen = usePart((state) => state.chosen === node.id);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (isChosen) field.current?.focus({ preventScroll: true });
  }, [isChosen]);
  if (isChosen) {
    return (
      <textarea
        ref={field}
        className="paper nodrag nowheel nopan"
        aria-label="Text of the note"
        value={node.name}
        rows={Math.max(3, node.name.split("\n").length)}
        onChange={({ target }) => desk.edit((draft) => writeNote(draft, node.id, target.value), `note ${node.id}`)}
        onBlur={() => desk.store.get().chosen === node.id && desk.store.set({ chosen: undefined })}
      />
    );
  }
  return (
    <>
      <button type="button" className="paper" data-node={node.id} tabIndex={isCurrent ? 0 : -1} aria-label={`Note: ${node.name || "empty"}`} aria-expanded={false}>
        {node.name || "Empty note"}
      </button>
      <button type="button" tabIndex={-1} className="more nodrag" data-menu={node.id} aria-label="What to do with the note" title="More" children="⋯" />
    </>
  );
});
