import type { NodeType } from "../draft/draft";

export function Help({ type, onTake }: { type: NodeType; onTake?: (() => void) | undefined }) {
  return (
    <div className="about">
      <p>{type.description}</p>
      {type.help && <p>{type.help}</p>}
      <h3>Ways out</h3>
      <p>
        {type.handles.length === 0
          ? "None: the flow answers here."
          : type.handles.map((handle) => (
              <code key={handle} className="chip">
                {handle}
              </code>
            ))}
        {type.choosesHandles && " As its parameters say; these are the example's."}
      </p>
      {Object.keys(type.example ?? {}).length > 0 && (
        <>
          <h3>An example</h3>
          <pre tabIndex={0} aria-label="An example">{JSON.stringify(type.example, null, 2)}</pre>
          {onTake && (
            <button type="button" className="add-row" onClick={onTake}>
              Fill in the example
            </button>
          )}
        </>
      )}
      <p>
        <a href={`/node-types/${type.type}/`} target="_blank" rel="noopener">
          All about {type.title}
        </a>
      </p>
    </div>
  );
}
