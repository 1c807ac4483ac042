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
    await window.vegaEmbed(place, { ...spec, config: themes[theme()] }, {
      actions: false,
      ast: true, // no text is run as a program
      defaultStyle: false,
      renderer: "svg",
    });
    place.dataset.drawn = theme();
  } catch (fault) {
    place.textContent = "The chart can't be drawn; its numbers are below.";
    console.error(fault);
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

if (framed) document.documentElement.dataset.framed = "";
wear();
addEventListener("storage", wear); // Airflow's frame around this page, or another tab
dark.addEventListener("change", wear);
document.addEventListener("DOMContentLoaded", ready);
document.addEventListener("click", leave);
