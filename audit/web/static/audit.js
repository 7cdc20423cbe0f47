// Comfort only: the pages do all they do without this file.
"use strict";
for (const code of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  code.tabIndex = 0;
  code.setAttribute("role", "button");
  const copy = () =>
    navigator.clipboard.writeText(code.textContent).then(() => {
      code.classList.add("copied");
      setTimeout(() => code.classList.remove("copied"), 900);
    });
  code.addEventListener("click", copy);
  code.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      copy();
    }
  });
}
// Send no empty fields along: the address stays short.
for (const form of document.querySelectorAll("form.filters")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) {
      if (value === "") event.formData.delete(name);
    }
  });
}
