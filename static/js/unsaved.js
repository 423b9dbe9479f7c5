// Asks before a page is left whose form, marked data-unsaved, holds what is not saved; "yes" says so from the beginning.
"use strict";
{
  const form = document.querySelector("form[data-unsaved]");
  let isSent = false;

  // Against the values that the page came with, so that what a browser filled in again after a reload counts as a change.
  function isChanged(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") {
      const usual = Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
      return field.selectedIndex !== usual;
    }
    return field.type !== "hidden" && field.value !== (field.defaultValue ?? field.value);
  }

  function asks(event) {
    const isDirty = form.dataset.unsaved === "yes" || [...form.elements].some(isChanged);
    if (isDirty && !isSent) event.preventDefault();
  }

  if (form) {
    form.addEventListener("submit", () => (isSent = true));
    addEventListener("pageshow", () => (isSent = false));
    addEventListener("beforeunload", asks);
  }
}
