// The same as visits.py, for drivers in JavaScript: `main(async (url) => ({ tools: {name: call}, close }))`.
import { appendFileSync } from "node:fs";

const SECONDS = 60;

const said = (error) => `${error?.name ?? "Error"}: ${String(error?.message ?? error).split("\n").slice(0, 3).join(" ")}`.slice(0, 300);
const within = (promise) =>
  Promise.race([promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`no end in ${SECONDS} s`)), SECONDS * 1000))]);

export async function main(opened) {
  let text = "";
  for await (const part of process.stdin) text += part;
  for (const { url, tool, arguments: given } of JSON.parse(text)) {
    const seen = {};
    try {
      const { tools, close } = await within(opened(url));
      seen.listed = Object.keys(tools).sort();
      if (tool in tools) {
        try {
          const answer = await within(tools[tool](given));
          seen.answer = typeof answer === "string" ? answer : JSON.stringify(answer);
        } catch (error) {
          seen.error = said(error);
        }
      }
      await close?.().catch(() => {});
    } catch (error) {
      if (!seen.listed) seen.error = said(error);
    }
    appendFileSync(process.argv[2], `${JSON.stringify(seen)}\n`);
  }
  process.exit(0);
}
