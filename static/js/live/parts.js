// Fetching the parts that the page is made of.
import { mergePart } from "./merge.js";
import { renewRows } from "./news.js";

const article = () => document.querySelector("article[data-execution]");

async function fetchPart(target) {
  const address = new URL(location.href);
  if (target !== "detail") address.searchParams.delete("view");
  const headers = target ? { "HX-Request": "true", "HX-Target": target } : {};
  const response = await fetch(address, { headers });
  if (new URL(response.url).pathname.startsWith("/login/")) location.reload();
  else if (response.ok || response.status === 404) {
    return { found: response.ok, body: new DOMParser().parseFromString(await response.text(), "text/html").body };
  }
  throw new Error(response.statusText);
}

async function refreshList(wanted) {
  const { found, body } = await fetchPart("rows");
  if (!found) return;
  for (const id of ["segments", "pages"]) mergePart(document.getElementById(id), body.querySelector(`#${id}`));
  const rows = document.getElementById("rows");
  const fresh = body.querySelector("#rows");
  const isFirstCall = fresh.querySelector(".row") && document.querySelector("#detail [data-never]");
  for (const id of wanted.gone) rows.querySelector(`[data-key="${id}"]`)?.remove();
  renewRows(rows, fresh, wanted.atOnce);
  if (isFirstCall) {
    mergePart(document.getElementById("detail"), (await fetchPart("")).body.querySelector("#detail"));
  }
}

async function refreshPart(id) {
  const { found, body } = await fetchPart(id);
  if (found) mergePart(document.getElementById(id), body.querySelector(`#${id}`));
}

async function refreshDetail() {
  const address = location.href;
  const { found, body } = await fetchPart("detail");
  if (address !== location.href) return; // another one was opened meanwhile
  const detail = document.getElementById("detail");
  if (!found) {
    const gone = Object.assign(document.createElement("p"), { textContent: "This execution was deleted." });
    const place = Object.assign(document.createElement("div"), { className: "placeholder" });
    place.append(gone);
    detail.replaceChildren(place);
  } else if (body.querySelector("article")?.dataset.execution === article()?.dataset.execution) {
    const holder = detail.cloneNode(false);
    holder.append(...body.childNodes);
    mergePart(detail, holder);
  }
}

/**
 * Fetch what the page shows of `wanted` anew, and merge it in. `wanted` has `ids` of executions that changed, `gone` ones
 * among them that were deleted, `more` when others may have changed, and `atOnce` when new rows are to be shown now.
 */
export async function refresh(wanted) {
  if (document.getElementById("overview")) {
    const { body } = await fetchPart("");
    for (const id of ["overview", "last-day"]) mergePart(document.getElementById(id), body.querySelector(`#${id}`));
    return;
  }
  const shown = article()?.dataset;
  const isShown = shown && (wanted.ids.has(shown.execution) || (wanted.more && shown.status === "pending"));
  const rows = document.getElementById("rows");
  const cases = document.querySelector("#cases tbody");
  const day = document.getElementById("last-day");
  await Promise.all([
    rows && refreshList(wanted),
    day && refreshPart("last-day"),
    cases && refreshPart("cases"),
    isShown && refreshDetail(),
  ]);
}
