// Explorables and animations of the book: markup written by Python, behaviour added here.
// A classic script (modules do not load from file:// addresses); it may be included several times.
(function () {
  "use strict";
  const script = document.currentScript || document.querySelector('script[src*="explorable.js"]');
  const home = script && script.src ? script.src : null;
  const root = document.documentElement;
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

  // ---- shared -----------------------------------------------------------------------------------------------

  function debounce(action, delay) {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(action, delay);
    };
  }

  // Calls `action` once when `element` comes within `margin` pixels of the viewport.
  function whenNear(element, margin, action) {
    if (!("IntersectionObserver" in window)) return action();
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        action();
      },
      { rootMargin: margin + "px" }
    );
    observer.observe(element);
  }

  // Calls `action` when the page is complete and the browser has nothing else to do.
  function whenIdle(action) {
    const soon = () => (window.requestIdleCallback ?? setTimeout)(action);
    if (document.readyState === "complete") soon();
    else window.addEventListener("load", soon, { once: true });
  }

  function fill(range) {
    const span = range.max - range.min || 1;
    range.style.setProperty("--kexue-fill", (100 * (range.value - range.min)) / span + "%");
  }

  const scripts = new Map();
  function load(address) {
    if (!scripts.has(address)) {
      const loading = new Promise((resolve, reject) => {
        const element = document.createElement("script");
        element.src = address;
        element.onload = () => resolve();
        element.onerror = () => reject(new Error("missing: " + address));
        document.head.append(element);
      });
      scripts.set(address, loading);
    }
    return scripts.get(address);
  }

  // Beside this script; or, for a figure in a notebook, whose script has no place, from where the figure says.
  async function loadVega(element) {
    if (window.vegaEmbed) return;
    const { vega } = element.querySelector('script[type="application/json"]').dataset;
    if (!vega) return load(new URL("vega.js", home || document.baseURI).href);
    const { define } = window; // a loader of modules in the page would keep Vega to itself
    window.define = undefined;
    try {
      for (const address of vega.split(" ")) await load(address);
    } finally {
      window.define = define;
    }
  }

  // What a figure draws. On a page of the book it lies in a file of its own, NAME.js, which is fetched when the reader
  // comes near: a script that fills kexueContents[NAME], because a page from file:// may fetch nothing else.
  async function contentOf(element) {
    const { dataset, textContent } = element.querySelector('script[type="application/json"]');
    if (!dataset.src) return JSON.parse(textContent);
    await load(new URL(dataset.src, document.baseURI).href);
    return window.kexueContents[dataset.src.match(/([^/]+)\.js$/)[1]];
  }

  // ---- explorables ------------------------------------------------------------------------------------------

  const RECORD = "kexue";

  function themed(content, colours) {
    if (typeof content === "string") return colours[content.toLowerCase()] ?? content;
    if (Array.isArray(content)) return content.map((item) => themed(item, colours));
    if (content === null || typeof content !== "object") return content;
    return Object.fromEntries(Object.entries(content).map(([key, value]) => [key, themed(value, colours)]));
  }

  function drawsRecord(view) {
    try {
      return Array.isArray(view.data(RECORD));
    } catch {
      return false;
    }
  }

  function isFaceted(panel) {
    return "facet" in panel || ["row", "column", "facet"].some((channel) => panel.encoding?.[channel]);
  }

  // As wide as there is room. A panel with both width and height keeps its shape and never exceeds them.
  async function resize(view, panel, room) {
    if (isFaceted(panel)) return;
    await view.width(room).runAsync();
    const { width: most, height } = panel;
    if (!(most > 0 && height > 0)) return;
    const width = view.width(); // of the plot, without labels
    if (width > most) await view.width(room - (width - most)).runAsync();
    await view.height(Math.round((view.width() * height) / most)).runAsync();
  }

  function rename(element, id) {
    const old = element.id;
    for (const part of [element, ...element.querySelectorAll("[id], [for]")]) {
      for (const name of ["id", "for"]) {
        if (part.hasAttribute(name)) part.setAttribute(name, id + part.getAttribute(name).slice(old.length));
      }
    }
  }

  class Explorable {
    constructor(element, id) {
      this.element = element;
      if (id !== element.id) rename(element, id);
      this.id = id;
      this.isOnPage = !element.closest(".kexue-notebook"); // a notebook's address is not the figure's
      this.rows = [...element.querySelectorAll(".kexue-slider")];
      this.inputs = this.rows.map((row) => row.querySelector("input, select")); // sliders, and menus of names
      this.outputs = this.rows.map((row) => row.querySelector("output"));
      this.box = element.querySelector(".kexue-panels");
      this.status = element.querySelector(".kexue-status");
      this.views = [];
      this.live = []; // the views that draw the record; a panel may be the same for all sliders
      this.widths = [];
      this.sweeping = 0;
      this.controls = element.querySelector(".kexue-controls");
      this.controls.hidden = false; // the page keeps its height when the figure comes to life
      whenNear(element, 600, () => whenIdle(() => this.start()));
    }

    get at() {
      return this.inputs.map((input) => Number(input.value));
    }

    // The record of the current position: parameters, constants, and one row of every field.
    get record() {
      const { sliders, constants, fields } = this.spec;
      const record = { ...constants };
      let point = 0;
      this.at.forEach((index, i) => {
        record[sliders[i].name] = sliders[i].values[index];
        point = point * sliders[i].values.length + index;
      });
      for (const name in fields) record[name] = this.row(fields[name], point);
      return record;
    }

    // Packed fields: a few bytes a number, 2000 (e - lowest) + m + 1000 for m × 10^e. Others are plain lists.
    row(field, point) {
      if (Array.isArray(field)) return field[point];
      field.bytes ??= Uint8Array.from(atob(field.packed), (letter) => letter.charCodeAt(0));
      const { bytes, width, lowest } = field;
      const length = field.length ?? 1;
      const numbers = Array.from({ length }, (_, k) => {
        const at = width * (point * length + k);
        let packed = 0;
        for (let i = width; i--; ) packed = 256 * packed + bytes[at + i];
        return Number((packed % 2000) - 1000 + "e" + (Math.floor(packed / 2000) + lowest));
      });
      return field.length === null ? numbers[0] : numbers;
    }

    listen() {
      this.remember = debounce(() => this.isOnPage && this.writeAddress(), 250);
      this.speak = debounce(() => this.say(this.values().join(", ")), 600);
      this.inputs.forEach((input, i) => {
        input.addEventListener("input", () => {
          this.stop();
          this.moved();
        });
        this.rows[i].querySelector(".kexue-sweep").addEventListener("click", () => this.sweep(i));
      });
      this.element.querySelector(".kexue-reset").addEventListener("click", () => {
        this.stop();
        this.spec.sliders.forEach((slider, i) => (this.inputs[i].value = slider.start));
        this.moved();
      });
      const link = this.element.querySelector(".kexue-link");
      if (this.isOnPage) link.addEventListener("click", () => this.copyLink());
      else link.remove();
      window.addEventListener("popstate", () => {
        this.restore(this.spec.sliders.map((slider) => slider.start));
        this.redraw();
      });
    }

    values() {
      return this.spec.sliders.map((slider, i) => slider.words + " " + slider.labels[this.at[i]]);
    }

    // Sliders by their words: in a notebook nothing typesets a formula that comes with a script.
    name() {
      this.rows.forEach((row, i) => (row.querySelector("label").textContent = this.spec.sliders[i].words));
    }

    say(text) {
      this.status.textContent = text;
    }

    label() {
      this.spec.sliders.forEach((slider, i) => {
        if (!this.outputs[i]) return; // a menu shows its name itself
        const label = slider.labels[this.at[i]];
        this.outputs[i].textContent = label;
        this.inputs[i].setAttribute("aria-valuetext", label);
        fill(this.inputs[i]);
      });
    }

    moved() {
      this.label();
      this.redraw();
      this.remember();
      if (!this.sweeping) {
        this.status.classList.add("kexue-unseen");
        this.speak();
      }
    }

    // One redraw per displayed frame, and never two at a time.
    redraw() {
      if (!this.live.length) return;
      if (this.busy) return void (this.again = true);
      this.busy = true;
      requestAnimationFrame(async () => {
        const at = this.at.join(" ");
        const record = this.record;
        try {
          await Promise.all(this.live.map((view) => view.data(RECORD, [{ ...record }]).runAsync()));
          this.element.dataset.at = at;
        } finally {
          this.busy = false;
          if (this.again) {
            this.again = false;
            this.redraw();
          }
        }
      });
    }

    // ---- drawing

    async start() {
      try {
        [this.spec] = await Promise.all([contentOf(this.element), loadVega(this.element)]);
        this.restore(this.at);
        this.listen();
        if (!this.isOnPage) this.name();
        await this.draw();
      } catch (error) {
        console.error(error);
        this.controls.hidden = true;
        return; // the still picture stays
      }
      new ResizeObserver(() => this.fit()).observe(this.box);
      // Paper does not wait for a drawing: a dark one gives way to its light still.
      const isStale = () => this.theme() !== this.drawn && !matchMedia("print").matches;
      new MutationObserver(() => isStale() && this.draw()).observe(root, { attributeFilter: ["data-theme"] });
      this.element.dataset.ready = "true";
    }

    theme() {
      return root.dataset.theme === "dark" ? "dark" : "light";
    }

    async draw() {
      this.drawn = this.theme();
      const drawing = (this.drawing = {});
      const colours = this.drawn === "dark" ? this.spec.dark : {};
      const config = themed(this.spec.config, colours);
      config.font = getComputedStyle(this.element).fontFamily;
      const record = this.record;
      const at = this.at.join(" ");
      this.box.hidden = false;
      while (this.box.children.length < this.spec.panels.length) {
        const panel = document.createElement("div");
        panel.className = "kexue-panel";
        this.box.append(panel);
      }
      const panels = [...this.box.children];
      const widths = panels.map((panel) => Math.floor(panel.clientWidth));
      const results = await Promise.all(
        this.spec.panels.map((panel, i) => {
          const spec = themed(panel, colours);
          spec.config = { ...config, ...spec.config };
          spec.datasets = { ...this.spec.datasets, [RECORD]: [{ ...record }] };
          if (!isFaceted(panel)) {
            spec.width = widths[i];
            spec.autosize = { type: "fit-x", contains: "padding" };
          }
          const stage = document.createElement("div");
          stage.className = "kexue-stage";
          stage.setAttribute("aria-hidden", "true"); // the panels together are one described image
          panels[i].append(stage);
          return window.vegaEmbed(stage, spec, { mode: "vega-lite", actions: false, renderer: "svg", tooltip: false });
        })
      );
      await Promise.all(
        results.map(({ view }, i) => this.spec.panels[i].width > 0 && resize(view, this.spec.panels[i], widths[i]))
      );
      if (drawing !== this.drawing) return results.forEach((result) => this.discard(result));
      this.views.forEach((view) => view.finalize());
      panels.forEach((panel) => {
        while (panel.children.length > 1) panel.firstElementChild.remove();
      });
      this.views = results.map((result) => result.view);
      this.live = this.views.filter(drawsRecord);
      this.widths = widths;
      this.element.dataset.at = at;
      this.element.dataset.drawn = this.drawn;
      this.element.querySelector(".kexue-still").hidden = true;
      if (at !== this.at.join(" ")) this.redraw();
      this.fit();
    }

    discard(result) {
      result.finalize();
      result.view.container()?.closest(".kexue-stage")?.remove();
    }

    fit() {
      [...this.box.children].forEach((panel, i) => {
        const width = Math.floor(panel.clientWidth);
        if (!width || width === this.widths[i] || !this.views[i]) return;
        this.widths[i] = width;
        const view = this.views[i];
        this.sizing = Promise.resolve(this.sizing).then(() => resize(view, this.spec.panels[i], width));
      });
    }

    // ---- sweep

    sweep(i) {
      const wasSweeping = this.sweeping && this.swept === i;
      this.stop();
      if (wasSweeping) return;
      this.swept = i;
      const input = this.inputs[i];
      const last = this.spec.sliders[i].values.length - 1;
      let step = Number(input.value) < last ? 1 : -1;
      const pause = this.outputs[i] ? Math.max(50, Math.min(240, 2400 / last)) : 800; // a name has to be read
      this.rows[i].querySelector(".kexue-sweep").setAttribute("aria-pressed", "true");
      this.sweeping = setInterval(() => {
        const next = Number(input.value) + step;
        if (next >= last) step = -1;
        if (next <= 0) step = 1;
        input.value = next;
        this.moved();
      }, pause);
    }

    stop() {
      if (!this.sweeping) return;
      clearInterval(this.sweeping);
      this.sweeping = 0;
      this.rows[this.swept].querySelector(".kexue-sweep").setAttribute("aria-pressed", "false");
      this.speak();
    }

    // ---- permalink

    key(i) {
      return this.id + "." + this.spec.sliders[i].name;
    }

    // The sliders where the address wants them; those that it does not name at `otherwise`.
    restore(otherwise) {
      const query = new URLSearchParams(this.isOnPage ? location.search : "");
      this.spec.sliders.forEach((slider, i) => {
        const wanted = query.get(this.key(i));
        let index = otherwise[i];
        if (!this.outputs[i] && slider.labels.includes(wanted)) {
          index = slider.labels.indexOf(wanted); // the link of a menu holds the name
        } else if (wanted !== null && wanted !== "" && Number.isFinite(Number(wanted))) {
          const distance = slider.values.map((value) => Math.abs(value - Number(wanted)));
          index = distance.indexOf(Math.min(...distance));
        }
        this.inputs[i].value = index;
      });
      this.label();
    }

    address(everything) {
      const address = new URL(location.href);
      this.spec.sliders.forEach((slider, i) => {
        const index = this.at[i];
        const shown = (this.outputs[i] ? slider.values : slider.labels)[index];
        if (everything || index !== slider.start) address.searchParams.set(this.key(i), shown);
        else address.searchParams.delete(this.key(i));
      });
      return address;
    }

    writeAddress() {
      try {
        history.replaceState(history.state, "", this.address(false));
      } catch {
        // Some browsers keep the address of a file:// page as it is; the figure works all the same.
      }
    }

    async copyLink() {
      const address = this.address(true);
      address.hash = this.id;
      this.status.classList.remove("kexue-unseen");
      let copied = false;
      try {
        await navigator.clipboard.writeText(address.href);
        copied = true;
      } catch {
        const field = document.createElement("textarea");
        field.value = address.href;
        field.className = "kexue-unseen";
        this.element.append(field);
        field.select();
        copied = document.execCommand("copy");
        field.remove();
        this.element.querySelector(".kexue-link").focus();
      }
      this.say(copied ? "Link copied" : "Copy the link from the address bar");
    }
  }

  // ---- animations -------------------------------------------------------------------------------------------

  // One still layer that all frames share, one moving layer for each frame; drawn on a canvas one over the other.
  class Animation {
    constructor(element) {
      this.element = element;
      this.canvas = element.querySelector("canvas");
      this.scrub = element.querySelector('input[type="range"]');
      this.button = element.querySelector(".kexue-play");
      this.count = element.querySelector("output");
      this.timer = 0;
      whenNear(element, 600, () => this.start());
    }

    async start() {
      const load = async (source) => {
        const image = new Image();
        image.src = "data:image/webp;base64," + source;
        await image.decode();
        return image;
      };
      try {
        this.spec = await contentOf(this.element);
        const [still, ...layers] = await Promise.all([this.spec.still, ...this.spec.frames].map(load));
        Object.assign(this, { still, layers });
      } catch (error) {
        console.error(error);
        return; // the poster stays
      }
      this.canvas.width = this.still.naturalWidth;
      this.canvas.height = this.still.naturalHeight;
      this.show(this.spec.poster);
      this.canvas.hidden = false;
      this.element.querySelector(".kexue-poster").hidden = true;
      this.element.querySelector(".kexue-controls").hidden = false;
      this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      this.scrub.addEventListener("input", () => {
        this.pause();
        this.show(Number(this.scrub.value));
      });
      this.scrub.addEventListener("keydown", (event) => {
        if (event.key !== " ") return;
        event.preventDefault();
        this.button.click();
      });
      this.element.dataset.ready = "true";
      if (!calm.matches)
        whenNear(this.canvas, -80, () => {
          this.show(0);
          this.play();
        });
    }

    show(frame) {
      this.frame = frame;
      const brush = this.canvas.getContext("2d");
      brush.clearRect(0, 0, this.canvas.width, this.canvas.height);
      brush.drawImage(this.still, 0, 0);
      brush.drawImage(this.layers[frame], this.spec.left, this.spec.top);
      this.scrub.value = frame;
      this.scrub.setAttribute("aria-valuetext", "frame " + (frame + 1) + " of " + this.layers.length);
      this.count.textContent = frame + 1 + " / " + this.layers.length;
      this.element.dataset.frame = frame;
      fill(this.scrub);
    }

    play() {
      const last = this.layers.length - 1;
      if (this.frame >= last) this.show(0);
      this.label("Pause");
      this.timer = setInterval(() => {
        this.show(Math.min(this.frame + 1, last));
        if (this.frame >= last) this.pause();
      }, this.spec.interval);
    }

    pause() {
      clearInterval(this.timer);
      this.timer = 0;
      this.label("Play");
    }

    label(words) {
      this.button.setAttribute("aria-label", words);
      this.button.dataset.playing = String(words === "Pause");
    }
  }

  // ---- start ------------------------------------------------------------------------------------------------

  const seen = (window.kexueFigures ??= { elements: new WeakSet(), ids: new Map() });

  function adopt(element, action) {
    if (seen.elements.has(element)) return;
    seen.elements.add(element);
    const content = element.querySelector('script[type="application/json"]');
    if (content.dataset.controls) content.insertAdjacentHTML("beforebegin", content.dataset.controls);
    action();
  }

  function start() {
    document.querySelectorAll(".kexue-explorable").forEach((element) =>
      adopt(element, () => {
        // Two figures with the same parameters and fields: the second is called NAME-2.
        const times = (seen.ids.get(element.id) ?? 0) + 1;
        seen.ids.set(element.id, times);
        element.kexue = new Explorable(element, times > 1 ? element.id + "-" + times : element.id);
      })
    );
    document.querySelectorAll(".kexue-animation").forEach((element) =>
      adopt(element, () => (element.kexue = new Animation(element)))
    );
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
