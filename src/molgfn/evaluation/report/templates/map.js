// The map of objects: points coloured by a number, the nearest one shown beside it.
"use strict";
const molgfnMap = (data, table) => {
  const $ = (id) => document.getElementById(id);
  const NS = "http://www.w3.org/2000/svg";
  const make = (tag, props) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(props)) node.setAttribute(name, value);
    return node;
  };
  const { x, y, reference } = data.map;
  const WIDTH = 640, HEIGHT = 440, EDGE = 14;
  const every = [...x.map((_, i) => [x[i], y[i]]), ...reference];
  const span = (k) => [Math.min(...every.map((p) => p[k])), Math.max(...every.map((p) => p[k]))];
  const [[left, right], [low, high]] = [span(0), span(1)];
  // one scale for both axes: distances mean the same in every direction
  const scale = Math.min((WIDTH - 2 * EDGE) / (right - left || 1), (HEIGHT - 2 * EDGE) / (high - low || 1));
  const px = (v) => WIDTH / 2 + (v - (left + right) / 2) * scale;
  const py = (v) => HEIGHT / 2 - (v - (low + high) / 2) * scale;

  // viridis
  const STOPS = [[68, 1, 84], [65, 68, 135], [42, 120, 142], [34, 168, 132], [122, 209, 81], [253, 231, 37]];
  const colour = (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
    const i = Math.min(Math.floor(at), STOPS.length - 2);
    return `rgb(${STOPS[i].map((c, k) => Math.round(c + (at - i) * (STOPS[i + 1][k] - c))).join(",")})`;
  };

  const svg = $("map");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  const back = make("g", { class: "known" });
  reference.forEach(([a, b]) => back.append(make("circle", { cx: px(a).toFixed(1), cy: py(b).toFixed(1), r: 2.6 })));
  const front = make("g", {});
  // the best are drawn last, above the others
  const dots = x.map((_, i) => make("circle", { cx: px(x[i]).toFixed(1), cy: py(y[i]).toFixed(1), r: 4 }));
  front.append(...[...dots].reverse());
  const ring = make("circle", { r: 8, class: "ring", cx: -99, cy: -99 });
  svg.append(back, front, ring);

  const paint = (c) => {
    const values = data.columns[c].values.slice(0, x.length);
    const known = values.filter((v) => v !== null).sort((a, b) => a - b);
    // the outermost 2 % share the colour of the ends: one outlier would leave one colour for all others
    const [from, to] = known.length ? [known[Math.floor(0.02 * (known.length - 1))], known[Math.ceil(0.98 * (known.length - 1))]] : [0, 1];
    dots.forEach((dot, i) => {
      const v = values[i];
      dot.setAttribute("fill", v === null ? "transparent" : colour(to > from ? (v - from) / (to - from) : 0.5));
      dot.classList.toggle("none", v === null);
    });
    $("least").textContent = table.shown(from, c);
    $("most").textContent = table.shown(to, c);
  };
  $("ramp").style.background = `linear-gradient(to right, ${STOPS.map((_, i) => colour(i / (STOPS.length - 1))).join(",")})`;

  let here = 0;
  const pick = (i) => {
    here = i;
    ring.setAttribute("cx", px(x[i]));
    ring.setAttribute("cy", py(y[i]));
    $("picked-drawing").innerHTML = data.svg[i] || "";
    $("picked-key").textContent = table.seen(data.keys[i]);
    $("picked-numbers").textContent = data.columns.slice(0, 5)
      .map((column, c) => `${column.title} ${table.shown(column.values[i], c)}`).join(" · ");
    $("picked-open").hidden = false;
  };
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const a = (event.clientX - box.left) * WIDTH / box.width, b = (event.clientY - box.top) * HEIGHT / box.height;
    let best = 0, least = Infinity;
    x.forEach((_, i) => {
      const distance = (px(x[i]) - a) ** 2 + (py(y[i]) - b) ** 2;
      if (distance < least) { least = distance; best = i; }
    });
    return best;
  };
  svg.addEventListener("pointermove", (event) => pick(nearest(event)));
  svg.addEventListener("click", (event) => pick(nearest(event)));
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    pick((here + by + x.length) % x.length);
  });
  $("picked-open").addEventListener("click", () => table.show(here));
  data.columns.forEach((column, c) => {
    const option = document.createElement("option");
    option.value = c;
    option.textContent = column.title;
    $("colour").append(option);
  });
  $("colour").addEventListener("change", (event) => paint(Number(event.target.value)));
  paint(0);
  pick(0);
};
