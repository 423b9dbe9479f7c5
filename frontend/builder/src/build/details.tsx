import { useState, type Ref } from "react";
import { nodeOf } from "../draft/draft";
import { rename, renameSlug } from "../draft/edits";
import { useEdited, useEditor } from "../draft/editor";
import { slugFault } from "../draft/names";
import { Mark } from "../mark";

/** What a node is made of: its name and slug to edit, the rest to read. */
export function Details({ ref, nodeId, close }: { ref: Ref<HTMLElement>; nodeId: string; close: () => void }) {
  const editor = useEditor();
  const node = useEdited(({ draft }) => nodeOf(draft, nodeId));
  const definition = useEdited(({ draft }) => draft.definition);
  const [slug, setSlug] = useState<string>();
  if (!node) return null;
  const type = editor.nodeTypes.get(node.type);
  const fault = slug === undefined ? undefined : slugFault(slug, node.id, definition);
  return (
    <aside ref={ref} tabIndex={-1} className="details" aria-label={node.name}>
      <header data-group={type?.group}>
        <Mark icon={type?.icon ?? ""} />
        <h2>{node.name}</h2>
        <button type="button" className="close" aria-label="Close" onClick={close}>
          ×
        </button>
      </header>
      <div className="body">
        <label>
          Name
          <input value={node.name} onChange={({ target }) => editor.change((draft) => rename(draft, node.id, target.value), `name ${node.id}`)} />
        </label>
        <label>
          Slug
          <input
            value={slug ?? node.slug}
            onChange={({ target }) => setSlug(target.value)}
            onBlur={() => {
              if (slug !== undefined && !fault) editor.change((draft) => renameSlug(draft, node.id, slug, editor.nodeTypes));
              setSlug(undefined);
            }}
          />
        </label>
        {fault && <p className="wrong">{fault}</p>}
        <pre>{JSON.stringify(node.parameters ?? {}, null, 2)}</pre>
      </div>
    </aside>
  );
}
