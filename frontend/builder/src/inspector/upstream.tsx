import { useState } from "react";
import { headers, sentenceIn } from "../build/server";
import type { JsonObject } from "../draft/draft";
import { useEditor } from "../draft/editor";
import { changedSince } from "./pinned";
import { ask } from "./server";

interface Offer {
  tools: { name: string; description?: string }[];
  pins: Record<string, Record<string, string>>;
}

async function offerOf(flowId: number, { url, auth }: JsonObject): Promise<Offer> {
  const { server } = await ask("/api/flows/{flowId}/", `/api/flows/${flowId}/`);
  const body = JSON.stringify({ server, url, ...(auth ? { auth } : {}) });
  const response = await fetch("/api/upstream-tools/", { method: "POST", headers: headers(), body });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw new Error(sentenceIn(answer) ?? `FlowHub answers with ${response.status}.`);
  return answer as Offer;
}

/** Chooses one of the tools that another server has, and pins it: with what it says of itself now. */
export function UpstreamTools({ parameters, onTake }: { parameters: JsonObject; onTake: (parameters: JsonObject) => void }) {
  const { flowId } = useEditor();
  const [offer, setOffer] = useState<Offer>();
  const [isAsking, setIsAsking] = useState(false);
  const [failure, setFailure] = useState("");
  const pinned = parameters.pinned as Record<string, string> | undefined;
  const tool = (parameters.tool as string | undefined) ?? "";
  const now = offer?.pins[tool];
  const changed = pinned && now ? changedSince(pinned, now) : [];

  async function look() {
    setIsAsking(true);
    setFailure("");
    try {
      setOffer(await offerOf(flowId, parameters));
    } catch (error) {
      setOffer(undefined);
      setFailure((error as Error).message);
    }
    setIsAsking(false);
  }

  function says(): string {
    if (failure) return failure;
    if (offer && tool && !now) return `The server has no tool “${tool}”.`;
    if (changed.length) return `“${tool}” is not the one that was chosen: its ${changed.join(" and its ")} changed. Calls fail until you choose it again.`;
    if (!pinned) return "Not pinned: nobody is told when the tool changes.";
    return now ? `Pinned: “${tool}” is as it was when it was chosen.` : `Pinned: calls fail once “${tool}” says something else of itself.`;
  }

  return (
    <div className="f" role="group" aria-label="Tools of the server">
      <p className={changed.length ? "wrong-here" : "note-small"} role="status">
        {says()}
      </p>
      <button type="button" className="add-row" aria-disabled={isAsking || !parameters.url} onClick={() => parameters.url && !isAsking && void look()}>
        {isAsking ? "Asking…" : offer ? "Ask again" : "Choose from the server's tools"}
      </button>
      {offer && !offer.tools.length && <p className="note-small">It has no tools.</p>}
      {offer && offer.tools.length > 0 && (
        <ul className="offered">
          {offer.tools.map(({ name, description }) => (
            <li key={name}>
              <button type="button" aria-pressed={name === tool} onClick={() => onTake({ ...parameters, tool: name, pinned: offer.pins[name]! })}>
                <code>{name}</code>
                {description && <span>{description}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
