// Names for the parts of Django's admin widgets that scripts make and leave without one.
"use strict";
addEventListener("load", () => {
  for (const icon of document.querySelectorAll("span.help-tooltip[aria-label]")) icon.setAttribute("role", "img");
  for (const input of document.querySelectorAll("p.datetime > input")) {
    const label = input.closest(".form-row").querySelector("label").textContent.trim().replace(/:$/, "");
    input.setAttribute("aria-label", `${label}, ${input.classList.contains("vDateField") ? "date" : "time"}`);
  }
});
