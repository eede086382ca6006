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

// Code and tables that are wider than the page can be scrolled by keyboard; the theme sees to it for code, but not where
// it was folded when the page was loaded.
document.addEventListener("DOMContentLoaded", () => {
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  for (const wide of document.querySelectorAll("pre, .pst-scrollable-table-container, table.table")) observer.observe(wide);
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
