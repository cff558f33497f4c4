"use strict";
const F = JSON.parse(document.getElementById("facts").textContent);
const byId = (id) => document.getElementById(id);
const AXES = F.mesh.axes;
const KINDS = ["params", "optimizer", "other", "gradients", "activations", "buffers", "temporaries"];
const KIND_NAMES = { params: "parameters", optimizer: "optimizer", other: "inputs, other states, runtime", gradients: "gradients",
  activations: "activations", buffers: "buffers for sending", temporaries: "temporaries" };
const PHASES = ["input", "forward", "backward", "update", "state", ""];
const state = { zoom: 1, axis: "", kind: "param", rank: 0, selected: null };

// --- elements and numbers ---------------------------------------------------------------------------

function make(space, tag, attributes, children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  for (const child of children.flat(3)) if (child !== null && child !== undefined && child !== "") element.append(child);
  return element;
}
const h = (tag, attributes, ...children) => make(null, tag, attributes, children);
const s = (tag, attributes, ...children) => make("http://www.w3.org/2000/svg", tag, attributes, children);

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let i = 0;
  while (Math.abs(n) >= 1024 && i + 1 < units.length) { n /= 1024; ++i; }
  return (i === 0 ? n.toFixed(0) : n >= 100 ? n.toFixed(0) : n.toFixed(1)) + " " + units[i];
}
function seconds(t) {
  return t >= 5400 ? (t / 3600).toFixed(1) + " h" : t >= 1 ? t.toFixed(t >= 100 ? 0 : 2) + " s" : t >= 1e-3 ? (t * 1e3).toFixed(2) + " ms" : (t * 1e6).toFixed(1) + " µs";
}
const axisName = (axis) => axis.replace(/\[.*/, "");
function axisColour(axis) {
  const at = AXES.findIndex((a) => a.name === axisName(axis));
  return `var(--axis${(at < 0 ? 0 : at) % 6})`;
}
const over = (axes) => axes.map((a, i) => [i ? ", " : "", h("span", { class: "axis", style: `--c:${axisColour(a)}` }, a)]);
const dotted = (name) => name.split(/(?<=\.)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part])); // breaks behind dots
const shortPlace = (place) => place.split("/").slice(-2).join("/");
const sent = (c) => c.count * c.bytes_per_rank;
const lineOf = (place) => place.split(":").slice(0, -1).join(":"); // "file:line"
function textAt(place) {
  const [, file, line] = place.match(/^(.*):(\d+):\d+$/) || [];
  return (file && F.files[file] && F.files[file][line]) || "";
}

// --- the step on a line of time ---------------------------------------------------------------------

// Begin and end of every action, each loop's body once; `extra`: what the other turns take.
function schedule() {
  const items = [], loops = [], open = [], starts = [], pending = {}, free = {};
  let t = 0;
  for (const action of F.step) {
    starts.push([action.time, t]);
    if (action.kind === "loop") open.push({ ...action, x0: t, extra: 0 });
    else if (action.kind === "end") {
      const loop = open.pop();
      loop.x1 = t;
      const turn = t - loop.x0 + loop.extra, more = turn * (loop.count - 1) + loop.extra;
      loop.turn = turn;
      loops.push(loop);
      if (open.length) open[open.length - 1].extra += more;
      else loops.extra = (loops.extra || 0) + more;
    } else if (action.kind === "wait") t = Math.max(t, pending[action.id] || 0);
    else if (action.kind === "collective") {
      const lane = (F.collectives[action.collective] || { mesh_axes: [""] }).mesh_axes.map(axisName).join("+");
      const x0 = action.async ? Math.max(t, free[lane] || 0) : t, x1 = x0 + action.seconds;
      items.push({ ...action, lane, x0, x1 });
      free[lane] = x1;
      if (action.async) pending[action.id] = x1;
      else t = x1;
    } else {
      items.push({ ...action, lane: "compute", x0: t, x1: t + action.seconds });
      t += action.seconds;
    }
  }
  const end = items.reduce((most, item) => Math.max(most, item.x1), t);
  return { items, loops, starts, end, total: end + (loops.extra || 0) };
}
const plot = schedule();

// Runs of one phase; what is shorter than a hundredth of the step does not interrupt one.
function phaseRuns() {
  const runs = [];
  const push = (run) => {
    const last = runs[runs.length - 1];
    if (last && last.phase === run.phase) last.x1 = Math.max(last.x1, run.x1);
    else runs.push({ ...run });
  };
  for (const item of plot.items) push({ phase: item.phase === "input" ? "forward" : item.phase === "state" ? "update" : item.phase, x0: item.x0, x1: item.x1 });
  const long = runs.splice(0).filter((run) => run.x1 - run.x0 > plot.end / 100);
  long.forEach(push);
  for (let i = 0; i + 1 < runs.length; ++i) runs[i].x1 = runs[i + 1].x0;
  if (runs.length) { runs[0].x0 = 0; runs[runs.length - 1].x1 = plot.end; }
  return runs;
}

