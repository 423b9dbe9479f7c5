import { useMemo, useRef, useState, type KeyboardEvent } from "react";
import { nodeOf, withNode, type DraftNode, type JsonObject, type NodeType } from "../draft/draft";
import { rename, renameSlug, toggle } from "../draft/edits";
import { useEdited, useEditor, type Editor } from "../draft/editor";
import { slugFault } from "../draft/names";
import { Mark } from "../mark";
import { FormContext, useInputs } from "./context";
import { leftAt, faultsOfNode, faultsOfTool, under } from "./faults";
import { Faults } from "./field";
import { fieldsOf, placeOf, strangeKeys } from "./fields";
import { Fields } from "./group";
import { Help } from "./help";
import "./inspector.css";
import { KnownList } from "./known-list";
import { Settings } from "./settings";
import { Tool } from "./tool";
import { ToolView, useReading } from "./tool-view";
import { UpstreamTools } from "./upstream";

/** The form of one node. */
export function Inspector({ nodeId, close }: { nodeId: string; close: () => void }) {
  const node = useEdited(({ draft }) => nodeOf(draft, nodeId));
  // Another node, other fields: nothing half typed is taken along.
  return node ? <Panel key={nodeId} node={node} close={close} /> : null;
}

type Tab = "parameters" | "model" | "settings" | "help";

function Panel({ node, close }: { node: DraftNode; close: () => void }) {
  const editor = useEditor();
  const faults = useEdited((state) => state.faults);
  const judged = useEdited((state) => state.judged);
  const isTrigger = node.type === "trigger";
  const type = editor.nodeTypes.get(node.type);
  const { known, from } = useInputs(node.id);
  const reading = useReading(isTrigger);
  const [tab, setTab] = useState<Tab>("parameters");
  const form = useMemo(() => {
    const own = faultsOfNode({ faults, judged }, node.id);
    return { known, faults: isTrigger ? [...own, ...faultsOfTool({ faults })] : own, example: type?.example as JsonObject | undefined };
  }, [known, faults, judged, node.id, isTrigger, type]);

  const change = (changed: Partial<DraftNode>, key: string) =>
    editor.change((draft) => withNode(draft, { ...nodeOf(draft, node.id)!, ...changed }), `${node.id}.${key}`);

  const schema = (type?.parametersSchema ?? {}) as JsonObject;
  const parameters = node.parameters ?? {};
  const settings = node.settings ?? {};
  const fields = fieldsOf(schema, parameters);
  const places = [...fields.map(({ name }) => name), ...strangeKeys(schema, parameters)].map((name) => placeOf("parameters", name));
  const inSettings = under(form.faults, "settings");
  const inParameters = form.faults.filter((fault) => !inSettings.includes(fault));
  const homeless = leftAt(inParameters, "parameters", places);
  const outside = isTrigger ? [] : inParameters.filter(({ place }) => !under([{ place, message: "" }], "parameters").length);
  const tabs: [Tab, string, number][] = [
    ["parameters", isTrigger ? "Tool" : "Parameters", inParameters.length],
    isTrigger ? ["model", "What a model reads", 0] : ["settings", "Settings", inSettings.length],
    ["help", "Help", 0],
  ];
  return (
    <FormContext value={form}>
      <aside className="details inspector" aria-label={node.name} tabIndex={-1} onKeyDown={(event) => stepBack(event, editor)}>
        <Head node={node} type={type} close={close} />
        <Tabs tabs={tabs} tab={tab} choose={setTab} />
        <div key={tab} className="inspector-body" role="tabpanel" id="inspector-panel" aria-labelledby={`inspector-tab-${tab}`} tabIndex={-1}>
          {tab === "parameters" && <Faults faults={isTrigger ? under(form.faults, "parameters") : [...outside, ...homeless]} />}
          {tab === "parameters" && isTrigger && <Tool reading={reading} look={() => setTab("model")} />}
          {tab === "parameters" && !isTrigger && (
            <>
              {!type && <p className="note-small">There is no node type {node.type} here. Its parameters can be read, and taken away.</p>}
              {node.type === "mcp_tool" && <UpstreamTools parameters={parameters as JsonObject} onTake={(next) => change({ parameters: next }, "parameters.pinned")} />}
              {type && fields.length === 0 && <p className="note-small">It has no parameters.</p>}
              <Fields
                fields={fields}
                schema={type ? schema : { additionalProperties: false }}
                place="parameters"
                value={parameters}
                onChange={(next, name) => change({ parameters: next }, `parameters.${name}`)}
              />
            </>
          )}
          {tab === "model" && <ToolView reading={reading} />}
          {tab === "settings" && <Settings value={settings} onChange={(next, name) => change({ settings: next }, `settings.${name}`)} />}
          {tab === "help" && type && (
            <Help
              type={type}
              onTake={
                isTrigger || Object.keys(parameters).length
                  ? undefined
                  : () => {
                      change({ parameters: type.example as JsonObject }, "example");
                      setTab("parameters");
                    }
              }
            />
          )}
        </div>
        {tab === "parameters" && !isTrigger && known.length > 0 && <KnownList known={known} from={from} />}
      </aside>
    </FormContext>
  );
}

