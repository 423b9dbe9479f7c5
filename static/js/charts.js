// Charts by keyboard: Tab reaches one bar, the arrows, Home and End the others; the bar in focus shows its numbers.
"use strict";
{
  const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true"); // the bar's own name says the same
  document.body.append(tip);

  const barOf = (node) => (node instanceof Element ? node.closest("[data-chart] .bars a") : null);

  function show(bar) {
    const place = bar.getBoundingClientRect();
    tip.textContent = bar.getAttribute("aria-label");
    tip.hidden = false;
    const middle = place.left + place.width / 2 - tip.offsetWidth / 2;
    const left = Math.max(4, Math.min(middle, document.documentElement.clientWidth - tip.offsetWidth - 4));
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${place.top + scrollY - tip.offsetHeight - 4}px`;
  }

  function next(bar, key) {
    const bars = [...bar.ownerSVGElement.querySelectorAll("a")];
    const at = bars.indexOf(bar);
    return { ArrowLeft: bars[at - 1], ArrowRight: bars[at + 1], Home: bars[0], End: bars.at(-1) }[key];
  }

  document.addEventListener("focusin", ({ target }) => {
    const bar = barOf(target);
    if (bar?.matches(":focus-visible")) show(bar);
    else tip.hidden = true;
  });
  document.addEventListener("focusout", () => {
    tip.hidden = true;
  });
  document.addEventListener("keydown", (event) => {
    const bar = barOf(event.target);
    if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") tip.hidden = true;
    const wanted = next(bar, event.key);
    if (!wanted) return;
    event.preventDefault();
    wanted.focus();
  });
}