function niceStep(range, parts) {
  const raw = range / parts, power = Math.pow(10, Math.floor(Math.log10(raw)));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw);
}

// Bytes by kind from each moment on, the lowest layer first.
function memoryLayers() {
  const rank = F.memory[0];
  if (!rank || !F.moments.length) return null;
  const scratch = F.moments.map((m) => m.gradients + m.activations + m.buffers + m.temporaries);
  const fullest = scratch.indexOf(Math.max(...scratch)), most = scratch[fullest];
  const fixed = { params: rank.params, optimizer: rank.optimizer };
  fixed.other = rank.peak_bytes - rank.params - rank.optimizer - rank.scratch;
  const points = F.moments.map((m) => ({ time: m.time, ...fixed, gradients: m.gradients, activations: m.activations, buffers: m.buffers, temporaries: m.temporaries }));
  return { points, fullest, peak: most + fixed.params + fixed.optimizer + fixed.other };
}

function xOfTime(time) {
  let low = 0, high = plot.starts.length;
  while (low < high) { const mid = (low + high) >> 1; if (plot.starts[mid][0] < time) low = mid + 1; else high = mid; }
  return low < plot.starts.length ? plot.starts[low][1] : plot.end;
}

function drawMemory(svg, top, height, x, width) {
  const layers = memoryLayers();
  if (!layers) return [];
  const y = (n) => top + height - (n / (layers.peak * 1.12)) * height, labels = [];
  const step = Math.pow(2, Math.ceil(Math.log2(layers.peak / 4)));
  for (let n = 0; n < layers.peak * 1.12; n += step) {
    svg.append(s("line", { x1: 0, x2: width, y1: y(n), y2: y(n), stroke: "var(--line)" }));
    labels.push([y(n) + 4, bytes(n)]);
  }
  const xs = layers.points.map((p) => x(xOfTime(p.time)));
  const below = layers.points.map(() => 0);
  for (const kind of KINDS) {
    const base = below.slice();
    layers.points.forEach((p, i) => (below[i] += p[kind]));
    if (!layers.points.some((p) => p[kind])) continue;
    let up = "", down = "";
    layers.points.forEach((p, i) => {
      const right = i + 1 < xs.length ? xs[i + 1] : x(plot.end);
      up += `${i ? "L" : "M"}${xs[i].toFixed(1)} ${y(below[i]).toFixed(1)}H${right.toFixed(1)}`;
      down = `L${right.toFixed(1)} ${y(base[i]).toFixed(1)}H${xs[i].toFixed(1)}` + down;
    });
    svg.append(s("path", { d: up + down + "Z", fill: `var(--${kind})`, "data-kind": kind }, s("title", {}, KIND_NAMES[kind])));
  }
  const px = xs[layers.fullest], anchor = px > width - 150 ? "end" : "start";
  svg.append(s("line", { x1: px, x2: px, y1: y(layers.peak), y2: top + height, stroke: "var(--ink)", "stroke-dasharray": "3 3" }),
    s("circle", { cx: px, cy: y(layers.peak), r: 3.5, fill: "var(--ink)" }),
    s("text", { x: px + (anchor === "end" ? -9 : 9), y: y(layers.peak) - 5, "text-anchor": anchor, class: "strong", id: "peak" }, "peak " + bytes(layers.peak)));
  return labels;
}

function describeItem(item) {
  const c = F.collectives[item.collective];
  return c ? `${c.op} over ${c.mesh_axes.join(", ")}${c.value ? " of " + c.value : ""}, ${c.phase}, ${bytes(c.bytes_per_rank)}, ${seconds(item.seconds)}`
    : `${item.kind === "collective" ? "collective" : "compute"} ${item.name || shortPlace(item.source)}, ${item.phase}, ${seconds(item.seconds)}`;
}

function drawItem(item, x, y, height) {
  const wide = Math.max(x(item.x1) - x(item.x0), 1.5), c = F.collectives[item.collective];
  const gap = wide > 3 ? 0.6 : 0;
  const select = () => c ? choose("collective", item.collective) : choose("action", plot.items.indexOf(item));
  const key = c ? "collective" + item.collective : "action" + plot.items.indexOf(item);
  return s("rect", { class: "item", x: x(item.x0).toFixed(2), y, width: (wide - gap).toFixed(2), height, rx: Math.min(2, wide / 3), "data-key": key,
    fill: item.kind === "collective" ? axisColour(c ? c.mesh_axes[0] : "") : "var(--compute)",
    tabindex: item.kind === "collective" ? 0 : -1, role: "button", "aria-label": describeItem(item),
    onclick: select, onkeydown: (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); select(); } },
    onmouseenter: (e) => showTip(e, item), onmousemove: (e) => showTip(e, item), onmouseleave: hideTip });
}

