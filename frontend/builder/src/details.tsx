import type { ReactNode, Ref } from "react";
import { SETTINGS } from "./inspector/settings-schema";
import { lineOfNode } from "./json/places";
import { PanelHead } from "./panel-head";
import { usePart } from "./store";

/** The definition as JSON text, where the page has one. */
const field = () => document.querySelector<HTMLTextAreaElement>("textarea[name=definition]");

function showLine(line: number) {
  const area = field()!;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + lines[line - 1]!.length);
  const height = parseFloat(getComputedStyle(area).lineHeight);
  area.scrollTop = (line - 3) * height;
  scrollTo({ top: scrollY + area.getBoundingClientRect().top + (line - 1) * height - area.scrollTop - innerHeight / 3 });
}

/** What a node of a draft is made of, to read; of the one that takes the call, what the tool is. */
export function Details({ ref, close }: { ref: Ref<HTMLElement>; close: () => void }) {
  const node = usePart(({ data, chosen }) => data.nodes.find((each) => each.id === chosen))!;
  const tool = usePart(({ data }) => data.tool);
  const { index, slug, parameters, titles, settings, faults } = node.draft ?? {};
  const line = index === undefined ? undefined : lineOfNode(field()?.value ?? "", index);
  return (
    <aside ref={ref} tabIndex={-1} className="details" aria-label={node.draft ? node.name : node.title}>
      <PanelHead node={node.draft ? node : { ...node, name: node.title }} close={close}>
        {node.draft && (
          <>
            {node.title} · <code>{`{{ ${slug} }}`}</code>
          </>
        )}
      </PanelHead>
      <div className="body">
        {!node.draft && <p className="note-text">{node.name || "Empty note"}</p>}
        {faults && faults.length > 0 && (
          <ul className="wrong">
            {faults.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        )}
        {node.isStart && tool && <Values title="Tool" values={tool} none="" />}
        {parameters && !(node.isStart && tool) && <Values title="Parameters" values={parameters} titles={titles} none="It has no parameters." />}
        {settings && !node.isStart && <Values title="Settings" values={settings} titles={SETTING_TITLES} none="Tried once; when it fails, the flow ends." />}
        <p className="ways-on">
          {node.help && <a href={node.help}>What {node.title} does</a>}
          {line !== undefined && (
            <button type="button" className="link" onClick={() => showLine(line)}>
              Line {line} of the definition
            </button>
          )}
        </p>
      </div>
    </aside>
  );
}

const SETTING_TITLES = Object.fromEntries(Object.entries(SETTINGS.properties as Record<string, { title: string }>).map(([name, { title }]) => [name, title]));

function Values({ title, values, titles, none }: { title: string; values: object; titles?: Record<string, string> | undefined; none: string }): ReactNode {
  const rows = Object.entries(values ?? {});
  return (
    <section>
      <h3>{title}</h3>
      {rows.length === 0 && <p className="none">{none}</p>}
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{titles?.[name] ?? name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
