// Live pages. A socket says which executions changed; the page then fetches its own parts again and merges them in, so
// that scroll position, focus, selection and open cards stay. While the socket is lost, the page asks now and then.
"use strict";
{
  const LIST_MS = 400; // the shortest time between two refreshes of the columns
  const OVERVIEW_MS = 2000; // and of dashboard and Insights, which add up many calls
  const LOST_MS = 3000; // how often a page without a socket asks while something is pending
  const CHECK_MS = 10000; // and one with a socket: its bars grow, and a lost message does not matter
  const LONGEST_WAIT_MS = 15000; // between two attempts to connect
  const NOT_FOUND = 4404;

  const root = document.querySelector("[data-live]");
  const mark = document.getElementById("live");
  const news = document.getElementById("news");
  const isOverview = root?.id === "overview";
  const rowsNow = () => document.getElementById("rows");
  const article = () => document.querySelector("article[data-execution]");
  const isPending = () => root.querySelector(".dot.is-pending") !== null;

  // --- Merging: what is the same stays the same element -------------------------------------------------------------

  const key = (node) => node.dataset?.key ?? node.dataset?.card ?? (node.id || "");

  function isSame(one, other) {
    if (one.nodeName !== other.nodeName || key(one) !== key(other)) return false;
    return key(one) !== "" || one.getAttribute?.("class") === other.getAttribute?.("class");
  }

  function merge(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.dataset?.elapsed && fresh.dataset.elapsed) return; // a clock that runs
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    mergeAttributes(old, fresh);
    mergeChildren(old, fresh);
  }

  const READERS = ["open", "aria-expanded"];

  function mergeAttributes(old, fresh) {
    // Whether a card is open is the reader's business, except that a node that fails opens its card.
    if (fresh.open && old.className !== fresh.className) old.open = true;
    for (const { name } of [...old.attributes]) {
      if (!READERS.includes(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (!READERS.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  }

  function mergeChildren(old, fresh) {
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      let match = at;
      while (match && !isSame(match, child)) match = match.nextSibling;
      if (match) {
        at = removeBetween(at, match).nextSibling;
        merge(match, child);
      } else {
        old.insertBefore(child, at);
      }
    }
    removeBetween(at, null);
  }

  function removeBetween(at, end) {
    while (at !== end) {
      const next = at.nextSibling;
      if (at.dataset?.own === undefined) at.remove(); // what a script added for the reader stays
      at = next;
    }
    return end;
  }

  function mergePart(old, fresh) {
    if (!old || !fresh) return;
    slide(old, () => merge(old, fresh));
    window.htmx?.process(old);
  }

  // --- Moving: what has to make room slides, it does not jump --------------------------------------------------------

  const MOVABLE = ".rows > li, .card, .waterfall > *, .sections, .failures > li, tbody > tr";
  const SLIDE = { duration: 180, easing: "ease-out" };
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");

  function slide(part, change) {
    const parts = () => (isStill.matches ? [] : [...part.querySelectorAll(MOVABLE)]);
    const tops = new Map(parts().map((element) => [element, element.getBoundingClientRect().top]));
    change();
    for (const element of parts()) {
      const moved = tops.get(element) - element.getBoundingClientRect().top;
      if (moved) element.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], SLIDE);
      else if (!tops.has(element) && tops.size) element.animate([{ opacity: 0 }, { opacity: 1 }], SLIDE);
    }
  }

  // --- Fetching the parts that the page is made of ------------------------------------------------------------------

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
    const rows = rowsNow();
    const fresh = body.querySelector("#rows");
    const isFirstCall = fresh.querySelector(".row") && document.querySelector("#detail [data-never]");
    for (const id of wanted.gone) rows.querySelector(`[data-key="${id}"]`)?.remove();
    if (!wanted.atOnce && isHeld(rows, fresh)) hold(rows, fresh);
    else show(rows, fresh);
    if (isFirstCall) {
      mergePart(document.getElementById("detail"), (await fetchPart("")).body.querySelector("#detail"));
    }
  }

  async function refreshCases() {
    const { found, body } = await fetchPart("cases");
    if (found) mergePart(document.getElementById("cases"), body.querySelector("#cases"));
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

  async function refresh(wanted) {
    if (isOverview) {
      const { body } = await fetchPart("");
      for (const id of ["overview", "last-day"]) mergePart(document.getElementById(id), body.querySelector(`#${id}`));
      return;
    }
    const shown = article()?.dataset;
    const isShown = shown && (wanted.ids.has(shown.execution) || (wanted.more && shown.status === "pending"));
    const cases = document.querySelector("#cases tbody");
    await Promise.all([rowsNow() && refreshList(wanted), cases && refreshCases(), isShown && refreshDetail()]);
  }

  // --- New calls do not move what somebody reads --------------------------------------------------------------------

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

  function show(rows, fresh) {
    mergePart(rows, fresh);
    announce(0);
  }

  function announce(number) {
    news.textContent = number ? `${number.toLocaleString("en")} new call${number === 1 ? "" : "s"}` : "";
    news.hidden = !number;
  }

  news?.addEventListener("click", (event) => {
    const rows = rowsNow();
    if (rows.dataset.page !== "1" || event.ctrlKey || event.metaKey) return; // the link leads to the first page
    event.preventDefault();
    rows.scrollTo({ top: 0 });
    rows.scrollIntoView({ block: "nearest" });
    want({ atOnce: true });
  });

  // --- When: at once, then at most every so often; not while nobody looks --------------------------------------------

  const nothing = () => ({ ids: new Set(), gone: new Set(), more: false, atOnce: false });
  let wanted;
  let timer = 0;
  let isBusy = false;
  let last = -Infinity;

  function want({ executions = [], more = false, atOnce = false }) {
    wanted ??= nothing();
    for (const { id, status } of executions) (status === "deleted" ? wanted.gone : wanted.ids).add(id);
    for (const id of wanted.gone) wanted.ids.add(id);
    wanted.more ||= more;
    wanted.atOnce ||= atOnce;
    schedule();
  }

  function schedule() {
    if (!wanted || timer || isBusy || document.hidden) return;
    const pause = isOverview ? OVERVIEW_MS : LIST_MS;
    timer = setTimeout(run, Math.max(0, last + pause - performance.now()));
  }

  async function run() {
    const [now, address] = [wanted, location.href];
    [wanted, timer, isBusy] = [undefined, 0, true];
    try {
      await refresh(now);
    } catch {
      // The server is away, or the page is being left; the next message or poll asks again.
    }
    [isBusy, last] = [false, performance.now()];
    if (address !== location.href) want({ more: true });
    schedule();
  }

  document.addEventListener("visibilitychange", schedule);

  // --- The socket ---------------------------------------------------------------------------------------------------

  let socket;
  let attempts = 0;
  let isConnected = false;
  let wasConnected = false;

  function showMark() {
    mark.hidden = false;
    mark.classList.toggle("is-lost", !isConnected);
    mark.lastElementChild.textContent = isConnected ? "Live" : "Reconnecting…";
    mark.title = isConnected ? "Changes appear by themselves" : "The connection was lost; changes appear late";
  }

  function connected() {
    // What changed since the page was made, or since the socket was lost, was told to nobody.
    if (wasConnected || !isOverview) want({ more: true });
    [isConnected, wasConnected, attempts] = [true, true, 0];
    showMark();
  }

  function connect() {
    const address = new URL(root.dataset.live, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.watching) connected();
      else want(message);
    });
    socket.addEventListener("close", lost);
  }

  function lost({ code, target }) {
    if (target !== socket) return;
    socket = undefined;
    isConnected = false;
    if (code === NOT_FOUND) {
      mark.hidden = true;
      return;
    }
    showMark();
    if (code > 4000) want({ more: true }); // logged out: the answer leads to the login page
    const wait = Math.min(500 * 2 ** attempts, LONGEST_WAIT_MS);
    attempts += 1;
    setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
  }

  function poll() {
    const pause = isConnected ? CHECK_MS : LOST_MS;
    if (performance.now() - last >= pause && isPending()) want({ more: true });
  }

  addEventListener("pagehide", () => {
    const leaving = socket;
    socket = undefined;
    leaving?.close();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });

  if (root && mark) {
    connect();
    setInterval(poll, 500);
  }
}