function drawBands(svg, x) {
  for (const run of phaseRuns()) {
    const wide = x(run.x1) - x(run.x0);
    svg.append(s("rect", { x: x(run.x0) + 1, y: 0, width: Math.max(wide - 2, 1), height: 20, rx: 4, fill: "var(--hover)" }));
    if (wide > run.phase.length * 7 + 12) svg.append(s("text", { x: x(run.x0) + wide / 2, y: 14, "text-anchor": "middle", class: "strong" }, run.phase));
  }
  for (const loop of plot.loops) {
    if (loop.count < 2) continue;
    const a = x(loop.x0), b = x(loop.x1), long = `repeat ${loop.name} × ${loop.count}, ${seconds(loop.turn)} each`, short = `× ${loop.count}`;
    const middle = `${loop.name} ${short}`;
    const label = [long, middle, short].find((text) => b - a > text.length * 6.4 + 8) || "";
    svg.append(s("path", { d: `M${a + 1} 44V38H${b - 1}V44`, fill: "none", stroke: "var(--faint)" }));
    if (label) svg.append(s("text", { x: (a + b) / 2, y: 34, "text-anchor": "middle" }, label));
  }
}

function drawTimeline() {
  const box = byId("timeline"), gutter = 84, inner = Math.max((box.clientWidth || 800) - gutter - 2, 240) * state.zoom;
  const lanes = ["compute", ...new Set(plot.items.filter((i) => i.kind === "collective").map((i) => i.lane))];
  const x = (t) => (plot.end ? (t / plot.end) * inner : 0), laneTop = 50, laneHeight = 26;
  const ticksAt = laneTop + lanes.length * laneHeight + 4, memoryTop = ticksAt + 30, memoryHeight = F.moments.length ? 170 : 0;
  const height = memoryTop + memoryHeight + 8;
  const svg = s("svg", { width: inner, height, "aria-hidden": "false" });
  const labels = s("svg", { width: gutter, height, style: "position:sticky;left:0;flex:none;background:var(--card)" });
  drawBands(svg, x);
  lanes.forEach((lane, i) => {
    const y = laneTop + i * laneHeight;
    labels.append(s("text", { x: 0, y: y + 15 }, lane === "compute" ? lane : "over " + lane));
    svg.append(s("line", { x1: 0, x2: inner, y1: y + laneHeight - 3, y2: y + laneHeight - 3, stroke: "var(--line)" }));
    for (const item of plot.items) if (item.lane === lane) svg.append(drawItem(item, x, y, laneHeight - 6));
  });
  const step = niceStep(plot.end || 1, Math.max(2, inner / 110));
  for (let t = 0; t <= plot.end && step > 0; t += step) {
    const anchor = t === 0 ? "start" : x(t) > inner - 30 ? "end" : "middle";
    svg.append(s("line", { x1: x(t), x2: x(t), y1: ticksAt - 4, y2: ticksAt, stroke: "var(--faint)" }), s("text", { x: x(t), y: ticksAt + 14, "text-anchor": anchor }, t ? seconds(t) : "0"));
  }
  for (const [y, text] of drawMemory(svg, memoryTop, memoryHeight, x, inner)) labels.append(s("text", { x: gutter - 10, y, "text-anchor": "end" }, text));
  box.replaceChildren(h("div", { style: "display:flex;width:max-content" }, labels, svg));
  mark();
}

function drawKeys() {
  const key = (colour, text) => h("span", { class: "key" }, h("i", { style: `--c:${colour}` }), text);
  byId("keys").replaceChildren(key("var(--compute)", "compute"), ...AXES.filter((a) => a.size > 1).map((a) => key(axisColour(a.name), "collectives over " + a.name)),
    ...(F.moments.length ? KINDS.map((k) => key(`var(--${k})`, KIND_NAMES[k])) : []));
  byId("zoom").replaceChildren(...[1, 2, 4, 8, 16].map((z) => h("button", { class: "chip", type: "button", "aria-pressed": String(state.zoom === z),
    onclick: () => { state.zoom = z; drawKeys(); drawTimeline(); } }, z === 1 ? "Fit" : z + "×")), " ");
}

