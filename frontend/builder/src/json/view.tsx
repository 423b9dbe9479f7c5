import { lazy, Suspense } from "react";
import { textOf } from "./places";
import { useDesk, useUi } from "../build/desk";
import { Views } from "../build/views";
import "./json.css";

/** Its library is large, and fetched when it is first shown. */
const TextEditor = lazy(() => import("./text-editor"));

/** The draft's definition as JSON text, in the place of the canvas. */
export function JsonView() {
  const desk = useDesk();
  const unread = useUi((state) => state.unread);
  return (
    <div className="json-view">
      <header>
        <h2>JSON</h2>
        <Views className="button" />
      </header>
      <Suspense fallback={<textarea className="code" aria-label="Definition" value={textOf(desk.draft.definition)} readOnly />}>
        <TextEditor />
      </Suspense>
      {unread && (
        <p className="unread">
          Line {unread.line}: {unread.message} Until it can be read, the flow stays as it was{unread.isOld && ", and it was changed meanwhile"}.{" "}
          <button type="button" className="link" onClick={() => desk.ui.set({ unread: undefined })}>
            Show the flow as it is
          </button>
        </p>
      )}
    </div>
  );
}
