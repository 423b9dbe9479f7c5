import { useEffect, useRef, type KeyboardEvent } from "react";
import { MAIN } from "../draft/connecting";
import { wayOf, type DraftNode } from "../draft/draft";
import { remove, STEP_X, writeNote } from "../draft/edits";
import { useEdited, useEditor } from "../draft/editor";
import { useDesk } from "../build/desk";
import { Views } from "../build/views";
import { NOTE } from "../model";
import { NodeFace } from "../node";
import { usePart } from "../store";
import { outlineOf, type Item } from "./order";
import "./outline.css";

/** The draft as a nested list, in the place of the canvas: the same nodes, menus and forms, one below the other. */
export function Outline() {
  const desk = useDesk();
  const list = useRef<HTMLDivElement>(null);
  const draft = useEdited((state) => state.draft);
  // Ways out that the server had to be asked for come with a new picture.
  usePart(({ data }) => data);
  const { items, loose } = outlineOf(draft, (node) => desk.waysOf(node.id));

  // Commands are given here as they are on the canvas.
  useEffect(() => {
    const boxes = () => [...list.current!.querySelectorAll<HTMLElement>("[data-node]")];
    const boxOf = (id: string) => boxes().find((box) => box.dataset.node === id);
    const surface = {
      select() {},
      selected: () => [],
      focused: () => boxes().find((box) => box === document.activeElement)?.dataset.node,
      show(id: string) {
        // A node that was just added is drawn first.
        requestAnimationFrame(() => boxOf(id)?.focus());
      },
      middle() {
        const { nodes } = desk.store.get().data;
        const last = nodes.reduce((right, { x }) => Math.max(right, x), 0);
        return { x: last + STEP_X, y: nodes[0]?.y ?? 0 };
      },
      cornerOf(id: string) {
        const { right, top } = boxOf(id)!.getBoundingClientRect();
        return { x: right, y: top };
      },
    };
    desk.surface = surface;
    return () => void (desk.surface === surface && (desk.surface = undefined));
  }, [desk]);

  /** Up and down the list; what else there is of keys is the canvas's. */
  function press(event: KeyboardEvent) {
    const boxes = [...list.current!.querySelectorAll<HTMLElement>("[data-node]")];
    const at = boxes.findIndex((box) => box === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey || event.shiftKey || event.ctrlKey || event.metaKey) return;
    const next = boxes[Math.min(Math.max(to, 0), boxes.length - 1)]!;
    desk.store.set({ current: next.dataset.node });
    next.focus();
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div ref={list} className="outline" onKeyDown={press}>
      <header>
        <h2>Outline</h2>
        <Views className="button" />
      </header>
      {items.length > 0 ? <Items items={items} /> : <p className="none">Nothing takes a call in yet: add a trigger.</p>}
      {loose.length > 0 && (
        <section aria-labelledby="outline-loose">
          <h3 id="outline-loose">Nothing leads here</h3>
          <Items items={loose} />
        </section>
      )}
      <Notes />
    </div>
  );
}

function Items({ items }: { items: Item[] }) {
  return (
    <ol>
      {items.map((item) => (
        <li key={item.node.id}>
          <Row node={item.node} ways={item.branches.length ? [] : [MAIN]} />
          {item.branches.length > 0 && (
            <ul className="branches">
              {item.branches.map(({ way, items: below, goesOnAt }) => (
                <li key={way}>
                  <p className="branch">
                    <span className="way">{way}</span>
                    <Plus node={item.node} way={way} isNamed />
                  </p>
                  {below.length > 0 && <Items items={below} />}
                  <GoesOn at={goesOnAt} />
                </li>
              ))}
            </ul>
          )}
          <GoesOn at={item.goesOnAt} />
        </li>
      ))}
    </ol>
  );
}

function Row({ node, ways }: { node: DraftNode; ways: string[] }) {
  const desk = useDesk();
  const drawn = usePart(({ data }) => data.nodes.find(({ id }) => id === node.id));
  const isCurrent = usePart(({ current }) => current === node.id);
  const own = desk.waysOf(node.id);
  if (!drawn) return null;
  return (
    <div className="row">
      <NodeFace node={drawn} />
      {ways.length > 0 && own.length > 0 && <Plus node={node} way={own[0]!} />}
      <button type="button" tabIndex={isCurrent ? 0 : -1} className="more" data-menu={node.id} aria-label={`What to do with ${node.name}`} title="More">
        ⋯
      </button>
    </div>
  );
}

/** Adds a node after another: between it and what follows, where that is one node. */
function Plus({ node, way, isNamed = false }: { node: DraftNode; way: string; isNamed?: boolean }) {
  const isCurrent = usePart(({ current }) => current === node.id);
  const connections = useEdited(({ draft }) => draft.definition.connections);
  const lines = connections.filter((line) => line.sourceNodeId === node.id && wayOf(line) === way);
  return (
    <button
      type="button"
      tabIndex={isCurrent ? 0 : -1}
      className="plus"
      data-plus={node.id}
      data-way={way}
      data-line={lines.length === 1 ? lines[0]!.id : undefined}
      aria-label={`Add after ${node.name}${isNamed ? `, at ${way}` : ""}`}
      title="Add a node here"
    >
      +
    </button>
  );
}

function GoesOn({ at }: { at: DraftNode[] }) {
  const desk = useDesk();
  const go = (id: string) => {
    desk.store.set({ current: id });
    desk.surface?.show(id);
  };
  if (!at.length) return null;
  return (
    <p className="goes-on">
      Goes on at{" "}
      {at.map(({ id, name }, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <button type="button" className="link" onClick={() => go(id)}>
            {name}
          </button>
        </span>
      ))}
    </p>
  );
}

function Notes() {
  const editor = useEditor();
  const notes = useEdited(({ draft }) => draft.definition.notes);
  if (!notes?.length) return null;
  return (
    <section aria-labelledby="outline-notes">
      <h3 id="outline-notes">Notes</h3>
      {notes.map(({ id, text }, index) => (
        <div key={id} className="row" data-kind={NOTE}>
          <textarea
            className="paper"
            aria-label={`Note ${index + 1}`}
            rows={2}
            value={text}
            onChange={({ target }) => editor.change((draft) => writeNote(draft, id, target.value), `note ${id}`)}
          />
          <button type="button" className="more" aria-label={`Delete note ${index + 1}`} title="Delete" onClick={() => editor.change((draft) => remove(draft, [id]))}>
            ×
          </button>
        </div>
      ))}
    </section>
  );
}