function showTip(event, item) {
  const tip = byId("tip"), c = F.collectives[item.collective];
  tip.replaceChildren(h("b", {}, c ? `${c.op} over ${c.mesh_axes.join(", ")}` : item.name || "compute"),
    ...[c && c.value, `${item.phase}, ${seconds(item.seconds)}` + (c ? `, ${bytes(c.bytes_per_rank)} per rank` : "") + (item.async ? ", beside compute" : ""),
      item.source && shortPlace(item.source) + "  " + textAt(item.source).trim(), c && c.plan && shortPlace(c.plan) + "  " + textAt(c.plan).trim()].filter(Boolean).map((line) => h("div", {}, line)));
  tip.style.display = "block";
  tip.style.left = Math.max(8, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 12)) + "px";
  tip.style.top = (event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18) + "px";
}
function hideTip() { byId("tip").style.display = "none"; }

// --- tensors ----------------------------------------------------------------------------------------

// "f32[Batch/dp/tp, Seq]" -> [{name: "Batch", axes: ["dp", "tp"]}, {name: "Seq", axes: []}]
function dimsOf(layout) {
  const inside = layout.includes("[") ? layout.slice(layout.indexOf("[") + 1, layout.lastIndexOf("]")) : "";
  return inside ? inside.split(", ").map((dim) => { const [name, ...axes] = dim.split("/"); return { name, axes }; }) : [];
}
function partOf(axis) { // size of an axis or part, and of what lies behind it
  const [, name, pre, size] = axis.match(/^([^\[]*)(?:\[(\d+):(\d+)\])?$/);
  const whole = (AXES.find((a) => a.name === name) || { size: 1 }).size;
  return size ? { name, size: +size, behind: whole / (pre * size) } : { name, size: whole, behind: 1 };
}
function coordinatesOf(rank) {
  const at = {};
  for (const axis of [...AXES].reverse()) { at[axis.name] = rank % axis.size; rank = Math.floor(rank / axis.size); }
  return at;
}
// Which block along a dim a rank has.
function blockOf(axes, at) {
  return axes.map(partOf).reduce((block, part) => block * part.size + (Math.floor(at[part.name] / part.behind) % part.size), 0);
}
const partsOf = (axes) => axes.map(partOf).reduce((n, part) => n * part.size, 1);
function ranges(list) {
  const out = [];
  for (const n of list) { const last = out[out.length - 1]; if (last && last[1] === n - 1) last[1] = n; else out.push([n, n]); }
  return out.map(([a, b]) => (a === b ? a : b === a + 1 ? a + ", " + b : a + "–" + b)).join(", ");
}

// Rows and columns of blocks: the dims that are cut; where more than two are, the others are joined to the columns.
function gridOf(value) {
  const cut = dimsOf(value.layout).filter((d) => partsOf(d.axes) > 1);
  const [first, ...others] = cut, last = dimsOf(value.layout).at(-1);
  const alone = cut.length === 1 && last && first.name === last.name; // the last dim runs to the right
  return { rows: alone ? [] : first ? first.axes : [], columns: alone ? first.axes : others.flatMap((d) => d.axes),
    rowName: alone || !first ? "" : first.name, columnName: alone ? first.name : others.map((d) => d.name).join(", ") };
}

function holdersOf(grid, row, column) {
  const list = [];
  for (let rank = 0; rank < F.mesh.ranks && list.length < 4096; ++rank) {
    const at = coordinatesOf(rank);
    if (blockOf(grid.rows, at) === row && blockOf(grid.columns, at) === column) list.push(rank);
  }
  return list;
}

const MOST = 8; // blocks drawn along a side
function drawTensor(value, size, labelled) {
  const grid = gridOf(value), rows = partsOf(grid.rows), columns = partsOf(grid.columns);
  const shownRows = Math.min(rows, MOST), shownColumns = Math.min(columns, MOST), at = coordinatesOf(Math.min(state.rank, F.mesh.ranks - 1));
  const own = [blockOf(grid.rows, at), blockOf(grid.columns, at)];
  const width = size, height = labelled ? Math.max(size * 0.62, shownRows * 26) : size * 0.72, bw = width / shownColumns, bh = height / shownRows;
  const svg = s("svg", { width, height: height + 1, viewBox: `0 0 ${width} ${height + 1}`, role: "img", "aria-label": blockText(value, rows * columns) });
  const colour = axisColour((grid.rows[0] || grid.columns[0] || ""));
  const id = "h" + Math.random().toString(36).slice(2);
  if (value.partial) svg.append(s("defs", {}, s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("line", { x1: 0, y1: 0, x2: 0, y2: 6, stroke: "var(--ink)", "stroke-opacity": 0.45, "stroke-width": 2 }))));
  for (let r = 0; r < shownRows; ++r)
    for (let c = 0; c < shownColumns; ++c) {
      const mine = r === own[0] && c === own[1], isCut = rows * columns > 1;
      const goesOn = (rows > MOST && r === MOST - 1) || (columns > MOST && c === MOST - 1); // more of them follow
      const box = { x: c * bw + 1, y: r * bh + 1, width: Math.max(bw - 2, 1), height: Math.max(bh - 2, 1), rx: Math.min(3, bw / 4) };
      if (goesOn) { svg.append(s("rect", { ...box, fill: "none", stroke: colour, "stroke-dasharray": "2 3", "stroke-opacity": 0.7 })); continue; }
      svg.append(s("rect", { ...box, fill: isCut ? colour : "var(--faint)", "fill-opacity": mine ? 0.85 : 0.2, stroke: isCut ? colour : "var(--faint)", "stroke-width": 1 }));
      if (value.partial) svg.append(s("rect", { ...box, fill: `url(#${id})` }));
      if (labelled && bw > 34) svg.append(s("text", { x: c * bw + bw / 2, y: r * bh + bh / 2 + 4, "text-anchor": "middle", class: "strong", style: mine ? "fill:var(--card)" : "" }, rankText(holdersOf(grid, r, c), bw)));
    }
  return svg;
}
function rankText(list, room) {
  const text = ranges(list);
  return text.length * 7 < room ? text : list.length + " ranks".slice(0, room > 70 ? 6 : 0);
}
function blockText(value, blocks) {
  const copies = F.mesh.ranks / blocks;
  return (blocks === 1 ? "whole on every rank" : `${blocks} blocks` + (copies > 1 ? `, each on ${copies} ranks` : ", one per rank")) + (value.partial ? `, terms of a ${value.partial}` : "");
}