/** Steps of a form are steps of the draft; an editor of code has its own, and so has what is not taken over yet. */
function stepBack(event: KeyboardEvent, editor: Editor) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return;
  if (!(event.target as Element).matches("input, textarea, select") || (event.target as HTMLElement).dataset.isPending) return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) editor.redo();
  else editor.undo();
}

function Tabs({ tabs, tab, choose }: { tabs: [Tab, string, number][]; tab: Tab; choose: (tab: Tab) => void }) {
  const list = useRef<HTMLDivElement>(null);
  function press(event: KeyboardEvent) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = (tabs.findIndex(([name]) => name === tab) + step + tabs.length) % tabs.length;
    choose(tabs[next]![0]);
    list.current!.querySelectorAll<HTMLElement>("[role=tab]")[next]!.focus();
    event.preventDefault();
    event.stopPropagation();
  }
  return (
    <div className="inspector-tabs" role="tablist" aria-label="Parts of the node" ref={list} onKeyDown={press}>
      {tabs.map(([name, word, count]) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`inspector-tab-${name}`}
          aria-selected={name === tab}
          aria-controls="inspector-panel"
          tabIndex={name === tab ? 0 : -1}
          onClick={() => choose(name)}
        >
          {word}
          {count > 0 && (
            <span className="count">
              {count}
              <span className="visually-hidden"> fault{count === 1 ? "" : "s"}</span>
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

function Head({ node, type, close }: { node: DraftNode; type: NodeType | undefined; close: () => void }) {
  const editor = useEditor();
  // While it is written, it may be empty.
  const [name, setName] = useState<string>();
  // A slug is taken over when it is left: each letter of it would rename all expressions.
  const [slug, setSlug] = useState<string>();
  const definition = useEdited(({ draft }) => draft.definition);
  const fault = slug === undefined ? undefined : slugFault(slug, node.id, definition);
  const leave = () => {
    if (slug === undefined || fault) return;
    editor.change((now) => renameSlug(now, node.id, slug, editor.nodeTypes));
    setSlug(undefined);
  };
  return (
    <header data-group={type?.group ?? ""}>
      <Mark icon={type?.icon ?? ""} />
      <h2 className="visually-hidden">{node.name}</h2>
      <input
        className="inspector-name"
        type="text"
        aria-label="Name"
        value={name ?? node.name}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setName(event.target.value);
          editor.change((draft) => rename(draft, node.id, event.target.value), `${node.id}.name`);
        }}
        onBlur={() => setName(undefined)}
      />
      <button type="button" className="close" aria-label="Close" onClick={close}>
        ×
      </button>
      <p className="inspector-what">
        <span>{type?.title ?? node.type}</span> ·{" "}
        <label className="inspector-slug" title="How expressions name it; renaming it renames it in all of them">
          <span className="visually-hidden">Slug</span>
          {"{{\u00a0"}
          <input
            type="text"
            value={slug ?? node.slug}
            data-is-pending={slug}
            aria-invalid={fault !== undefined || undefined}
            aria-describedby={fault ? "inspector-slug-fault" : undefined}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setSlug(event.target.value)}
            onBlur={leave}
            onKeyDown={(event) => {
              if (event.key === "Enter") leave();
              if (event.key !== "Escape" || slug === undefined) return;
              setSlug(undefined);
              event.stopPropagation();
            }}
          />
          {"\u00a0}}"}
        </label>
        {node.type !== "trigger" && (
          <span className="inspector-disabled">
            <button
              type="button"
              className="switch"
              role="switch"
              aria-checked={node.disabled !== true}
              aria-label="Enabled"
              title={node.disabled ? "Passed over: what arrives goes on at main" : "Turn off, and the flow passes it over"}
              onClick={() => editor.change((draft) => toggle(draft, [node.id]))}
            />
            {node.disabled ? "Passed over" : "On"}
          </span>
        )}
      </p>
      {fault && (
        <p className="wrong-here" id="inspector-slug-fault">
          {fault}
        </p>
      )}
    </header>
  );
}
