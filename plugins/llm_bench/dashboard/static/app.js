/* All pages can be read without it: Airflow's theme, charts, signs that say more, addresses without empty values. */
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");

function theme() {
  // Airflow's UI keeps what its user chose here: "light", "dark" or "system".
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // No storage in this frame: the system's theme it is.
  }
  return chosen === "light" || chosen === "dark" ? chosen : dark.matches ? "dark" : "light";
}

function wear() {
  if (document.documentElement.dataset.theme === theme()) return;
  document.documentElement.dataset.theme = theme();
  drawn.forEach(draw);
}

// Charts. The library is loaded when there is one to draw.

const drawn = new Set();
let library = null;

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.type = "module";
    script.src = document.body.dataset.vega;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return library;
}

async function draw(place) {
  drawn.add(place);
  const themes = JSON.parse(document.getElementById("themes").textContent);
  const spec = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  try {
    await load();
    const { view } = await window.vegaEmbed(place, { ...spec, config: themes[theme()] }, {
      actions: false,
      ast: true, // no text is run as a program
      defaultStyle: false,
      renderer: "svg",
    });
    place.dataset.drawn = theme();
    follow(view);
    if (spec.usermeta?.slots) choose(place, view);
    whole(place);
  } catch (fault) {
    place.textContent = "The chart can't be drawn; its numbers are below.";
    console.error(fault);
  }
}

// A click anywhere in a slot opens its records; a finger shows them first, and opens them when it comes again.

function follow(view) {
  let shown = null;
  view.addEventListener("click", (event, item) => {
    const datum = item?.datum;
    if (!datum?.opens) return;
    if (event.pointerType === "touch" && shown !== datum.at) shown = datum.at;
    else location.assign(datum.opens);
  });
}

// Dragging over a plot along time shows that part of the study alone; it is a filter as any other, in the address.

const LEAST = 12; // pixels: less is a click

function choose(place, view) {
  const plot = () => place.querySelector("svg").getBoundingClientRect();
  let from = null;
  let band = null;
  const within = (event) => Math.min(Math.max(event.clientX - plot().left - view.origin()[0], 0), view.width());
  const drop = () => {
    band?.remove();
    from = band = null;
  };
  place.classList.add("zooms");
  place.addEventListener("pointerdown", (event) => {
    const across = event.clientX - plot().left - view.origin()[0];
    if (event.button === 0 && across >= 0 && across <= view.width()) from = across;
  });
  place.addEventListener("pointermove", (event) => {
    if (from === null) return;
    const to = within(event);
    if (!band && Math.abs(to - from) < LEAST) return;
    if (!band) {
      band = document.createElement("div");
      band.className = "band";
      place.append(band);
      place.setPointerCapture(event.pointerId);
    }
    const left = plot().left - place.getBoundingClientRect().left + view.origin()[0];
    band.style.left = `${left + Math.min(from, to)}px`;
    band.style.width = `${Math.abs(to - from)}px`;
  });
  place.addEventListener("pointerup", (event) => {
    if (band) {
      const scale = view.scale("x");
      const ends = [from, within(event)].sort((one, other) => one - other);
      const [start, end] = ends.map((at) => new Date(scale.invert(at)).toISOString().slice(0, 19));
      const address = new URL(location.href);
      address.searchParams.set("start", start); // what a clock in the study's zone shows
      address.searchParams.set("end", end);
      address.hash = place.closest("section").querySelector("h2").id;
      addEventListener("click", (click) => click.stopPropagation(), { capture: true, once: true });
      location.assign(address);
    }
    drop();
  });
  place.addEventListener("pointercancel", drop);
}

// A name or title that a chart has no place for is whole where it is pointed at.

function whole(place) {
  for (const text of place.querySelectorAll(":is(.role-axis-label, .role-legend-label, .role-legend-title) text")) {
    const full = text.__data__?.datum?.value ?? text.__data__?.text;
    if (typeof full === "string" && text.textContent.includes("…")) {
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = full.replace("\n", " ");
      text.append(title);
      text.style.pointerEvents = "auto";
    }
  }
}

// In Airflow's frame a link to Airflow itself is followed by the page around it.

const framed = window.parent !== window;

function leave(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!framed || !link || event.defaultPrevented) return;
  event.preventDefault();
  const outside = window.parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
}

// A table of signs: what one says is written below it, also when it is reached by keyboard or touched.

