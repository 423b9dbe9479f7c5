import type { ReactNode, Ref } from "react";
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

/** What a node of a draft is made of, to read. */
export function Details({ ref, close }: { ref: Ref<HTMLElement>; close: () => void }) {
  const node = usePart(({ data, chosen }) => data.nodes.find((each) => each.id === chosen))!;
  const { index, slug, parameters, settings, faults } = node.draft!;
  const line = lineOfNode(field()?.value ?? "", index);
  return (
    <aside ref={ref} tabIndex={-1} className="details" aria-label={node.name}>
      <PanelHead node={node} close={close}>
        {node.title} · <code>{`{{ ${slug} }}`}</code>
      </PanelHead>
      <div className="body">
        {faults.length > 0 && (
          <ul className="wrong">
            {faults.map((fault) => (
              <li key={fault}>{fault}</li>
            ))}
          </ul>
        )}
        <Values title="Parameters" values={parameters} none="It has no parameters." />
        <Values title="Settings" values={settings} none="Tried once; when it fails, the flow ends." />
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

function Values({ title, values, none }: { title: string; values: object; none: string }): ReactNode {
  const rows = Object.entries(values ?? {});
  return (
    <section>
      <h3>{title}</h3>
      {rows.length === 0 && <p className="none">{none}</p>}
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
