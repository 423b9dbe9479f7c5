// A <dialog> that htmx fills opens over the page; without this script the link leads to the page that it is a part of.
"use strict";
{
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    if (target.tagName === "DIALOG" && !target.open) target.showModal();
  });

  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog");
    // What lies behind it counts as the dialog itself.
    if (!dialog || (event.target !== dialog && !event.target.closest("[data-close-dialog]"))) return;
    event.preventDefault();
    dialog.close();
  });

  // Closed by Esc as well: it shows what is stored when it is opened again.
  document.addEventListener("close", ({ target }) => target.replaceChildren(), true);
}
