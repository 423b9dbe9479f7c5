import { useEffect, useState } from "react";
import { useEditor } from "../draft/editor";
import { ask } from "../inspector/server";

interface Secrets {
  names: Set<string>;
  page: string;
}

/** The secrets of a flow's server, asked for once; a page opens in another tab to add one, and then they are asked for again. */
const asked = new Map<number, Promise<Secrets>>();
addEventListener("focus", () => asked.clear());

async function secretsOf(flowId: number): Promise<Secrets> {
  const flow = await ask("/api/flows/{flowId}/", `/api/flows/${flowId}/`);
  const servers = await ask("/api/servers/", "/api/servers/?limit=100");
  const server = servers.items.find(({ slug }) => slug === flow.server)!;
  const secrets = await ask("/api/servers/{serverId}/secrets/", `/api/servers/${server.id}/secrets/?limit=100`);
  return { names: new Set(secrets.items.map(({ name }) => name)), page: `/servers/${server.id}/secrets/` };
}

/** Those of the names that the server has no secret of; none while that is not known. */
export function useMissingSecrets(names: string[]): { missing: string[]; page: string } {
  const { flowId } = useEditor();
  const [secrets, setSecrets] = useState<Secrets>();
  const isAsked = names.length > 0;
  useEffect(() => {
    if (!isAsked) return;
    let isCurrent = true;
    const look = () => {
      if (!asked.has(flowId)) asked.set(flowId, secretsOf(flowId));
      asked.get(flowId)!.then((found) => isCurrent && setSecrets(found), () => asked.delete(flowId));
    };
    look();
    addEventListener("focus", look);
    return () => {
      isCurrent = false;
      removeEventListener("focus", look);
    };
  }, [flowId, isAsked]);
  return { missing: secrets ? names.filter((name) => !secrets.names.has(name)) : [], page: secrets?.page ?? "" };
}
