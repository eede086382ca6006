// The filter of the ledger of claims; the table is complete without it.
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form.kexue-filter")) {
    const rows = [...form.nextElementSibling.querySelectorAll("tbody tr")];
    const apply = () => {
      const wanted = Object.fromEntries(new FormData(form));
      let shown = 0;
      for (const row of rows) {
        const fits = Object.entries(wanted).every(([name, value]) => !value || row.dataset[name] === value);
        row.hidden = !fits;
        shown += fits;
      }
      form.querySelector("output").value = `${shown} of ${rows.length} claims`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }
});

// Sphinx writes two lists whose markup a screen reader takes for broken: the parameters of a signature, which are
// descriptions without terms, and the bibliography, a list without items.
document.addEventListener("DOMContentLoaded", () => {
  for (const list of document.querySelectorAll("dt.sig > dl")) {
    list.setAttribute("role", "list");
    for (const parameter of list.children) parameter.setAttribute("role", "listitem");
  }
  for (const entry of document.querySelectorAll('[role="list"] > .citation')) entry.setAttribute("role", "listitem");
});

// Code, tables and formulas that are wider than the page can be scrolled by keyboard, and nothing else is a stop for the
// tab key; the theme sees to it for code, but not where it was folded when the page was loaded.
document.addEventListener("DOMContentLoaded", () => {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  const observe = (kinds) => document.querySelectorAll(kinds).forEach((wide) => observer.observe(wide));
  observe("pre, .pst-scrollable-table-container, table.table");
  window.kexueTypeset?.then(() => observe("mjx-container"));
});

// A link to code opens the bar that it is behind, in browsers that do not do so by themselves.
for (const event of ["DOMContentLoaded", "hashchange"]) {
  (event === "hashchange" ? window : document).addEventListener(event, () => {
    if (!/^#code-\d+$/.test(location.hash)) return;
    const code = document.querySelector(location.hash);
    const tray = code?.closest("details");
    if (tray) tray.open = true;
    code?.scrollIntoView();
  });
}

// What is printed is light, with its hints open; what else is left out, the style sheet says.
const printed = matchMedia("print");
const opened = [];
let before;
printed.addEventListener("change", () => {
  const { dataset } = document.documentElement;
  if (printed.matches) {
    before = dataset.theme;
    dataset.theme = "light";
    for (const hint of document.querySelectorAll("details.sd-dropdown:not([open])")) {
      hint.open = true;
      opened.push(hint);
    }
  } else {
    dataset.theme = before;
    for (const hint of opened.splice(0)) hint.open = false;
  }
});
