// New calls do not move what somebody reads: they are counted above the list until it is let go.
import { key, mergePart } from "./merge.js";

const news = document.getElementById("news");

/** The rows of the list become the fresh ones, unless somebody reads them: then the new ones are only announced. */
export function renewRows(rows, fresh, atOnce) {
  if (!atOnce && isHeld(rows, fresh)) return hold(rows, fresh);
  mergePart(rows, fresh);
  return announce(0);
}

function isHeld(rows, fresh) {
  const shown = [...rows.querySelectorAll("[data-key]")];
  const stale = (row) => row.querySelector(".dot.is-pending") && !fresh.querySelector(`[data-key="${key(row)}"]`);
  if (!shown.length || shown.some(stale)) return false; // pushed off the page, its end would never be seen
  const isScrolled = rows.scrollTop > 0 || rows.getBoundingClientRect().top < 0;
  const selection = getSelection();
  const isRead = rows.querySelector("[aria-current]") || rows.contains(document.activeElement);
  const isMarked = !selection.isCollapsed && rows.contains(selection.anchorNode);
  return Number(rows.dataset.page) > 1 || isScrolled || isRead || isMarked;
}

function hold(rows, fresh) {
  let newer = 0;
  for (const row of fresh.querySelectorAll("[data-key]")) {
    const shown = rows.querySelector(`[data-key="${key(row)}"]`);
    if (shown) mergePart(shown, row);
    else if (fresh.children[newer] === row) newer += 1;
  }
  const added = Number(fresh.dataset.total) - Number(rows.dataset.total);
  announce(Math.max(added, rows.dataset.page === "1" ? newer : 0));
}

function announce(number) {
  news.textContent = number ? `${number.toLocaleString("en")} new call${number === 1 ? "" : "s"}` : "";
  news.hidden = !number;
}

/** `ask` is called when somebody wants to see the new calls of the first page, which shows them at once. */
export function onNews(ask) {
  news?.addEventListener("click", (event) => {
    const rows = document.getElementById("rows");
    if (rows.dataset.page !== "1" || event.ctrlKey || event.metaKey) return; // the link leads to the first page
    event.preventDefault();
    rows.scrollTo({ top: 0 });
    rows.scrollIntoView({ block: "nearest" });
    ask();
  });
}
