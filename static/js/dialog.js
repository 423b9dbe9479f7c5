// A <dialog data-filled> opens over the page when htmx has filled it; without this script the link leads to a page of its own.
"use strict";
{
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    if (target.matches("dialog[data-filled]") && !target.open) target.showModal();
  });

  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog[data-filled]");
    // What lies behind it counts as the dialog itself.
    if (!dialog || (event.target !== dialog && !event.target.closest("[data-close-dialog]"))) return;
    event.preventDefault();
    dialog.close();
  });

  // Closed by Esc as well: it shows what is stored when it is opened again.
  document.addEventListener("close", ({ target }) => target.matches("dialog[data-filled]") && target.replaceChildren(), true);
}