function drawTensors() {
  const find = byId("tens-find").value.toLowerCase();
  const kinds = [...new Set(F.values.map((v) => v.kind))];
  byId("tens-kinds").replaceChildren(...["", ...kinds].map((kind) => h("button", { class: "chip", type: "button", "aria-pressed": String(state.kind === kind),
    onclick: () => { state.kind = kind; drawTensors(); } }, kind === "" ? "all" : kind)));
  const shown = F.values.map((v, i) => [v, i]).filter(([v]) => (!state.kind || v.kind === state.kind) && (!find || (v.name + " " + v.layout).toLowerCase().includes(find)));
  byId("tens-count").textContent = `${shown.length} of ${F.values.length}`;
  byId("tensors").replaceChildren(...shown.map(([v, i]) => {
    const grid = gridOf(v);
    return h("button", { class: "tensor", type: "button", "data-key": "tensor" + i, onclick: () => choose("tensor", i) }, drawTensor(v, 76, false),
      h("b", {}, dotted(v.name)), h("span", { class: "layout" }, layoutText(v.layout)), h("small", {}, `${bytes(v.bytes_per_rank)} per rank; ${blockText(v, partsOf(grid.rows) * partsOf(grid.columns))}`));
  }), shown.length ? "" : h("p", { class: "none" }, "No tensor matches."));
  mark();
}
function layoutText(layout) {
  return layout.split(/(\/[A-Za-z_]\w*(?:\[\d+:\d+\])?)/).map((part) => part.startsWith("/") ? h("span", { class: "axis", style: `--c:${axisColour(part.slice(1))}` }, part) : part);
}

// --- tables -----------------------------------------------------------------------------------------

