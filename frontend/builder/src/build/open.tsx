import { ReactFlowProvider } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { createRoot } from "react-dom/client";
import { createPortal } from "react-dom";
import "../canvas.css";
import { EditorContext, type EditorData } from "../draft/editor";
import { StoreContext } from "../store";
import "./build.css";
import "../trying/trying.css";
import { Trying, TryingContext } from "../trying/trying";
import { Desk, DeskContext } from "./desk";
import { Head } from "./head";
import { Work } from "./work";

/** Opens a draft to be built, in an empty element; `end` takes it away. */
export function open(place: HTMLElement, data: EditorData, icons: string) {
  const desk = new Desk(data, icons);
  const trying = new Trying(desk);
  const root = createRoot(place);
  const head = document.querySelector("[data-editor-head]");
  const form = document.querySelector<HTMLFormElement>("form#draft");
  root.render(
    <DeskContext value={desk}>
      <EditorContext value={desk.editor}>
        <StoreContext value={desk.store}>
          <TryingContext value={trying}>
            <ReactFlowProvider>
              <Work />
            </ReactFlowProvider>
            {head && createPortal(<Head />, head)}
          </TryingContext>
        </StoreContext>
      </EditorContext>
    </DeskContext>,
  );
  const tried = new URLSearchParams(location.search).get("execution");
  if (tried) void trying.begin(tried);

  const { saving, editor } = desk;
  const element = place.parentElement!;
  const measure = () => element.style.setProperty("--editor-top", `${element.getBoundingClientRect().top + scrollY}px`);
  const watcher = new ResizeObserver(measure); // what stands above it wraps at some widths
  for (const above of document.querySelectorAll("#header, .head")) watcher.observe(above);
  let isLeaving = false;
  const ask = (event: BeforeUnloadEvent) => !isLeaving && !saving.isSaved && event.preventDefault();
  const leave = () => saving.leave();
  const hide = () => document.visibilityState === "hidden" && void saving.now();
  /** What is published is what is stored: so it is stored first. */
  const submit = (event: SubmitEvent) => {
    const sent = event.target as HTMLFormElement;
    if (sent !== form || saving.isSaved) {
      isLeaving = sent.method === "post";
      return;
    }
    event.preventDefault();
    void saving.now().then((isStored) => isStored && form.requestSubmit(event.submitter));
  };
  /** A link that leads away waits for the draft to be stored, so that nobody is asked about the last second's change. */
  const follow = (event: MouseEvent) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[href]");
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (!link || !isPlain || link.target || link.hasAttribute("download") || link.origin !== location.origin || link.hash || saving.isSaved) return;
    event.preventDefault();
    void saving.now().then(() => location.assign(link.href));
  };
  const show = () => (isLeaving = false); // back again by the browser's button
  /** The form of the page names the revision that it is about. */
  const unlisten = editor.listen(() => {
    const field = form?.querySelector<HTMLInputElement>("[name=revision]");
    const revision = String(editor.get().revision);
    if (!field || field.value === revision) return;
    field.value = revision;
    for (const button of document.querySelectorAll<HTMLButtonElement>("button[form=draft][disabled]")) {
      button.disabled = false; // there was nothing to publish, now there is
      button.title = "";
    }
  });
  addEventListener("beforeunload", ask);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", show);
  addEventListener("submit", submit);
  addEventListener("click", follow);
  document.addEventListener("visibilitychange", hide);

  return () => {
    void saving.now();
    trying.hide();
    watcher.disconnect();
    unlisten();
    removeEventListener("beforeunload", ask);
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", show);
    removeEventListener("submit", submit);
    removeEventListener("click", follow);
    document.removeEventListener("visibilitychange", hide);
    root.unmount();
  };
}
