// Live pages. A socket says which executions changed; the page then fetches its own parts again and merges them in. While
// the socket is lost, the page asks now and then. This file says when: at once, then at most every so often, and not while
// nobody looks.
import { onNews } from "./news.js";
import { refresh } from "./parts.js";
import { isConnected, listen } from "./socket.js";

const LIST_MS = 400; // the shortest time between two refreshes of the columns
const OVERVIEW_MS = 2000; // and of dashboard and Insights, which add up many calls
const LOST_MS = 3000; // how often a page without a socket asks while something is pending
const CHECK_MS = 10000; // and one with a socket: its bars grow, and a lost message does not matter

const root = document.querySelector("[data-live]");
const isOverview = root?.id === "overview";
const isPending = () => root.querySelector(".dot.is-pending") !== null;

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

function opened(isAgain) {
  // What changed since the page was made, or since the socket was lost, was told to nobody.
  if (isAgain || !isOverview) want({ more: true });
}

function poll() {
  const pause = isConnected ? CHECK_MS : LOST_MS;
  if (performance.now() - last >= pause && isPending()) want({ more: true });
}

if (root && document.getElementById("live")) {
  listen(root.dataset.live, opened, want);
  onNews(() => want({ atOnce: true }));
  document.addEventListener("visibilitychange", schedule);
  setInterval(poll, 500);
}
