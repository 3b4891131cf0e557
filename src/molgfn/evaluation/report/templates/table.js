// The table of objects: sorted, searched, filtered, copied, saved. Everything comes from the JSON of the page itself.
"use strict";
const molgfnTable = (data) => {
  const ROWS = 10;
  const $ = (id) => document.getElementById(id);
  const make = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const columns = data.columns;
  const all = data.keys.map((_, i) => i);
  // `sort`: place of a column, or -1 for the order in which the page has them, the best first
  const state = { sort: -1, down: true, search: "", page: 0, rows: all };
  const bounds = columns.map(() => [-Infinity, Infinity]);
  const shown = (value) => {
    if (value === null) return "–";
    if (Number.isInteger(value) && Math.abs(value) < 1e6) return value.toLocaleString("en");
    return String(Number(value.toPrecision(4))).replace("-", "−");
  };

  const fits = (i) => {
    for (let c = 0; c < columns.length; c++) {
      const [low, high] = bounds[c];
      if (low === -Infinity && high === Infinity) continue;
      const value = columns[c].values[i];
      if (value === null || value < low || value > high) return false;
    }
    if (!state.search) return true;
    const small = state.search.toLowerCase();
    return data.keys[i].includes(state.search) || data.texts.some((t) => t.values[i].toLowerCase().includes(small));
  };
  const inOrder = (rows) => {
    if (state.sort < 0) return state.down ? rows : [...rows].reverse();
    const values = columns[state.sort].values;
    const sign = state.down ? -1 : 1;
    // what has no number comes last either way; ties stay as they were
    return [...rows].sort((a, b) =>
      values[a] === null || values[b] === null
        ? (values[a] === null) - (values[b] === null)
        : sign * (values[a] - values[b]) || a - b);
  };

  const copy = async (text, button) => {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { value: text });
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  };
  const save = (name, type, text) => {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const head = () => {
    const row = make("tr");
    if (data.svg.length) row.append(make("th", { scope: "col", textContent: "structure" }));
    row.append(make("th", { scope: "col", textContent: data.key === "smiles" ? "SMILES" : data.key }));
    columns.forEach((column, c) => {
      const button = make("button", { type: "button", className: "sorter", textContent: column.title });
      button.addEventListener("click", () => {
        state.down = state.sort === c ? !state.down : true;
        state.sort = c;
        update();
      });
      const cell = make("th", { scope: "col", className: "n" }, button);
      cell.dataset.column = c;
      row.append(cell);
    });
    data.texts.forEach((t) => row.append(make("th", { scope: "col", textContent: t.title })));
    $("rows").tHead.replaceChildren(row);
  };
  const line = (i) => {
    const row = make("tr");
    row.id = `row-${i}`;
    if (data.svg.length) {
      const cell = make("td", { className: "drawing" });
      if (data.svg[i]) cell.innerHTML = data.svg[i]; // drawn by the program that wrote this page
      row.append(cell);
    }
    const button = make("button", { type: "button", className: "copy", textContent: "Copy" });
    button.setAttribute("aria-label", `Copy ${data.keys[i]}`);
    button.addEventListener("click", () => copy(data.keys[i], button));
    row.append(make("td", { className: "text" }, make("code", { textContent: data.keys[i] }), " ", button));
    columns.forEach((column) => {
      const cell = make("td", { className: "n", textContent: shown(column.values[i]) });
      cell.dataset.label = column.title;
      row.append(cell);
    });
    data.texts.forEach((t) => {
      const cell = make("td", { className: "words", textContent: t.values[i] });
      cell.dataset.label = t.title;
      row.append(cell);
    });
    return row;
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(state.rows.length / ROWS));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const part = state.rows.slice(state.page * ROWS, (state.page + 1) * ROWS);
    $("rows").tBodies[0].replaceChildren(...part.map(line));
    $("found").textContent = `${state.rows.length.toLocaleString("en")} of ${all.length.toLocaleString("en")}`;
    $("page").textContent = `page ${state.page + 1} of ${pages}`;
    $("before").disabled = state.page === 0;
    $("after").disabled = state.page === pages - 1;
    for (const cell of $("rows").tHead.querySelectorAll("[data-column]")) {
      const here = Number(cell.dataset.column) === state.sort;
      if (here) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    $("sort").value = state.sort;
    $("direction").textContent = state.sort < 0 ? (state.down ? "best first" : "best last") : state.down ? "largest first" : "least first";
  };
  const update = () => {
    state.rows = inOrder(all.filter(fits));
    state.page = 0;
    draw();
  };

  const csv = () => {
    const quoted = (x) => (/[",\n]/.test(x) ? `"${x.replaceAll('"', '""')}"` : x);
    const names = [data.key, ...columns.map((c) => c.name), ...data.texts.map((t) => t.name)];
    const lines = state.rows.map((i) =>
      [data.keys[i], ...columns.map((c) => c.values[i] ?? ""), ...data.texts.map((t) => t.values[i])]
        .map((x) => quoted(String(x))).join(","));
    return [names.map(quoted).join(","), ...lines].join("\n") + "\n";
  };
  const sdf = () => {
    const wide = (x, n) => String(x).padStart(n);
    const record = (i) => {
      const s = data.structures[i];
      if (!s) return "";
      const symbols = s.atoms.split(" ");
      const atoms = symbols.map((symbol, a) =>
        [s.xy[2 * a], s.xy[2 * a + 1], 0].map((x) => wide((x / 100).toFixed(4), 10)).join("") +
        ` ${symbol.padEnd(3)} 0${"  0".repeat(11)}`);
      const bonds = [];
      const wedges = {};
      for (let w = 0; w < (s.wedges || []).length; w += 2) wedges[s.wedges[w]] = s.wedges[w + 1];
      for (let b = 0; b < s.bonds.length; b += 3) {
        bonds.push([...s.bonds.slice(b, b + 3), wedges[b / 3 + 1] || 0].map((x) => wide(x, 3)).join(""));
      }
      const more = [["CHG", s.charges], ["ISO", s.isotopes]].flatMap(([word, list]) => {
        const lines = [];
        for (let p = 0; p < (list || []).length; p += 2) lines.push(`M  ${word}  1 ${wide(list[p], 3)} ${wide(list[p + 1], 3)}`);
        return lines;
      });
      const counts = `${wide(symbols.length, 3)}${wide(bonds.length, 3)}  0  0  0  0  0  0  0  0999 V2000`;
      const tags = [[data.key, data.keys[i]], ...columns.map((c) => [c.name, c.values[i] ?? ""]), ...data.texts.map((t) => [t.name, t.values[i]])];
      return [data.keys[i].slice(0, 80), "  molgfn          2D", "", counts, ...atoms, ...bonds, ...more, "M  END",
        ...tags.filter(([, x]) => x !== "").flatMap(([name, x]) => [`>  <${name}>`, String(x), ""]), "$$$$", ""].join("\n");
    };
    return state.rows.map(record).join("");
  };

  head();
  $("sort").append(make("option", { value: -1, textContent: data.kind === "row" ? "the order at first" : "reward" }),
    ...columns.map((column, c) => make("option", { value: c, textContent: column.title })));
  $("sort").addEventListener("change", (event) => { state.sort = Number(event.target.value); state.down = true; update(); });
  $("direction").addEventListener("click", () => { state.down = !state.down; update(); });
  $("search").addEventListener("input", (event) => { state.search = event.target.value.trim(); update(); });
  columns.forEach((column, c) => {
    const ends = ["from", "to"].map((word, end) => {
      const field = make("input", { type: "number", step: "any", placeholder: word });
      field.setAttribute("aria-label", `${column.title} ${word}`);
      field.addEventListener("input", () => {
        bounds[c][end] = field.value === "" ? (end ? Infinity : -Infinity) : Number(field.value);
        update();
      });
      return field;
    });
    $("bounds").append(make("div", { className: "bound" }, make("span", { textContent: column.title }), ...ends));
  });
  $("clear").addEventListener("click", () => {
    $("search").value = state.search = "";
    for (const field of $("bounds").querySelectorAll("input")) field.value = "";
    for (const pair of bounds) { pair[0] = -Infinity; pair[1] = Infinity; }
    update();
  });
  $("before").addEventListener("click", () => { state.page--; draw(); });
  $("after").addEventListener("click", () => { state.page++; draw(); });
  $("copy").addEventListener("click", (event) => copy(state.rows.map((i) => data.keys[i]).join("\n"), event.target));
  $("csv").addEventListener("click", () => save("objects.csv", "text/csv", csv()));
  if (data.structures.length) $("sdf").addEventListener("click", () => save("objects.sdf", "chemical/x-mdl-sdfile", sdf()));
  else $("sdf").remove();
  update();
  return {
    shown,
    // the page of the table on which an object is, and the row itself
    show(i) {
      if (!state.rows.includes(i)) { $("clear").click(); }
      state.page = Math.floor(state.rows.indexOf(i) / ROWS);
      draw();
      const row = $(`row-${i}`);
      row.classList.add("here");
      row.scrollIntoView({ block: "center" });
    },
  };
};
