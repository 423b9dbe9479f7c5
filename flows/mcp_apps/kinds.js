// Draws a result: tables, lists of posts, figures, HTML. Whatever comes in is data, and becomes text, never markup.
(() => {
  "use strict";
  const view = document.getElementById("view");

  function make(tag, className = "", ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  const asText = (value) => {
    if (value === null || value === undefined) return "";
    return typeof value === "object" ? JSON.stringify(value) : String(value);
  };
  const heading = (title) => (title ? [make("h1", "", asText(title))] : []);

  // --- Links: a sandboxed page opens none, it asks the host to --------------------------------------------------------

  function link(text, address) {
    const label = asText(text);
    if (typeof address !== "string" || !/^https?:\/\//i.test(address)) return label;
    const element = make("a", "", label);
    element.href = address;
    element.rel = "noopener noreferrer";
    element.target = "_blank";
    element.addEventListener("click", (event) => {
      event.preventDefault();
      app.request("ui/open-link", { url: address }).catch(() => element.replaceWith(`${label} (${address})`));
    });
    return element;
  }

  // --- Table -----------------------------------------------------------------------------------------------------------

  const isMissing = (value) => value === null || value === undefined || value === "";

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    return asText(one).localeCompare(asText(other), undefined, { numeric: true, sensitivity: "base" });
  }

  function sorted(rows, key, direction) {
    if (direction === "none") return rows;
    const sign = direction === "ascending" ? 1 : -1;
    const known = rows.filter(({ data }) => !isMissing(data?.[key]));
    const missing = rows.filter(({ data }) => isMissing(data?.[key]));
    return [...known.sort((one, other) => sign * compare(one.data[key], other.data[key])), ...missing];
  }

  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  function table({ title, columns, rows }) {
    if (!rows.length || !columns.length) return [...heading(title), make("p", "quiet", "No rows.")];
    const isNumber = columns.map(({ key }) => rows.every((row) => isMissing(row?.[key]) || typeof row[key] === "number"));
    const side = (index) => (isNumber[index] ? "number" : "");
    const body = make("tbody");
    const made = rows.map((data) => ({
      data,
      row: make("tr", "", ...columns.map(({ key }, index) => make("td", side(index), asText(data?.[key])))),
    }));
    const heads = columns.map((column, index) => {
      const button = make("button", "", asText(column.title ?? column.key));
      button.type = "button";
      const head = make("th", side(index), button);
      head.scope = "col";
      head.ariaSort = "none";
      button.addEventListener("click", () => {
        const direction = NEXT[head.ariaSort];
        for (const each of heads) each.ariaSort = each === head ? direction : "none";
        body.replaceChildren(...sorted(made, column.key, direction).map(({ row }) => row));
      });
      return head;
    });
    body.append(...made.map(({ row }) => row));
    const whole = make("table", "", make("thead", "", make("tr", "", ...heads)), body);
    whole.ariaLabel = asText(title) || "Table";
    const wide = make("div", "wide", whole);
    wide.tabIndex = 0;
    wide.role = "region";
    wide.ariaLabel = `${whole.ariaLabel}, ${rows.length} row${rows.length === 1 ? "" : "s"}`;
    return [...heading(title), wide];
  }

  // --- Posts, figures ----------------------------------------------------------------------------------------------------

  function post({ title, text, author, date, url, image }) {
    const by = [author, date].filter(Boolean).map(asText).join(", ");
    return make(
      "li",
      "",
      make("h2", "", link(title, url)),
      ...(by ? [make("p", "by", by)] : []),
      ...(text ? [make("p", "", asText(text))] : []),
      // Not shown here: a page without network does not tell other servers who reads it.
      ...(image ? [make("p", "by", link("Image", image))] : []),
    );
  }

  function post_list({ title, posts }) {
    const list = posts.length ? make("ol", "posts", ...posts.map(post)) : make("p", "quiet", "No posts.");
    return [...heading(title), list];
  }

  function stat({ label, value, unit, change }) {
    const figure = make("dd", "value", value === null || value === undefined ? "unknown" : asText(value));
    if (unit) figure.append(" ", make("span", "unit", asText(unit)));
    return make("div", "", make("dt", "", asText(label)), figure, ...(change ? [make("dd", "change", asText(change))] : []));
  }

  const stat_card = ({ title, stats }) => [...heading(title), make("dl", "stats", ...stats.map(stat))];

  // --- HTML that was filled in for this call: one frame further in, where it reaches neither us nor the host ---------------

  const POLICY =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; media-src data:; " +
    "font-src data:; form-action 'none'; base-uri 'none'";
  const TALLEST = 4000;
  const PATIENCE_MS = 4000;

  // It is written into the frame as text.
  function insideFrame() {
    const tell = () => {
      const root = document.documentElement;
      parent.postMessage({ height: Math.ceil(Math.max(root.getBoundingClientRect().height, document.body.scrollHeight)) }, "*");
    };
    addEventListener("DOMContentLoaded", () => {
      const observer = new ResizeObserver(tell);
      observer.observe(document.documentElement);
      observer.observe(document.body);
    });
    addEventListener("message", ({ source, data }) => {
      if (source === parent) document.documentElement.style.colorScheme = data.theme;
    });
  }

  function html({ title, html: source }, result) {
    const frame = make("iframe", "inner");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = asText(title) || "Page";
    const theme = app.context.theme === "dark" ? "dark" : app.context.theme === "light" ? "light" : "light dark";
    frame.srcdoc =
      `<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}"><meta charset="utf-8">` +
      `<style>:root { color-scheme: ${theme}; } body { margin: 0; font: 14px/1.45 system-ui, sans-serif; }</style>` +
      `<script>(${insideFrame})();<\/script>${asText(source)}`;
    addEventListener("message", ({ source: from, data }) => {
      if (from !== frame.contentWindow || !Number.isFinite(data?.height)) return;
      frame.style.height = `${Math.min(Math.max(data.height, 20), TALLEST)}px`;
      clearTimeout(isMute);
    });
    // A host that lets no frame stand in a frame.
    const isMute = setTimeout(() => frame.replaceWith(...asPlainText(result)), PATIENCE_MS);
    app.onContext = ({ theme: now }) => frame.contentWindow?.postMessage({ theme: now }, "*");
    return [...heading(title), frame];
  }

  // --- The result ------------------------------------------------------------------------------------------------------

  const KINDS = { table, post_list, stat_card, html };

  function asPlainText({ content, isError }) {
    const blocks = Array.isArray(content) ? content : [];
    const texts = blocks.filter((block) => block?.type === "text").map((block) => make("pre", "", asText(block.text)));
    const others = blocks.length - texts.length;
    return [
      ...(isError ? [make("p", "bad", "The tool answered with an error.")] : []),
      ...texts,
      ...(others ? [make("p", "quiet", `And ${others} more that ${others === 1 ? "is" : "are"} not text.`)] : []),
      ...(blocks.length ? [] : [make("p", "quiet", "The answer is empty.")]),
    ];
  }

  function draw(result) {
    const structured = result?.structuredContent;
    // Handshake clients get what is no object, or might be none, as {"result": ...}.
    const data = [structured, structured?.result].find((each) => Object.hasOwn(KINDS, each?.ui));
    if (!data || result.isError) return asPlainText(result ?? {});
    try {
      return KINDS[data.ui](data, result);
    } catch {
      return asPlainText(result); // of another form than FlowHub writes
    }
  }

  app.onResult = (result) => view.replaceChildren(...draw(result));
  app.onCancelled = (reason) => view.replaceChildren(make("p", "quiet", `Cancelled. ${asText(reason)}`));
})();
