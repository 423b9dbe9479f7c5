import { useEffect, useRef } from "react";
import { useDesk } from "../build/desk";
import { DefinitionText } from "./text";

/** Esc, then Tab leaves it by keyboard. */
export default function TextEditor() {
  const desk = useDesk();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const text = new DefinitionText(place.current!, desk);
    return () => text.end();
  }, [desk]);
  // The keys of the page are letters in here.
  return <div ref={place} className="definition-text" onKeyDown={(event) => event.stopPropagation()} />;
}
