import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useEdited } from "../draft/editor";
import { useDesk } from "../build/desk";
import { rowsOf, type Row } from "./arguments";
import { duration, entriesOf, isAsking, saidBy, type Execution } from "./outcome";
import { casesOf, executionOf, newestOf, type Case } from "./server";
import { rowOf, useTried, useTrying } from "./trying";

const clock = (at: string) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/** Opens and closes what a call is typed into. */
export function TestCall() {
  const trying = useTrying();
  const isOpen = useTried((state) => state.isOpen);
  return (
    <button type="button" className="button" aria-expanded={isOpen} onClick={() => trying.toggle()}>
      <svg viewBox="0 0 16 16" className="play" aria-hidden="true">
        <path d="M4.5 3v10l8-5z" />
      </svg>
      Test call
    </button>
  );
}

/** Over the canvas: the call that is typed, or else the one that is shown at the nodes. */
export function Trial() {
  const isOpen = useTried((state) => state.isOpen);
  const execution = useTried((state) => state.execution);
  return isOpen ? <Panel /> : execution && <Bar execution={execution} />;
}

function Bar({ execution }: { execution: Execution }) {
  const trying = useTrying();
  const earlier = useTried((state) => state.earlier);
  const isCalling = useTried((state) => state.isCalling);
  const untilNode = useTried((state) => state.untilNode);
  const asks = entriesOf(execution).some(isAsking);
  const page = `/executions/${execution.id}/`;
  const ended = execution.status === "pending" ? (asks ? "waits for an answer" : "running…") : duration(execution.duration);
  return (
    <div className={`trial-bar is-${execution.status}`} role="status">
      <i className={`dot is-${{ pending: "pending", fulfilled: "completed", error: "error" }[execution.status]}`} />
      <span className="what">
        <b>{clock(execution.startedAt)}</b> {execution.initialParamsPreview} · {ended}
        <small>{asks ? <a href={`${page}answer/`}>Answer it</a> : saidBy(execution)}</small>
      </span>
      {earlier && earlier.id !== execution.id && execution.status !== "pending" && (
        <a className="button" href={`/flows/${trying.flowId}/compare/?left=${earlier.id}&right=${execution.id}`}>
          Compare with {clock(earlier.startedAt)}
        </a>
      )}
      <button type="button" className="button" disabled={isCalling} onClick={() => void trying.call(untilNode)}>
        Again
      </button>
      <a className="button" href={page}>
        Details
      </a>
      <button type="button" className="button" onClick={() => trying.hide()}>
        Hide
      </button>
    </div>
  );
}

function Panel() {
  const trying = useTrying();
  const schema = useEdited(({ draft }) => draft.inputSchema);
  const rows = rowsOf(schema);
  const text = useTried((state) => state.text);
  const said = useTried((state) => state.said);
  const faults = useTried((state) => state.faults);
  const isCalling = useTried((state) => state.isCalling);
  const form = useRef<HTMLFormElement>(null);
  const isJson = text !== undefined || rows === undefined;
  const elsewhere = faults.filter((fault) => isJson || !rows.some(({ name }) => name === rowOf(fault)));
  useEffect(() => form.current!.querySelector<HTMLElement>("input, textarea, select, .is-main")?.focus({ preventScroll: true }), []);

  function press(event: KeyboardEvent) {
    if (event.key === "Escape") trying.toggle(false);
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void trying.call();
    else {
      event.stopPropagation(); // the canvas has keys of its own
      return;
    }
    event.stopPropagation();
    event.preventDefault();
  }

  return (
    <form
      ref={form}
      className="trial"
      aria-label="Test call"
      noValidate
      onKeyDown={press}
      onSubmit={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void trying.call();
      }}
    >
      <header>
        <h2>Test call</h2>
        <button type="button" className="close" aria-label="Close" onClick={() => trying.toggle(false)}>
          ×
        </button>
      </header>
      <div className="body">
        <Sources />
        {said && (
          <p className="wrong" role="alert">
            {said}
          </p>
        )}
        {elsewhere.map(({ path, key, message }) => (
          <p key={`${path} ${key} ${message}`} className="wrong">
            {path && <code>{path}</code>} {message}
          </p>
        ))}
        {isJson ? (
          <label>
            Arguments, as JSON
            <textarea rows={8} spellCheck={false} value={text ?? "{}"} onChange={({ target }) => trying.write(target.value)} />
          </label>
        ) : rows.length ? (
          rows.map((row) => <ArgumentRow key={row.name} row={row} said={faults.find((fault) => rowOf(fault) === row.name)?.message} />)
        ) : (
          <p className="none">It takes no parameters.</p>
        )}
      </div>
      <footer>
        {rows && (
          <button type="button" className="link" onClick={() => trying.switch()}>
            {isJson ? "In rows" : "As JSON"}
          </button>
        )}
        <button className="button is-main" disabled={isCalling} title="Ctrl Enter">
          {isCalling ? "Calling…" : "Call the draft"}
        </button>
      </footer>
    </form>
  );
}

