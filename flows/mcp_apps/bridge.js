// The conversation with the host (SEP-1865): a handshake, then the host tells theme and result, and we tell our size.
const app = (() => {
  "use strict";
  const context = {};
  const waiting = new Map();
  let number = 0;

  const send = (message) => parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params = {}) => send({ method, params });

  function request(method, params = {}) {
    number += 1;
    const id = number;
    send({ id, method, params });
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }

  function follow(change) {
    Object.assign(context, change);
    const root = document.documentElement;
    if (["light", "dark"].includes(change.theme)) root.style.colorScheme = change.theme;
    for (const [name, value] of Object.entries(change.styles?.variables ?? {})) {
      if (/^--[a-z0-9-]+$/.test(name) && typeof value === "string") root.style.setProperty(name, value);
    }
    channel.onContext?.(context);
  }

  const HEARD = {
    "ui/notifications/host-context-changed": follow,
    "ui/notifications/tool-input": (params) => channel.onInput?.(params.arguments),
    "ui/notifications/tool-result": (params) => channel.onResult?.(params),
    "ui/notifications/tool-cancelled": (params) => channel.onCancelled?.(params.reason),
  };
  const ANSWERED = ["ping", "ui/resource-teardown"];

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || data?.jsonrpc !== "2.0") return;
    const { id, method, params = {}, result, error } = data;
    if (method && id === undefined) HEARD[method]?.(params);
    else if (method && ANSWERED.includes(method)) send({ id, result: {} });
    else if (method) send({ id, error: { code: -32601, message: `This page does not answer ${method}.` } });
    else if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    if (!method) waiting.delete(id);
  });

  // --- Size: told when it has changed, at most once a frame ---------------------------------------------------------

  let told = "";
  let isDue = false;

  function measure() {
    isDue = false;
    const root = document.documentElement;
    const width = Math.ceil(root.getBoundingClientRect().width);
    const height = Math.ceil(Math.max(root.getBoundingClientRect().height, document.body?.scrollHeight ?? 0));
    if (told === `${width} ${height}`) return;
    told = `${width} ${height}`;
    notify("ui/notifications/size-changed", { width, height });
  }

  function watchSize() {
    const observer = new ResizeObserver(() => {
      if (!isDue) requestAnimationFrame(measure);
      isDue = true;
    });
    observer.observe(document.documentElement);
    observer.observe(document.body);
  }

  async function begin() {
    if (parent === window) return; // opened by itself, there is nobody to talk to
    const { hostContext, hostCapabilities } = await request("ui/initialize", {
      protocolVersion: "2026-01-26",
      appInfo: { name: "FlowHub", version: "1" },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
    });
    channel.host = hostCapabilities ?? {};
    follow(hostContext ?? {});
    notify("ui/notifications/initialized");
    watchSize();
  }

  const channel = { request, notify, context, host: {} };
  // What comes after this script may set onResult first; the host waits for the handshake anyway.
  queueMicrotask(begin);
  return channel;
})();
