// Draws an answer as a client with MCP Apps does (SEP-1865): a sandboxed frame that this page talks to as its host. What
// is in the frame may be hostile: it is believed in nothing but its height, and nothing is done for it.
"use strict";
{
  const PROTOCOL = "2026-01-26";
  const LEAST_HEIGHT = 40;
  const MAX_HEIGHT = 640;
  const METHOD_NOT_FOUND = -32601;
  const frames = new Map(); // what each open frame's window is told and may ask

  // --- Theme: ours, in the specification's words -----------------------------------------------------------------------

  const VARIABLES = {
    "--color-background-primary": "--panel",
    "--color-background-secondary": "--bg",
    "--color-background-tertiary": "--line2",
    "--color-background-danger": "--bad-soft",
    "--color-background-success": "--ok-soft",
    "--color-background-warning": "--wait-soft",
    "--color-text-primary": "--ink",
    "--color-text-secondary": "--soft",
    "--color-text-tertiary": "--faint",
    "--color-text-info": "--brand",
    "--color-text-danger": "--bad-ink",
    "--color-text-success": "--ok-ink",
    "--color-text-warning": "--wait-ink",
    "--color-border-primary": "--line",
    "--color-border-secondary": "--line2",
    "--color-ring-primary": "--brand",
    "--font-sans": "--sans",
    "--font-mono": "--mono",
    "--border-radius-md": "--radius",
  };
  const isDark = matchMedia("(prefers-color-scheme: dark)");

  function look() {
    const chosen = document.documentElement.dataset.theme;
    const theme = ["light", "dark"].includes(chosen) ? chosen : isDark.matches ? "dark" : "light";
    const ours = getComputedStyle(document.documentElement);
    const pairs = Object.entries(VARIABLES).map(([theirs, name]) => [theirs, ours.getPropertyValue(name).trim()]);
    return { theme, styles: { variables: Object.fromEntries(pairs) } };
  }

  function tellLook() {
    for (const host of frames.values()) if (host.isReady) host.notify("ui/notifications/host-context-changed", look());
  }
  isDark.addEventListener("change", tellLook);
  new MutationObserver(tellLook).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  // --- One frame ---------------------------------------------------------------------------------------------------------

  function context(place) {
    return {
      ...look(),
      displayMode: "inline",
      availableDisplayModes: ["inline"],
      containerDimensions: { width: place.clientWidth, maxHeight: MAX_HEIGHT },
      locale: navigator.language,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      userAgent: "FlowHub",
      platform: "web",
    };
  }

  async function fetched(address) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(response.statusText);
    return response.json();
  }

  /** A link of our own beneath the frame: the person sees where it leads, and it is they who open it. */
  function offer(place, url) {
    if (typeof url !== "string" || !/^https?:\/\//i.test(url)) throw new Error("Only links to the web can be opened.");
    const link = Object.assign(document.createElement("a"), { textContent: url, href: url });
    Object.assign(link, { rel: "noopener noreferrer nofollow", target: "_blank" });
    place.querySelector(".ui-link")?.remove();
    const offered = Object.assign(document.createElement("p"), { className: "ui-link small", role: "status" });
    offered.dataset.own = "";
    offered.append("The page links to ", link);
    place.append(offered);
    return {};
  }

  async function start(host) {
    const { place } = host;
    const [result, given] = await Promise.all([fetched(place.dataset.result), fetched(place.dataset.arguments)]);
    host.notify("ui/notifications/tool-input", { arguments: given ?? {} });
    host.notify("ui/notifications/tool-result", result);
  }

  function failed({ place, frame }) {
    frame.remove();
    const said = Object.assign(document.createElement("p"), { className: "note is-bad" });
    said.dataset.own = "";
    said.textContent = "The answer could not be loaded. Reload the page, or read it as text.";
    place.append(said);
  }

  const ANSWERS = {
    ping: () => ({}),
    "ui/initialize": ({ place }) => ({
      protocolVersion: PROTOCOL,
      hostInfo: { name: "FlowHub", version: "1" },
      hostCapabilities: { openLinks: {} },
      hostContext: context(place),
    }),
    "ui/open-link": ({ place }, { url }) => offer(place, url),
    "ui/request-display-mode": () => ({ mode: "inline" }),
  };

  const HEARD = {
    "ui/notifications/initialized": (host) => {
      if (host.isReady) return;
      host.isReady = true;
      start(host).catch(() => failed(host));
    },
    "ui/notifications/size-changed": ({ frame }, { height }) => {
      if (!Number.isFinite(height)) return;
      frame.style.height = `${Math.min(Math.max(height, LEAST_HEIGHT), MAX_HEIGHT)}px`;
    },
  };

  function answer(host, { id, method, params }) {
    if (!Object.hasOwn(ANSWERS, method)) {
      const message = `FlowHub shows what was answered; ${String(method).slice(0, 60)} is for clients.`;
      return host.send({ id, error: { code: METHOD_NOT_FOUND, message } });
    }
    try {
      return host.send({ id, result: ANSWERS[method](host, params ?? {}) });
    } catch (error) {
      return host.send({ id, error: { code: -32000, message: error.message } });
    }
  }

  addEventListener("message", ({ source, origin, data }) => {
    const host = frames.get(source);
    if (!host || origin !== "null" || data?.jsonrpc !== "2.0" || typeof data.method !== "string") return;
    if (data.id !== undefined) answer(host, data);
    else if (Object.hasOwn(HEARD, data.method)) HEARD[data.method](host, data.params ?? {});
  });

  // --- Frames come and go with the parts of the page -----------------------------------------------------------------------

  function open(place) {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = place.dataset.title;
    frame.dataset.own = ""; // live.js leaves it alone
    frame.src = place.dataset.ui;
    place.append(frame);
    // It has an origin of its own, so its window can be named in no other way than by a star.
    const send = (message) => frame.contentWindow?.postMessage({ jsonrpc: "2.0", ...message }, "*");
    const notify = (method, params) => send({ method, params });
    frames.set(frame.contentWindow, { place, frame, send, notify, isReady: false });
  }

  function lookAround() {
    for (const [view, { frame }] of frames) if (!frame.isConnected) frames.delete(view);
    for (const place of document.querySelectorAll("[data-ui]:not(:has(iframe, .is-bad))")) open(place);
  }

  // A frame says good-bye before its part of the page is replaced.
  document.addEventListener("htmx:beforeSwap", ({ target }) => {
    for (const { frame, send } of frames.values()) {
      if (target.contains(frame)) send({ id: "teardown", method: "ui/resource-teardown", params: { reason: "closed" } });
    }
  });
  new MutationObserver(lookAround).observe(document.body, { childList: true, subtree: true });
  lookAround();
}
