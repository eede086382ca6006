// What a page shows, written down for the tests: evaluated in the page after it has loaded.

// Everything drawn, everything open, nothing in motion.
async function kexueSettle() {
  await window.kexueTypeset;
  const typeset = performance.now();
  const still = document.createElement("style");
  still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important; }";
  document.head.append(still);
  for (const details of document.querySelectorAll("details")) details.open = true;
  for (const button of document.querySelectorAll("button.toggle-button.toggle-button-hidden")) button.click();
  const undrawn = [];
  const theme = document.documentElement.dataset.theme;
  for (const figure of document.querySelectorAll(".kexue-explorable, .kexue-animation")) {
    figure.scrollIntoView({ block: "center" });
    const patience = performance.now() + 10000;
    while (!figure.dataset.ready && performance.now() < patience) await new Promise((done) => setTimeout(done, 20));
    const isDrawn = figure.dataset.ready && (figure.dataset.drawn ?? theme) === theme;
    if (!isDrawn) undrawn.push(figure.id || figure.className);
  }
  for (const image of document.images) image.loading = "eager";
  await Promise.all([...document.images].map((image) => image.decode().catch(() => {})));
  await document.fonts.ready;
  window.scrollTo(0, 0);
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return { typeset, undrawn };
}

// The page after the screen has changed its size, in the other theme.
async function kexueTurn(theme) {
  const figures = [...document.querySelectorAll(".kexue-explorable")];
  await new Promise((done) => setTimeout(done, 400)); // the theme waits 300 ms for the last change of size
  Object.assign(document.documentElement.dataset, { mode: theme, theme });
  const patience = performance.now() + 10000;
  while (figures.some((figure) => figure.dataset.drawn !== theme) && performance.now() < patience)
    await new Promise((done) => setTimeout(done, 20));
}

// A short name by which a person finds the element.
function kexueName(element) {
  const place = element.closest("[id]")?.id;
  return `<${element.localName} class="${element.getAttribute("class") ?? ""}"> in #${place}: ${element.textContent.trim().slice(0, 60)}`;
}

// Text that a reader sees as prose: neither code nor formula.
function* kexueProse() {
  const code = "code, pre, kbd, script, style, textarea, noscript, template, mjx-container, .sig, .MathJax_Preview";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(code)) yield walker.currentNode;
}

function kexueIsShown(element) {
  return element.checkVisibility({ checkVisibilityCSS: true }) && element.getBoundingClientRect().width > 0;
}

// Elements of the page that stick out of the screen, unless something around them scrolls.
function kexueOverflowing() {
  const wide = document.documentElement.clientWidth + 1;
  const found = [];
  for (const element of document.querySelectorAll("main *")) {
    if (element.getBoundingClientRect().right <= wide || !kexueIsShown(element)) continue;
    if (element.closest(".kexue-unseen, mjx-assistive-mml, .visually-hidden, .onlyprint")) continue;
    let around = element.parentElement;
    while (around && !/auto|scroll/.test(getComputedStyle(around).overflowX)) around = around.parentElement;
    if (!around || around === document.documentElement || around === document.body) found.push(kexueName(element));
  }
  return found;
}

// How wide the screen is, how wide what is on it would like to be, and a word of the page for comparison.
function kexueWidths() {
  const word = document.createElement("span");
  word.textContent = "Hamburgefonts";
  word.style.position = "absolute";
  document.querySelector("main").append(word);
  const line = word.getBoundingClientRect().width;
  word.remove();
  return {
    line,
    screen: document.documentElement.clientWidth,
    scrollWidth: Math.max(
      ...["html", "body", "main", ".bd-content", ".bd-article-container", "article"].map((selector) => {
        const box = document.querySelector(selector);
        return box ? Math.ceil(box.getBoundingClientRect().left + box.scrollWidth) : 0;
      })
    ),
  };
}

// What an icon draws, beside what the browser draws for a character that its font does not have.
function kexueIcons() {
  const canvas = new OffscreenCanvas(48, 48);
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const draw = (font, letter) => {
    brush.clearRect(0, 0, 48, 48);
    brush.font = font;
    brush.fillText(letter, 4, 40);
    return [...brush.getImageData(0, 0, 48, 48).data].join("");
  };
  return [...document.querySelectorAll('i[class*="fa-"], span[class*="fa-"]')].filter(kexueIsShown).map((icon) => {
    const { content, fontFamily, fontWeight } = getComputedStyle(icon, "::before");
    const font = `${fontWeight} 32px ${fontFamily}`;
    const letter = content.replaceAll('"', "");
    return {
      name: icon.className,
      height: icon.getBoundingClientRect().height,
      isDrawn: letter.length === 1 && draw(font, letter) !== draw(font, "\uf8ef") && draw(font, letter) !== draw(font, " "),
    };
  });
}