function drawCollectives() {
  const find = byId("coll-find").value.toLowerCase(), axes = AXES.filter((a) => a.size > 1).map((a) => a.name);
  byId("coll-axes").replaceChildren(...(axes.length > 1 ? ["", ...axes] : []).flatMap((axis) => [h("button", { class: "chip", type: "button", "aria-pressed": String(state.axis === axis),
    onclick: () => { state.axis = axis; drawCollectives(); } }, axis || "all axes"), " "]));
  const words = (c) => [c.op, c.value, c.mesh_axes.join(" "), c.phase, c.because, c.source, c.plan].join(" ").toLowerCase();
  const shown = F.collectives.map((c, i) => [c, i]).filter(([c]) => (!state.axis || c.mesh_axes.some((a) => axisName(a) === state.axis)) && (!find || words(c).includes(find)));
  byId("coll-count").textContent = `${shown.length} of ${F.collectives.length}, ${bytes(shown.reduce((n, [c]) => n + sent(c), 0))} per rank`;
  const most = Math.max(1, ...F.collectives.map(sent));
  const row = ([c, i]) => h("tr", { class: "pick", "data-key": "collective" + i, onclick: () => choose("collective", i) },
    h("td", {}, h("button", { class: "plain mono", type: "button" }, c.op), " ", h("span", { class: "soft" }, "over "), over(c.mesh_axes)),
    h("td", { class: "name" }, dotted(c.value)), h("td", { class: "num wide" }, c.count > 1 ? `${c.count} ×` : ""), h("td", { class: "num" }, bytes(c.bytes_per_rank)),
    h("td", { class: "num wide" }, seconds(c.seconds * c.count)), h("td", { class: "wide", style: "width:16%" }, h("div", { class: "bar", title: bytes(sent(c)) + " per step", style: `width:${(100 * sent(c)) / most}%;--c:${axisColour(c.mesh_axes[0])};margin-top:8px` })));
  const rows = PHASES.flatMap((phase) => { const of = shown.filter(([c]) => c.phase === phase);
    return of.length ? [h("tr", { class: "group" }, h("td", { colspan: 6 }, phase || "other")), ...of.map(row)] : []; });
  byId("coll").replaceChildren(h("thead", {}, h("tr", {}, h("th", {}, "collective"), h("th", {}, "of"), h("th", { class: "num wide" }, "count"), h("th", { class: "num" }, "sent each"), h("th", { class: "num wide" }, "time"), h("th", { class: "wide" }, "share"))),
    h("tbody", {}, rows.length ? rows : h("tr", {}, h("td", { colspan: 6, class: "soft" }, F.collectives.length ? "No collective matches." : "This plan sends nothing."))));
  mark();
}

function drawMemoryTable() {
  const columns = ["params", "gradients", "optimizer", "activations", "buffers", "temporaries"], most = Math.max(1, ...F.memory.map((m) => m.peak_bytes));
  byId("memory").replaceChildren(h("thead", {}, h("tr", {}, h("th", {}, "ranks"), h("th", { class: "num" }, "peak"), columns.map((k) => h("th", { class: "num" }, k === "params" ? "parameters" : k)))),
    h("tbody", {}, F.memory.flatMap((m) => [h("tr", {}, h("td", {}, m.rank_count > 1 ? `${m.ranks[0]}–${m.ranks[1]} (${m.rank_count})` : m.ranks[0]), h("td", { class: "num" }, h("b", {}, bytes(m.peak_bytes))), columns.map((k) => h("td", { class: "num" }, bytes(m[k])))),
      h("tr", {}, h("td", { colspan: 8 }, h("div", { style: `display:flex;gap:1px;width:${(100 * m.peak_bytes) / most}%`, "aria-hidden": "true" }, columns.map((k) => h("div", { class: "bar", title: k, style: `flex:${Math.max(m[k], 0)};--c:var(--${k});height:12px;min-width:0` })))))])));
}

function drawConflicts() {
  byId("conflicts-card").hidden = !F.conflicts.length;
  const groups = new Map();
  for (const c of F.conflicts) { const key = [c.axis, c.mesh_axis, c.tactic, c.winner, c.because].join("|"); groups.set(key, [...(groups.get(key) || []), c]); }
  byId("conflicts").replaceChildren(h("thead", {}, h("tr", {}, h("th", {}, "not cut"), h("th", {}, "because"), h("th", { class: "wide" }, "of"))), h("tbody", {}, [...groups.values()].map((list) => h("tr", {},
    h("td", {}, list[0].axis, h("span", { class: "soft" }, " over "), over([list[0].mesh_axis])), h("td", {}, list[0].because, h("div", { class: "soft mono" }, textAt(list[0].tactic).trim())),
    h("td", { class: "name wide soft" }, list.slice(0, 3).map((c) => h("div", {}, c.value)), list.length > 3 ? h("div", {}, `and ${list.length - 3} more`) : "")))));
}

// --- the plan's text --------------------------------------------------------------------------------

// Lines of the plans that the tactics stand in, from `plan` to its brace.
function planBlocks(file, lines) {
  const text = F.files[file] || {}, last = Math.max(0, ...Object.keys(text).map(Number)), blocks = [];
  for (const line of lines) {
    if (blocks.some(([a, b]) => a <= line && line <= b)) continue;
    let a = line, b = line;
    while (a > 1 && !/^\s*plan\b/.test(text[a] || "")) --a;
    while (a > 1 && /^\s*\/\/\//.test(text[a - 1] || "")) --a;
    while (b < last && !/^\}/.test(text[b] || "")) ++b;
    blocks.push([a, b]);
  }
  return blocks.sort((x, y) => x[0] - y[0]);
}