function ArgumentRow({ row: { name, title, description, isRequired, kind, choices, placeholder }, said }: { row: Row; said: string | undefined }) {
  const trying = useTrying();
  const value = useTried((state) => state.typed[name] ?? "");
  const id = useId();
  const write = ({ target }: { target: { value: string } }) => trying.type(name, target.value);
  const about = { id, value, onChange: write, "aria-invalid": said !== undefined, "aria-describedby": `${id}-about` };
  return (
    <div className="row">
      <label htmlFor={id}>
        {title} {isRequired && <small>required</small>}
      </label>
      {kind === "json" ? (
        <textarea rows={3} spellCheck={false} placeholder={placeholder || "JSON"} {...about} />
      ) : kind === "choice" || kind === "switch" ? (
        <select {...about}>
          <option value="">{placeholder ? `left out: ${placeholder}` : "left out"}</option>
          {(kind === "switch" ? [true, false] : choices).map((choice) => (
            <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
              {typeof choice === "string" ? choice : JSON.stringify(choice)}
            </option>
          ))}
        </select>
      ) : (
        <input inputMode={kind === "number" ? "decimal" : undefined} placeholder={placeholder} {...about} />
      )}
      <div id={`${id}-about`}>
        {said && <p className="wrong">{said}</p>}
        {description && <p className="about">{description}</p>}
      </div>
    </div>
  );
}

/** Arguments that are there already: of saved cases, and of the newest executions. */
function Sources() {
  const trying = useTrying();
  const desk = useDesk();
  const earlier = useTried((state) => state.earlier);
  const [cases, setCases] = useState<Case[]>([]);
  const [executions, setExecutions] = useState<Execution[]>([]);
  const [chosen, setChosen] = useState("");
  useEffect(() => {
    let isThere = true;
    casesOf(trying.flowId).then((found) => isThere && setCases(found), () => undefined);
    newestOf(trying.flowId).then((found) => isThere && setExecutions(found), () => undefined);
    return () => void (isThere = false);
  }, [trying]);

  function choose(value: string) {
    setChosen(value);
    const one = cases.find(({ id }) => value === `case ${id}`);
    if (one) trying.fill(one.arguments, one.omitted);
    else if (value) executionOf(value).then((execution) => trying.fillFrom(execution), () => desk.say("That execution is not there any more."));
  }

  const listed = earlier && !executions.some(({ id }) => id === earlier.id) ? [earlier, ...executions] : executions;
  if (!cases.length && !listed.length) return null;
  return (
    <label>
      Take arguments from
      <select value={chosen} onChange={({ target }) => choose(target.value)}>
        <option value="">what is typed here</option>
        {cases.length > 0 && (
          <optgroup label="Saved cases">
            {cases.map(({ id, name }) => (
              <option key={id} value={`case ${id}`}>
                {name}
              </option>
            ))}
          </optgroup>
        )}
        {listed.length > 0 && (
          <optgroup label="Executions">
            {listed.map(({ id, startedAt, status, initialParamsPreview }) => (
              <option key={id} value={id}>
                {clock(startedAt)} · {status} · {initialParamsPreview || "no parameters"}
              </option>
            ))}
          </optgroup>
        )}
      </select>
    </label>
  );
}