async function kexueFacts() {
  const { typeset, undrawn } = await kexueSettle();
  const prose = [...kexueProse()];
  const raw = prose.filter((node) => /\\[()[\]]|\\[a-zA-Z]{2,}|\$\$|\$[^\s$][^$\n]*\$|(?<![\w*])\*\w[^*\n]*\w\*(?![\w*])/.test(node.data));
  const formulas = [...document.querySelectorAll(".math, .mathjax_process")].filter((e) => e.textContent.trim());
  const figures = [...document.querySelectorAll(".kexue-explorable, .kexue-animation")];
  return {
    typeset,
    undrawn,
    icons: kexueIcons(),
    received: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
      ({ name, encodedBodySize }) => ({ name, bytes: encodedBodySize })
    ),
    language: document.documentElement.lang,
    title: document.title,
    ...kexueWidths(),
    overflowing: kexueOverflowing(),
    raw: raw.map((node) => node.data.trim().slice(0, 120)),
    formulas: formulas.length,
    untypeset: formulas.filter((e) => !e.querySelector("mjx-container") && !e.closest("mjx-container")).map(kexueName),
    wideFormulas: [...document.querySelectorAll('.bd-content div.math, .bd-content mjx-container[display="true"]')]
      .filter((e) => kexueIsShown(e) && e.scrollWidth > e.clientWidth + 1)
      .map(kexueName),
    empty: [...document.querySelectorAll("mjx-container")].filter((e) => kexueIsShown(e.parentElement) && !e.getBoundingClientRect().width).map(kexueName),
    // An unknown command is written in red.
    failedFormulas: [...document.querySelectorAll('mjx-merror, [data-mjx-error], mjx-mtext[style*="color: red"]')].map(kexueName),
    images: [...document.images].map((image) => ({
      source: image.src.slice(0, 200),
      alt: image.getAttribute("alt"),
      width: image.naturalWidth,
      shown: image.getBoundingClientRect().width,
      name: kexueName(image.parentElement),
    })),
    // The height of letters on the screen, in pixels, of every label that an explorable draws.
    labels: [...document.querySelectorAll(".kexue-panel svg text")]
      .filter((text) => text.textContent.trim())
      .map((text) => {
        const { a, b } = text.getScreenCTM(); // b is not zero where the text is turned
        return [text.textContent, parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b)];
      }),
    outside: figures
      .flatMap((figure) => [figure, ...figure.querySelectorAll(".kexue-panel, .kexue-stage > svg, canvas, input, select, button, output, label")])
      .filter(kexueIsShown)
      .filter((element) => {
        const box = element.getBoundingClientRect();
        return box.left < -1 || box.right > document.documentElement.clientWidth + 1;
      })
      .map(kexueName),
    cut: figures
      .flatMap((figure) => [...figure.querySelectorAll(".kexue-panel")])
      .filter((panel) => panel.scrollWidth > panel.clientWidth + 1)
      .map(kexueName),
    shortSliders: figures
      .flatMap((figure) => [...figure.querySelectorAll('input[type="range"]')])
      .filter((input) => input.getBoundingClientRect().width < 80)
      .map(kexueName),
  };
}

// Elements with text of their own outside formulas, one for each look: colour, what is behind, size and weight, and the looks of what is
// around. The contrast of all others is the same, and to measure it for each of thousands of words takes most of a visit.
function kexueLooks() {
  const looks = new Map();
  const look = (element) => {
    if (!element) return "";
    if (!looks.has(element)) {
      const { color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight, textDecorationLine, position } =
        getComputedStyle(element);
      const own = [color, backgroundColor, backgroundImage, opacity, fontSize, fontWeight, textDecorationLine, position];
      looks.set(element, `${look(element.parentElement)}/${element.localName === "a"} ${own}`.replace(/(\/[^/]*)\1+$/, "$1"));
    }
    return looks.get(element);
  };
  const chosen = new Map();
  for (const element of document.body.querySelectorAll("*:not(mjx-container *)")) {
    const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (speaks && !chosen.has(look(element)) && kexueIsShown(element)) chosen.set(look(element), element);
  }
  return [...chosen.values()];
}

// What axe-core calls a serious or critical barrier; of the rules on colours, for one element of each look.
async function kexueViolations() {
  const options = { resultTypes: ["violations"], preload: false };
  const colours = ["color-contrast", "link-in-text-block"];
  const seen = await axe.run({ include: kexueLooks() }, { ...options, runOnly: { type: "rule", values: colours } });
  const rules = Object.fromEntries([...colours, "region"].map((rule) => [rule, { enabled: false }])); // region is moderate
  const others = await axe.run(document, { ...options, rules });
  return [...seen.violations, ...others.violations]
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(" ")} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`)
    );
}