function drawPlan() {
  const cost = {}, byFile = {};
  for (const c of F.collectives) if (c.plan) cost[lineOf(c.plan)] = (cost[lineOf(c.plan)] || 0) + sent(c);
  for (const t of F.mesh.tactics) { const [, file, line] = t.plan.match(/^(.*):(\d+):\d+$/) || []; if (file) (byFile[file] = byFile[file] || new Set()).add(+line); }
  byId("plan").replaceChildren(...Object.entries(byFile).flatMap(([file, lines]) => [h("p", { class: "file" }, file), h("div", { class: "code" }, planBlocks(file, [...lines].sort((a, b) => a - b)).map(([a, b], i) => {
    const rows = i ? [h("div", {}, h("span", { class: "no" }, "⋯"))] : [];
    for (let n = a; n <= b; ++n) {
      const isTactic = lines.has(n), key = `${file}:${n}`;
      rows.push(h("div", isTactic ? { class: "tactic", tabindex: 0, role: "button", "data-key": "line" + key, onclick: () => choose("line", key), onkeydown: (e) => { if (e.key === "Enter") choose("line", key); } } : {},
        h("span", { class: "no" }, n), h("span", { class: "text" }, F.files[file][n] || " "), cost[key] ? h("span", { class: "cost", title: "sent per rank and step because of this line" }, bytes(cost[key])) : ""));
    }
    return rows;
  }))]));
  if (!byId("plan").children.length) byId("plan").append(h("p", { class: "none" }, "The plan's lines are not at hand."));
}

// --- what is selected -------------------------------------------------------------------------------

function facts(rows) { return h("dl", { class: "facts" }, rows.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])); }
const place = (at) => at && [h("span", { class: "mono soft" }, shortPlace(at)), textAt(at) && h("div", { class: "snippet" }, textAt(at).trim())];
const chain = (path) => path.length > 1 && h("ol", { class: "path" }, path.map((step) => h("li", {}, shortPlace(step))));

function collectiveDetail(c) {
  return [h("h2", {}, c.op, " over ", over(c.mesh_axes)), facts([["value", c.value], ["phase", c.phase], ["sends", `${c.count > 1 ? c.count + " × " : ""}${bytes(c.bytes_per_rank)} per rank, ${seconds(c.seconds)}${c.count > 1 ? " each" : ""}`],
    ["because", c.because], ["model", place(c.source)], ["plan", place(c.plan)], ["spread", chain(c.path)],
    ["without it", c.hint && c.hint + (c.bytes_without === null ? "" : `; then each rank sends ${bytes(c.bytes_without)} in all`)]]),
    c.merged.length ? [h("h3", {}, `It stands for ${c.merged.length} more`), c.merged.slice(0, 12).map((m) => facts([["value", m.value], ["because", m.because], ["model", shortPlace(m.source)]]))] : ""];
}

function tensorDetail(v) {
  const grid = gridOf(v), rows = partsOf(grid.rows), columns = partsOf(grid.columns), at = coordinatesOf(Math.min(state.rank, F.mesh.ranks - 1));
  const drawn = `${grid.rowName ? "down: " + grid.rowName + " over " + grid.rows.join(", ") : ""}${grid.rowName && grid.columnName ? "; " : ""}${grid.columnName ? "across: " + grid.columnName + " over " + grid.columns.join(", ") : ""}`;
  const more = (rows > MOST || columns > MOST) ? `; ${rows} by ${columns} blocks, the first of which are drawn` : "";
  return [h("h2", { class: "name" }, dotted(v.name)), h("div", { style: "margin:14px 0 6px" }, drawTensor(v, 340, true)), h("p", { class: "soft", style: "margin:0 0 4px" }, (drawn || "not cut") + more),
    facts([["type", h("span", { class: "mono" }, v.type)], ["lies as", h("span", { class: "mono" }, layoutText(v.layout))], ["used as", v.compute_layout !== v.layout && h("span", { class: "mono" }, layoutText(v.compute_layout))],
      ["partial", v.partial], ["blocks", blockText(v, rows * columns)], ["a rank has", `${v.local}, ${bytes(v.bytes_per_rank)}`], [`rank ${state.rank}`, AXES.map((a) => `${a.name} ${at[a.name]}`).join(", ") + `; block ${blockOf(grid.rows, at)}, ${blockOf(grid.columns, at)}`],
      ["model", place(v.source)]]), v.origins.map((o) => [h("h3", {}, "Cut over ", over([o.mesh_axis])), facts([["plan", place(o.plan)], ["spread", chain(o.path)]])])];
}

