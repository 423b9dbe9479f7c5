// Shows, in an empty field for a tool name, the name that the server will make of what is typed into another field.
"use strict";
for (const made of document.querySelectorAll("[data-made-from]")) {
  const source = made.form.elements[made.dataset.madeFrom];

  // As flows/values/tool_names.py makes it; a name that is taken gets a number there.
  function show() {
    const plain = source.value.normalize("NFKD").replace(/[^\0-\x7f]/g, "");
    const spaced = plain.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z])([A-Z][a-z])/g, "$1_$2").toLowerCase();
    const name = spaced.replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "");
    made.placeholder = source.value.trim() ? (/^[a-z]/.test(name) ? name : `call_${name}`).slice(0, 58).replace(/_+$/, "") : "";
  }
  source.addEventListener("input", show);
  show();
}
