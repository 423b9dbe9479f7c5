import type { paths } from "../api";

type Answer<P extends keyof paths> = paths[P] extends { get: { responses: { 200: { content: { "application/json": infer A } } } } } ? A : never;

/** What the REST API answers at an address of that pattern; rejects for everything but success. */
export async function ask<P extends keyof paths>(_pattern: P, address: string): Promise<Answer<P>> {
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return (await response.json()) as Answer<P>;
}