function lineDetail(key) {
  const caused = F.collectives.map((c, i) => [c, i]).filter(([c]) => lineOf(c.plan || "") === key), cut = F.values.filter((v) => v.origins.some((o) => lineOf(o.plan) === key));
  return [h("h2", { class: "mono" }, textAt(key + ":1").trim()), facts([["causes", caused.length ? `${caused.length} collectives, ${bytes(caused.reduce((n, [c]) => n + sent(c), 0))} per rank` : "no collective"], ["cuts", cut.length ? `${cut.length} named tensors` : "no named tensor"]]),
    caused.length ? h("h3", {}, "Collectives") : "", caused.slice(0, 40).map(([c, i]) => h("div", {}, h("button", { class: "plain", type: "button", onclick: () => choose("collective", i) }, h("span", { class: "mono" }, c.op), ` of ${c.value}`), h("span", { class: "soft" }, ` ${bytes(sent(c))}`)))];
}

function actionDetail(item) {
  return [h("h2", {}, "Compute"), facts([["makes", item.name], ["phase", item.phase], ["takes", seconds(item.seconds)], ["model", place(item.source)]])];
}

// `quiet`: the page shows it, and stays where it is.
function choose(type, at, quiet) {
  state.selected = [type, at];
  const show = { collective: () => collectiveDetail(F.collectives[at]), tensor: () => tensorDetail(F.values[at]), line: () => lineDetail(at), action: () => actionDetail(plot.items[at]) };
  byId("detail").replaceChildren(...show[type]().flat(3).filter(Boolean));
  if (!quiet && innerWidth <= 1120) byId("detail").scrollIntoView({ block: "nearest" }); // it stands below the lists
  mark();
}
function mark() {
  const [type, at] = state.selected || ["", ""], keys = [type + at];
  if (type === "collective" && F.collectives[at].plan) keys.push("line" + lineOf(F.collectives[at].plan));
  for (const element of document.querySelectorAll("[data-key]")) element.classList.toggle("on", keys.includes(element.dataset.key));
}

// --- the page ---------------------------------------------------------------------------------------

function drawHeader() {
  const total = F.collectives.reduce((n, c) => n + sent(c), 0), count = F.collectives.reduce((n, c) => n + c.count, 0), time = F.collectives.reduce((n, c) => n + c.count * c.seconds, 0);
  const worst = F.memory.reduce((m, r) => (r.peak_bytes > m ? r.peak_bytes : m), 0), compute = F.step.length ? plot.total : time;
  document.title = `${F.mesh.plan || "no plan"}: a plan explained`;
  byId("title").textContent = F.mesh.plan ? `Plan ${F.mesh.plan}` : "No plan";
  byId("subtitle").replaceChildren(h("span", {}, F.file), AXES.length ? h("span", {}, "mesh ", AXES.map((a, i) => [i ? " × " : "", h("span", { class: "axis", style: `--c:${axisColour(a.name)}` }, `${a.name} ${a.size}`), a.link ? ` over ${a.link}` : ""])) : h("span", {}, "one rank"), F.mesh.hash ? h("span", { class: "mono" }, F.mesh.hash.slice(0, 12)) : "", F.proved ? h("span", {}, F.trusted.length ? `proved, trusting ${F.trusted.join(" and ")}` : "proved") : F.reason ? h("span", {}, `not proved: ${F.reason}`) : "");
  const figure = (name, value, more) => h("div", {}, h("dt", {}, name), h("dd", {}, value, h("small", {}, more)));
  byId("figures").replaceChildren(figure("Ranks", F.mesh.ranks.toLocaleString("en"), F.memory.length > 1 ? `${F.memory.length} classes of equal shapes` : "all of equal shapes"), figure("A step, estimated", seconds(compute), `${compute ? Math.round((100 * time) / compute) : 0} % of it collectives`),
    figure("Sent per rank", bytes(total), "in a step"), figure("Collectives", count.toLocaleString("en"), `${F.collectives.length} different ones`), figure("Peak memory", bytes(worst), "of a rank"));
}

function begin() {
  if (!F.values.some((v) => v.kind === "param")) state.kind = "";
  drawHeader(); drawKeys(); drawTimeline(); drawCollectives(); drawTensors(); drawMemoryTable(); drawConflicts(); drawPlan();
  const largest = F.collectives.reduce((best, c, i) => (best < 0 || sent(c) > sent(F.collectives[best]) ? i : best), -1);
  if (largest >= 0) choose("collective", largest, true); else if (F.values.length) choose("tensor", 0, true);
  byId("coll-find").addEventListener("input", drawCollectives);
  byId("tens-find").addEventListener("input", drawTensors);
  byId("rank").max = F.mesh.ranks - 1;
  byId("rank").addEventListener("input", (e) => { state.rank = Math.max(0, Math.min(F.mesh.ranks - 1, +e.target.value || 0)); drawTensors(); if (state.selected && state.selected[0] === "tensor") choose(...state.selected, true); });
  new ResizeObserver(drawTimeline).observe(byId("timeline").parentElement);
  document.body.dataset.ready = "yes";
}
begin();
