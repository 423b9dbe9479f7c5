// Merging a fresh copy of a part into the page: what is the same stays the same element, so that scroll position, focus,
// selection and open cards stay.

// --- Merging ---------------------------------------------------------------------------------------------------------

/** What tells one element of a list from the next: its `data-key`, its card or its id; empty when it has none. */
export const key = (node) => node.dataset?.key ?? node.dataset?.card ?? (node.id || "");

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
    // The space between two elements is like any other: looked for further on, it would take what stands before it along.
    const isElement = child.nodeType === Node.ELEMENT_NODE;
    while (match && !isSame(match, child)) match = isElement ? match.nextSibling : null;
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

/** Bring a part of the page to the state of its fresh copy; nothing happens when one of the two is missing. */
export function mergePart(old, fresh) {
  if (!old || !fresh) return;
  slide(old, () => merge(old, fresh));
  window.htmx?.process(old);
}

// --- Moving: what has to make room slides, it does not jump ----------------------------------------------------------

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
