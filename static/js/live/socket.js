// The socket that says which executions changed, and the mark at the top of the page that says whether there is one.

const LONGEST_WAIT_MS = 15000; // between two attempts to connect
const NOT_FOUND = 4404;

const mark = document.getElementById("live");
let socket;
let attempts = 0;
let wasConnected = false;
export let isConnected = false;

/** Stay connected to `path`. `opened(isAgain)` is called at each connection, `told(message)` with what the server says. */
export function listen(path, opened, told) {
  function connect() {
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.watching) connected();
      else told(message);
    });
    socket.addEventListener("close", lost);
  }

  function connected() {
    opened(wasConnected);
    [isConnected, wasConnected, attempts] = [true, true, 0];
    showMark();
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
    if (code > 4000) told({ more: true }); // logged out: the answer leads to the login page
    const wait = Math.min(500 * 2 ** attempts, LONGEST_WAIT_MS);
    attempts += 1;
    setTimeout(connect, wait * (0.7 + 0.6 * Math.random()));
  }

  addEventListener("pagehide", () => {
    const leaving = socket;
    socket = undefined;
    leaving?.close();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) connect();
  });
  connect();
}

function showMark() {
  mark.hidden = false;
  mark.classList.toggle("is-lost", !isConnected);
  mark.lastElementChild.textContent = isConnected ? "Live" : "Reconnecting…";
  mark.title = isConnected ? "Changes appear by themselves" : "The connection was lost; changes appear late";
}
