// Ids, names and slugs that nobody has to think of.
import type { Definition } from "./draft";

/** How a slug is written, and what no slug may be because expressions mean something else by it; see flows/engine. */
export const SLUG = /^[a-z][a-z0-9_]{0,63}$/;
const RESERVED = ["execution", "flowhub", "secrets", "caller", "now"];
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** An id that nothing else of any flow has. */
export function newId(): string {
  const random = crypto.getRandomValues(new Uint8Array(12)); // randomUUID is there on secure pages alone
  return [...random].map((byte) => LETTERS[byte % LETTERS.length]).join("");
}

/** `HTTP request` becomes `http_request`. */
export function slugOf(title: string): string {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/ß/g, "ss");
  const slug = plain.replace(/[^a-z0-9]+/g, "_").replace(/^[_0-9]+|_+$/g, "").slice(0, 56).replace(/_+$/, "");
  return slug || "node";
}

/** The text itself, or with the first number behind it that makes it one that nobody has. */
function free(text: string, taken: ReadonlySet<string>, joint: string): string {
  const [, stem, number] = new RegExp(`^(.*?)(?:${joint}(\\d+))?$`, "s").exec(text)!;
  let found = text;
  for (let next = Number(number ?? 1) + 1; taken.has(found); next += 1) found = `${stem}${joint}${next}`;
  return found;
}

export const freeSlug = (wanted: string, { nodes }: Definition) => free(wanted, new Set([...RESERVED, ...nodes.map(({ slug }) => slug)]), "_");
export const freeName = (wanted: string, { nodes }: Definition) => free(wanted, new Set(nodes.map(({ name }) => name)), " ");

/** Why a slug cannot be that of a node, as a sentence; undefined when it can. */
export function slugFault(slug: string, id: string, { nodes }: Definition): string | undefined {
  if (!SLUG.test(slug)) return "A slug is small letters, digits and underscores, and begins with a letter.";
  if (RESERVED.includes(slug)) return `“${slug}” is reserved for expressions; choose another slug.`;
  const other = nodes.find((node) => node.slug === slug && node.id !== id);
  return other && `The slug “${slug}” is taken by ${other.name}.`;
}
