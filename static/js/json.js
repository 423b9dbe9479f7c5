// JSON trees: find keys and values in one, open or fold all of it, long lines wrapped or not. What is found is marked by
// highlights over the text, so the tree itself, which live.js renews, stays as the server drew it.
"use strict";
{
  const TEXTS = ".k, .s, .n, .b";
  const PREVIEW = ".long > summary .s"; // stands in front of the whole text, which is there too
  const canMark = "highlights" in CSS;
  const found = canMark ? new Highlight() : new Set();
  const current = canMark ? new Highlight() : new Set();
  if (canMark) {
    current.priority = 1;
    CSS.highlights.set("json-found", found);
    CSS.highlights.set("json-current", current);
  }

  class Tools {
    constructor(button) {
      this.button = button;
      this.hits = [];
      this.at = 0;
      this.bar = Object.assign(document.createElement("div"), { className: "json-tools" });
      this.bar.dataset.own = "";
      this.field = Object.assign(document.createElement("input"), { type: "search", placeholder: "Find", maxLength: 200 });
      this.field.setAttribute("aria-label", button.getAttribute("aria-label"));
      this.count = document.createElement("output");
      this.count.setAttribute("role", "status");
      this.wrap = this.control("Wrap", "Wrap long lines", () => this.toggleWrap());
      this.wrap.ariaPressed = "true";
      this.bar.append(
        this.field,
        this.count,
        this.control("‹", "Previous match", () => this.go(-1)),
        this.control("›", "Next match", () => this.go(1)),
        this.control("Open all", "Open all of it", () => this.openAll(true)),
        this.control("Fold all", "Fold all of it", () => this.openAll(false)),
        this.wrap,
      );
      this.field.addEventListener("input", () => this.find());
      this.field.addEventListener("keydown", (event) => this.press(event));
      button.closest(".block-head").after(this.bar);
    }

    control(text, label, act) {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: label });
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    }

    get tree() {
      return this.bar.parentElement?.querySelector(".json");
    }

    show(isShown) {
      this.bar.hidden = !isShown;
      this.button.setAttribute("aria-expanded", String(isShown));
      if (isShown) this.field.focus();
      else this.clear();
    }

    clear() {
      this.field.value = "";
      this.find();
    }

    press(event) {
      if (event.key === "Enter") {
        event.preventDefault();
        this.go(event.shiftKey ? -1 : 1);
      } else if (event.key === "Escape") {
        event.preventDefault();
        if (this.field.value) {
          this.clear();
        } else {
          this.show(false);
          this.button.focus();
        }
      }
    }

    find() {
      const words = this.field.value;
      const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
      this.hits = [];
      this.at = 0;
      for (const element of words ? this.tree.querySelectorAll(TEXTS) : []) {
        if (element.matches(PREVIEW)) continue;
        const ranges = rangesOf(element, pattern);
        if (ranges.length) this.hits.push({ element, ranges });
      }
      for (const { element } of this.hits) this.reveal(element);
      this.paint();
      this.scroll();
    }

    reveal(element) {
      for (let at = element.closest("details"); at && this.tree.contains(at); at = at.parentElement.closest("details")) {
        at.open = true;
      }
    }

    go(step) {
      if (!this.hits.length) return;
      this.at = (this.at + step + this.hits.length) % this.hits.length;
      this.reveal(this.hits[this.at].element);
      this.paint();
      this.scroll();
    }

    paint() {
      found.clear();
      current.clear();
      for (const tools of shown) {
        tools.hits.forEach(({ ranges }, place) => {
          for (const range of ranges) (place === tools.at ? current : found).add(range);
        });
      }
      const isCut = this.tree.querySelector(".cut") ? ", more in raw" : "";
      const place = this.hits.length ? `${this.at + 1} of ${this.hits.length}` : "not found";
      this.count.textContent = this.field.value ? place + isCut : "";
    }

    scroll() {
      this.hits[this.at]?.element.scrollIntoView({ block: "nearest" });
    }

    openAll(isOpen) {
      for (const part of this.tree.querySelectorAll("details")) part.open = isOpen;
      const top = this.tree.querySelector(":scope > details");
      if (top) top.open = true; // folded, a tree still shows its first level
    }

    toggleWrap() {
      const isUnwrapped = this.bar.classList.toggle("is-unwrapped");
      this.wrap.ariaPressed = String(!isUnwrapped);
    }
  }

  function rangesOf(element, pattern) {
    const text = element.firstChild;
    return [...text.data.matchAll(pattern)].map(({ index, 0: { length } }) => {
      const range = new Range();
      range.setStart(text, index);
      range.setEnd(text, index + length);
      return range;
    });
  }

  const made = new WeakMap();
  const shown = new Set();

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-json-tools]");
    if (!button) return;
    for (const tools of shown) if (!tools.bar.isConnected) shown.delete(tools);
    const isNew = !made.get(button)?.bar.isConnected;
    if (isNew) made.set(button, new Tools(button));
    const tools = made.get(button);
    shown.add(tools);
    tools.show(isNew || tools.bar.hidden);
  });
}
