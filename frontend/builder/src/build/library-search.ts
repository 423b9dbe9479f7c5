import type { NodeType } from "../draft/draft";

/** The node types that say each of the words, those first whose title begins with them, or holds them, or whose one sentence does. */
export function found(types: readonly NodeType[], words: string): NodeType[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return [...types];
  const says = ({ type, title, description, group, help }: NodeType) => [type, title, description, group, help].join("\n").toLowerCase();
  const rank = ({ title, description }: NodeType) => {
    const [name, sentence] = [title.toLowerCase(), description.toLowerCase()];
    return [name.startsWith(wanted[0]!), wanted.some((word) => name.includes(word)), wanted.every((word) => sentence.includes(word)), true].indexOf(true);
  };
  const hits = types.filter((type) => wanted.every((word) => says(type).includes(word)));
  return hits.sort((one, other) => rank(one) - rank(other));
}