function grid(table) {
  const cells = [...table.querySelectorAll("td[title]")];
  const place = table.closest("section").querySelector("[data-said]");
  const say = (event) => {
    const cell = event.target.closest("td[title]");
    if (cell) place.textContent = cell.title;
  };
  table.addEventListener("pointerover", say);
  table.addEventListener("focusin", say);
  if (cells[0]) cells[0].tabIndex = 0;
  table.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const cell = event.target.closest("td[title]");
    if (!steps || !cell) return;
    event.preventDefault();
    let [row, column] = [cell.parentElement.rowIndex, cell.cellIndex];
    let next = null;
    do {
      row += steps[0];
      column += steps[1];
      next = table.rows[row]?.cells[column];
    } while (next && next.tagName === "TD" && !next.title); // an LLM beside itself
    if (next?.title && next.tagName === "TD") {
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }
  });
}

// An answer is graded by keys: each goes to the question that one is at, or else to the first that has no grade yet.

function grades(form) {
  const asked = [...form.querySelectorAll("fieldset")];
  const chosen = (part) => part.querySelector(":checked");
  form.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const part = event.target.closest("fieldset") ?? asked.find((each) => !chosen(each)) ?? asked[0];
    const key = event.key === "-" ? "can't say" : event.key;
    const choice = [...part.querySelectorAll("input")].find((each) => each.value === key);
    if (!choice) return;
    event.preventDefault();
    choice.checked = true;
    const next = asked[asked.indexOf(part) + 1];
    (next ? (chosen(next) ?? next.querySelector("input")) : form.querySelector("button")).focus({ preventScroll: true });
  });
  form.focus({ preventScroll: true });
}

function ready() {
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((watched) => watched.isIntersecting)) {
        seen.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { root: document, rootMargin: "400px" },
  );
  document.querySelectorAll("[data-chart]").forEach((place) => seen.observe(place));
  document.querySelectorAll("[data-cells]").forEach(grid);
  document.querySelectorAll("[data-grades]").forEach(grades);
  document.querySelectorAll("form[method=get]").forEach((form) =>
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) {
        if (value === "" || (name === "suspect" && value === "include")) event.formData.delete(name);
      }
    }),
  );
  document.querySelectorAll("button[data-copies]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const command = document.getElementById(button.dataset.copies);
      try {
        await navigator.clipboard.writeText(command.textContent);
        button.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(command); // over plain HTTP a page may not write to the clipboard
      }
    });
  });
}

// While a study runs, an open page asks now and then: a batch that was loaded is shown without anyone's doing.

const EVERY = 20000; // milliseconds

async function lookAgain() {
  const { live, version } = document.body.dataset;
  if (!live || document.hidden) return;
  try {
    const reply = await fetch(live, { headers: { accept: "application/json" } });
    if (!reply.ok) return; // logged out, or the store can't be read now: a reload would say so
    const now = await reply.json();
    report(now.running);
    if (now.version !== version && !occupied()) await renew(now.version);
  } catch {
    // The server can't be reached now; the page stays as it is.
  }
}

function report(running) {
  const place = document.querySelector("[data-running]");
  if (!place) return;
  place.hidden = running.length === 0;
  place.querySelector("ul").replaceChildren(
    ...running.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
}

function occupied() {
  // Who types, selects a text, drags over a chart or grades an answer isn't disturbed.
  const active = document.activeElement;
  return (
    active?.matches("input, select, textarea") ||
    document.querySelector(".band, [data-grades]") ||
    !getSelection().isCollapsed
  );
}

async function renew(version) {
  const reply = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!reply.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const [before, after] = [document.getElementById("main"), page.getElementById("main")];
  const open = [...before.querySelectorAll("details")].map((part) => part.open);
  const parts = after.querySelectorAll("details");
  if (parts.length === open.length) parts.forEach((part, number) => (part.open = open[number]));
  for (const place of after.querySelectorAll("[data-chart]")) {
    const earlier = before.querySelector(`[data-chart="${place.dataset.chart}"]`);
    if (earlier) place.style.minHeight = `${earlier.offsetHeight}px`; // so that nothing jumps
  }
  drawn.clear();
  before.replaceWith(document.adoptNode(after));
  document.body.dataset.version = version;
  ready();
}

if (framed) document.documentElement.dataset.framed = "";
wear();
addEventListener("storage", wear); // Airflow's frame around this page, or another tab
dark.addEventListener("change", wear);
document.addEventListener("DOMContentLoaded", ready);
setInterval(lookAgain, EVERY);
document.addEventListener("visibilitychange", lookAgain);
document.addEventListener("click", leave);
