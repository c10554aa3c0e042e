"use strict";
// Draws the figures, lets tables sort, filter and download, and moves all figures by the choices of controls and statement.
(function () {
  const views = [];
  const controls = ["V", "alpha", "c", "a", "f"];
  const chosen = { chosen_statement: "all" };
  for (const name of controls) chosen[`chosen_${name}`] = "all";
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;

  function value(text) {
    return text === "all" || text === "" || isNaN(Number(text)) ? text : Number(text);
  }

  function choose(name, text) {
    chosen[name] = value(text);
    for (const view of views) {
      if (view.getState({ signals: (each) => each === name }).signals[name] !== undefined) view.signal(name, chosen[name]).runAsync();
    }
    if (name !== "chosen_statement") document.querySelectorAll(".rows").forEach(filter);
  }

  function filter(section) {
    const words = section.querySelector(".filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, all = 0;
    for (const row of section.querySelectorAll("tbody tr")) {
      const text = row.textContent.toLowerCase();
      const fits = (name) => {
        const at = chosen[`chosen_${name}`], own = row.dataset[name.toLowerCase()];
        return at === "all" || own === undefined || Number(own) === at;
      };
      const good = words.every((word) => text.includes(word)) && controls.every(fits);
      row.hidden = !good;
      shown += good; all += 1;
    }
    section.querySelector("output").textContent = `${shown} of ${all} rows`;
  }

  function key(row, column) {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent;
    return text === "" ? NaN : Number.isNaN(Number(text)) ? text : Number(text);
  }

  function sort(section, head, column) {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const each of section.querySelectorAll("th")) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = section.querySelector("tbody"), rows = Array.from(body.rows);
    rows.sort((a, b) => {
      const x = key(a, column), y = key(b, column);
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
      return up ? order : -order;
    });
    body.append(...rows);
  }

  function download(section, name) {
    const quote = (text) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
    const heads = Array.from(section.querySelectorAll("th"), (each) => quote(each.textContent));
    const lines = Array.from(section.querySelectorAll("tbody tr:not([hidden])"), (row) =>
      Array.from(row.cells, (cell) => quote(cell.dataset.value ?? cell.textContent)).join(","));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([[heads.join(","), ...lines].join("\n") + "\n"], { type: "text/csv" }));
    link.download = name;
    link.click();
  }

  for (const section of document.querySelectorAll(".rows")) {
    section.querySelector(".filter").addEventListener("input", () => filter(section));
    section.querySelector(".download").addEventListener("click", (event) => download(section, event.target.dataset.name));
    section.querySelectorAll("th").forEach((head, column) =>
      head.querySelector("button").addEventListener("click", () => sort(section, head, column)));
    filter(section);
  }

  const statement = document.getElementById("chosen_statement");
  if (statement) chosen.chosen_statement = statement.value;
  const grey = dark ? "#cfd4d9" : "#30363d";
  const config = {
    background: "transparent", view: { stroke: dark ? "#3a424a" : "#d0d7de" }, title: { color: grey, anchor: "start" },
    axis: { labelColor: grey, titleColor: grey, gridColor: dark ? "#2c3238" : "#e6e9ec", domainColor: grey, tickColor: grey },
    legend: { labelColor: grey, titleColor: grey },
  };
  const drawn = Object.entries(specs).map(([name, spec]) =>
    vegaEmbed(`#figure_${name}`, { ...spec, config: { ...spec.config, ...config } },
      { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } })
      .then((result) => views.push(result.view)));
  Promise.all(drawn).then(() => {
    if (statement) choose("chosen_statement", statement.value);
    document.body.dataset.ready = "yes";
  });

  const slide = document.getElementById("slide_V"), select = document.getElementById("chosen_V");
  for (const name of [...controls.map((each) => `chosen_${each}`), "chosen_statement"]) {
    const each = document.getElementById(name);
    if (each) each.addEventListener("change", () => {
      choose(name, each.value);
      if (name === "chosen_V" && slide) slide.value = each.selectedIndex;
    });
  }
  if (slide) slide.addEventListener("input", () => {
    select.selectedIndex = Number(slide.value);
    choose("chosen_V", select.value);
  });
})();
