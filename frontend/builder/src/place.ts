/** The line, from 1, at which node number `index` of a definition begins in its JSON text; undefined in broken JSON. */
export function lineOfNode(text: string, index: number): number | undefined {
  let [depth, line, number] = [0, 1, -1];
  let isNodes = false; // inside the list of nodes, which is the value of a key at depth 1
  for (const { 0: token } of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[[\]{},\n]/g)) {
    line += token.split("\n").length - 1;
    if (token === "[" || token === "{") {
      depth += 1;
      if (isNodes && depth === 3 && token === "{") number += 1;
      if (number === index) return line;
    } else if (token === "]" || token === "}") depth -= 1;
    else if (token.endsWith(":") && depth === 1) isNodes = JSON.parse(token.slice(0, -1)) === "nodes";
  }
  return undefined;
}
