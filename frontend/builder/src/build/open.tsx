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
  const asked = new URLSearchParams(location.search);
  const [tried, node] = [asked.get("execution"), asked.get("node")];
  if (tried) void trying.begin(tried);
  if (node && desk.store.get().data.nodes.some(({ id }) => id === node)) desk.open(node);

  const { saving } = desk;
  const element = place.parentElement!;
  const measure = () => element.style.setProperty("--editor-top", `${element.getBoundingClientRect().top + scrollY}px`);
  const watcher = new ResizeObserver(measure); // what stands above it wraps at some widths
  for (const above of document.querySelectorAll("#header, .head")) watcher.observe(above);
  let isLeaving = false;
  const ask = (event: BeforeUnloadEvent) => !isLeaving && (!saving.isSaved || desk.ui.get().unread) && event.preventDefault();
  const leave = () => saving.leave();
  const hide = () => void (document.visibilityState === "hidden" ? saving.now() : desk.hear());
  const focus = () => void desk.hear();
  const submit = (event: SubmitEvent) => (isLeaving = (event.target as HTMLFormElement).method === "post");
  /** What is published is what is stored: so it is stored before the dialog asks for it. */
  const publish = (event: Event) => {
    const { elt, triggeringEvent, issueRequest } = (event as CustomEvent<{ elt: Element; triggeringEvent?: Event; issueRequest(): void }>).detail;
    if (triggeringEvent?.type !== "click" || !elt.closest("#publish-link") || saving.isSaved) return;
    event.preventDefault();
    void saving.now().then((isStored) => isStored && issueRequest());
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
  let savedAt: Date | undefined;
  const unlisten = saving.state.listen(() => {
    const { saving: now } = saving.state.get();
    if (now.is !== "saved" || now.at === savedAt) return;
    savedAt = now.at;
    document.body.dispatchEvent(new Event("draft-saved")); // the page counts what is not published yet
    if (!now.isTheirs) desk.presence.tell();
  });
  addEventListener("focus", focus);
  addEventListener("beforeunload", ask);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", show);
  addEventListener("submit", submit);
  addEventListener("htmx:confirm", publish);
  addEventListener("click", follow);
  document.addEventListener("visibilitychange", hide);

  return () => {
    void saving.now();
    trying.hide();
    watcher.disconnect();
    unlisten();
    desk.presence.end();
    removeEventListener("focus", focus);
    removeEventListener("beforeunload", ask);
    removeEventListener("pagehide", leave);
    removeEventListener("pageshow", show);
    removeEventListener("submit", submit);
    removeEventListener("htmx:confirm", publish);
    removeEventListener("click", follow);
    document.removeEventListener("visibilitychange", hide);
    root.unmount();
  };
}
