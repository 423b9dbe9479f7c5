// The time zone, copy buttons, clocks that count up, and moving through the two columns by keyboard. Every page works without it.
"use strict";
{
  const rows = () => [...document.querySelectorAll("#rows .row")];

  // --- The browser's time zone, for the server's pages -----------------------------------------------------------------

  const storedZone = () => document.cookie.split("; ").find((cookie) => cookie.startsWith("flowhub_browser_zone="));

  function tellZone() {
    const told = `flowhub_browser_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}`;
    if (storedZone() === told) return;
    document.cookie = `${told}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
    // This page's times are in another zone. Once only: a browser that keeps no cookies would go on for ever.
    if (document.querySelector("#zone[data-follows-browser]") && storedZone() === told) location.reload();
  }
  tellZone();

  // --- Copying ------------------------------------------------------------------------------------------------------

  async function textToCopy(button) {
    const { copy, copyText, copyUrl } = button.dataset;
    if (copyText) return copyText;
    if (copy) return textOf(document.querySelector(copy));
    const response = await fetch(copyUrl);
    if (!response.ok) throw new Error(response.statusText);
    return response.text();
  }

  function textOf(element) {
    const whole = element.cloneNode(true);
    // What a JSON tree shows in place of what is folded is no part of the JSON.
    for (const stand of whole.querySelectorAll(".json .size, .json .long > summary")) stand.remove();
    return whole.textContent;
  }

  async function writeClipboard(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Pages without TLS on another host have no clipboard API.
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  async function copy(button) {
    const before = button.textContent;
    try {
      await writeClipboard(await textToCopy(button));
      button.textContent = "copied";
    } catch {
      button.textContent = "not copied";
    }
    setTimeout(() => (button.textContent = before), 1400);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-url]");
    if (button) copy(button);
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // --- Pending executions count up ----------------------------------------------------------------------------------

  function tick() {
    for (const clock of document.querySelectorAll("[data-elapsed]")) {
      clock.began ??= performance.now() - Number(clock.dataset.elapsed);
      const seconds = (performance.now() - clock.began) / 1000;
      const minutes = Math.floor(seconds / 60);
      clock.textContent = minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${seconds.toFixed(1)} s`;
    }
  }
  setInterval(tick, 100);

  // --- The two columns: the chosen row, j and k, Esc ----------------------------------------------------------------

  function markChosen() {
    for (const row of rows()) {
      if (row.dataset.path === location.pathname) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  function move(step) {
    const all = rows();
    const from = all.includes(document.activeElement) ? document.activeElement : all.find((row) => row.ariaCurrent);
    const next = all[from ? all.indexOf(from) + step : 0];
    next?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const menu = document.querySelector(".menu[open]");
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "Escape" && menu) menu.open = false;
    else if (event.key === "Escape") document.querySelector("[data-close]")?.click();
  });

  // A link to a node opens its card; the one to the note opens its form.
  function openCard() {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const card = place?.closest("details.card");
    if (card) card.open = true;
    if (place?.id === "note") openNote(place);
  }

  function openNote(note) {
    note.querySelector("details").open = true;
    note.querySelector("textarea").focus();
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("a[href='#note']")) return;
    event.preventDefault();
    event.target.closest(".menu").open = false;
    openNote(document.getElementById("note"));
  });
  addEventListener("hashchange", openCard);
  openCard();

  // --- What htmx brings in --------------------------------------------------------------------------------------------

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    if (new URL(xhr.responseURL).pathname.startsWith("/login/")) {
      event.detail.shouldSwap = false;
      location.reload();
    } else if (xhr.status >= 400) {
      location.assign(requestConfig.path);
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    markChosen();
    // Tab goes on in what was opened; j and k still know the row that is chosen.
    if (event.detail.requestConfig.elt.matches(".row")) event.detail.target.focus({ preventScroll: true });
  });
  document.addEventListener("htmx:pushedIntoHistory", markChosen);
}
