const WORDS: Record<string, string> = { inputSchema: "input schema", outputSchema: "output schema", annotations: "hints" };

/** What a tool of another server says otherwise than when it was chosen, in words; both by digests of its parts. */
export const changedSince = (pinned: Record<string, string>, now: Record<string, string>): string[] =>
  Object.keys(pinned).flatMap((part) => (pinned[part] === now[part] ? [] : [WORDS[part] ?? part]));
