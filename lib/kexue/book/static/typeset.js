// MathJax, loaded once the page is shown. It typesets a few formulas at a time, those in sight first, and lets the
// reader scroll and click in between. `kexueTypeset` is a promise that all are done.
(function () {
  "use strict";
  const source = document.currentScript.dataset.mathjax;
  const SLICE = 8; // milliseconds

  function pause() {
    return window.scheduler?.yield ? window.scheduler.yield() : new Promise((done) => setTimeout(done));
  }

  function formulas() {
    const places = [...document.querySelectorAll(".math, .mathjax_process, .tex2jax_process, .output_area")];
    const written = places.filter((place) => /\\[([]|\\begin\{|\$\$/.test(place.textContent));
    const outermost = written.filter((place) => !place.parentElement.closest(".math, .mathjax_process, .tex2jax_process, .output_area"));
    const height = window.innerHeight;
    const seen = outermost.map((place) => {
      const box = place.getBoundingClientRect();
      return box.bottom > -height && box.top < 2 * height;
    });
    return [...outermost.filter((_, i) => seen[i]), ...outermost.filter((_, i) => !seen[i])];
  }

  async function typeset() {
    const waiting = formulas();
    let count = 4;
    while (waiting.length) {
      const start = performance.now();
      const batch = waiting.splice(0, count);
      await window.MathJax.typesetPromise(batch);
      count = Math.max(1, Math.min(40, Math.round((batch.length * SLICE) / (performance.now() - start))));
      await pause();
    }
  }

  function load() {
    return new Promise((done, failed) => {
      const settings = (window.MathJax ??= {});
      settings.startup = { pageReady: () => typeset().then(done, failed) };
      // Each formula would be a stop for the tab key, for the sake of MathJax's menu; the right mouse button opens it too.
      settings.options = { ...settings.options, menuOptions: { settings: { inTabOrder: false } } };
      const script = document.createElement("script");
      script.src = source;
      script.onerror = () => failed(new Error("MathJax did not load"));
      document.head.append(script);
    });
  }

  window.kexueTypeset = new Promise((shown) => {
    // A page in the background is never painted.
    if (document.hidden) shown();
    else requestAnimationFrame(() => setTimeout(shown));
  }).then(load);
})();
