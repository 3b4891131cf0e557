// The table of objects: sorted, searched, filtered, copied, saved. Everything comes from the JSON of the page itself.
"use strict";
const molgfnTable = (data) => {
  const $ = (id) => document.getElementById(id);
  const make = (tag, props = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), props);
    node.append(...children);
    return node;
  };
  const ofStudy = data.kind === "row"; // whose words, the task, stand first, and which has nothing to copy
  const ROWS = ofStudy ? 40 : 10;
  const columns = data.columns;
  const all = data.keys.map((_, i) => i);
  // `sort`: place of a column, or -1 for the order in which the page has them, the best first
  const state = { sort: -1, down: true, search: "", page: 0, rows: all };
  const bounds = columns.map(() => [-Infinity, Infinity]);
  // as many decimals in all of a column as give its largest number four digits
  const decimals = columns.map(({ values }) => {
    const known = values.filter((v) => v !== null);
    if (known.every(Number.isInteger)) return 0;
    const most = Math.max(...known.map(Math.abs));
    return Math.min(Math.max(3 - Math.floor(Math.log10(most)), 0), 4);
  });
  const shown = (value, c) => {
    if (value === null) return "–";
    const size = Math.abs(value), places = decimals[c];
    const tiny = size > 0 && places > 0 && size < 10 ** (1 - places); // of which too little would be left
    const text = size >= 1e7 || (tiny && size < 1e-4) ? size.toExponential(2)
      : tiny ? size.toPrecision(2)
        : size.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
    return ((value < 0 ? "-" : "") + text).replaceAll("-", "−");
  };
  // the mean to as many decimals as its half interval has, which has two digits
  const cell = (column, c, i) => {
    const value = column.values[i], half = column.half ? column.half[i] : null;
    if (value === null || !half) return shown(value, c);
    const places = half < 10 ? 1 - Math.floor(Math.log10(half)) : 0;
    if (places > 6) return `${shown(value, c)} ± ${half.toExponential(1).replace("-", "−")}`;
    const text = (x) => x.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });
    return `${text(value).replace("-", "−")} ± ${text(half)}`;
  };
  // numbers in a key are read to three decimals; copied and saved they are whole
  const seen = (key) => key.replace(/(\d\.\d{3})\d+/g, "$1");
  // a long name may be broken behind its signs, and nowhere else
  const broken = (name) => name.replace(/[_/=]/g, "$&\u200b");

  const fits = (i) => {
    for (let c = 0; c < columns.length; c++) {
      const [low, high] = bounds[c];
      if (low === -Infinity && high === Infinity) continue;
      const value = columns[c].values[i];
      if (value === null || value < low || value > high) return false;
    }
    if (!state.search) return true;
    // a SMILES is searched as it is written, words in any case
    const small = state.search.toLowerCase();
    if (data.keys[i].includes(state.search)) return true;
    return [...data.texts.map((t) => t.values[i]), ofStudy ? data.keys[i] : ""].some((x) => x.toLowerCase().includes(small));
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
    const words = data.texts.map((t) => make("th", { scope: "col", textContent: t.title }));
    if (data.svg.length) row.append(make("th", { scope: "col", textContent: "structure" }));
    if (ofStudy) row.append(...words);
    row.append(make("th", { scope: "col", textContent: data.key === "smiles" ? "SMILES" : data.key }));
    columns.forEach((column, c) => {
      const button = make("button", { type: "button", className: "sorter", textContent: broken(column.title) });
      button.addEventListener("click", () => {
        state.down = state.sort === c ? !state.down : true;
        state.sort = c;
        update();
      });
      const cell = make("th", { scope: "col", className: "n" }, button);
      cell.dataset.column = c;
      row.append(cell);
    });
    if (!ofStudy) row.append(...words);
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
    const words = data.texts.map((t) => {
      const cell = make("td", { className: "words", textContent: t.values[i] });
      cell.dataset.label = t.title;
      return cell;
    });
    if (ofStudy) row.append(...words);
    const key = make("code", { textContent: seen(data.keys[i]), title: data.keys[i] });
    row.append(make("td", { className: "text" }, ...(ofStudy ? [key] : [key, " ", button])));
    columns.forEach((column, c) => {
      const number = make("td", { className: "n", textContent: cell(column, c, i) });
      number.dataset.label = column.title;
      row.append(number);
    });
    if (!ofStudy) row.append(...words);
    return row;
  };

  const draw = () => {
    const pages = Math.max(1, Math.ceil(state.rows.length / ROWS));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const part = state.rows.slice(state.page * ROWS, (state.page + 1) * ROWS);
    $("rows").tBodies[0].replaceChildren(...part.map(line));
    $("found").textContent = `${state.rows.length.toLocaleString("en")} of ${all.length.toLocaleString("en")}`;
    $("page").textContent = `page ${state.page + 1} of ${pages}`;
    $("rows").parentElement.dataset.printed = pages > 1 ? `${part.length} of ${state.rows.length.toLocaleString("en")} rows are printed.` : "";
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
    const names = [data.key, ...columns.flatMap((c) => (c.half ? [c.name, `${c.name} ±`] : [c.name])), ...data.texts.map((t) => t.name)];
    const lines = state.rows.map((i) =>
      [data.keys[i], ...columns.flatMap((c) => (c.half ? [c.values, c.half] : [c.values])).map((x) => x[i] ?? ""), ...data.texts.map((t) => t.values[i])]
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
    seen,
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
