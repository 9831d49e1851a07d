"use strict";
/* The map's page. All text from the process is set as text, never as HTML. */
const D = JSON.parse(document.getElementById("data").textContent);
const PAGE = 4096;
const KIND = { DIRTY: 0, CLEAN: 1, BUSY: 2, SLAB: 3, SPAN: 4, PAGES: 5, LARGE: 6, GUARDED: 7, MOVING: 8 };
const STATES = ["in use", "free", "free, never handed out", "free, in a sheaf", "set aside or in quarantine"];
const $ = (id) => document.getElementById(id);
const hex = (n) => "0x" + n.toString(16);
const count = (n) => n.toLocaleString("en");
const percent = (part, whole) => (whole ? Math.floor((100 * part) / whole) : 0); /* 100 means all */

function size(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;
	for (; n >= 1024 && unit < 4; unit++) n /= 1024;
	return (unit && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
}

function element(tag, properties, ...children) {
	const e = Object.assign(document.createElement(tag), properties);
	e.append(...children.filter((c) => c !== null && c !== undefined));
	return e;
}

/* --- colours ------------------------------------------------------------------ */

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const bytesOf = (c) => c.slabs * c.pages * PAGE;
D.caches.forEach((c, i) => (c.index = i));
[...D.caches].sort((a, b) => bytesOf(b) - bytesOf(a)).forEach((c, rank) => {
	c.hue = (250 + rank * 137.508) % 360; /* the golden angle: neighbours in rank are far apart */
});
const colorOf = (c, alpha = 1) => `oklch(${css("--light")} ${css("--chroma")} ${c.hue} / ${alpha})`;

let colors; /* of this theme: looked up once, as there are many runs */
function lookUpColors() {
	colors = { caches: D.caches.map((c) => [colorOf(c), colorOf(c, 0.5), colorOf(c, 0.2)]) };
	for (const name of ["bg", "text", "free", "dirty", "heap", "large", "pages", "guard", "moving"])
		colors[name] = css("--" + name);
}

/* --- sums ----------------------------------------------------------------------- */

function pagesOf(kind) {
	let n = 0;
	for (const z of D.zones) for (const r of z.runs) if (r[2] === kind) n += r[1];
	return n;
}

function sumUp() {
	const sum = { live: 0, parked: 0, home: 0 };
	for (const c of D.caches) {
		sum.live += c.active * c.stride;
		sum.parked += c.parked * c.stride;
		sum.home += bytesOf(c) - (c.active + c.parked) * c.stride;
	}
	const heap = (key) => D.heaps.reduce((n, h) => n + h[key][1], 0);
	return [
		["objects in use", sum.live, "oklch(var(--light) var(--chroma) 250)"],
		["objects in sheaves", sum.parked, "oklch(var(--light) var(--chroma) 250 / 0.5)"],
		["free in slabs", sum.home, "oklch(var(--light) var(--chroma) 250 / 0.2)"],
		["heap blocks in use", heap("live") + heap("parked"), "var(--heap)"],
		["free in heaps", heap("free"), "color-mix(in srgb, var(--heap) 35%, transparent)"],
		["page runs", pagesOf(KIND.PAGES) * PAGE, "var(--pages)"],
		["large mallocs", pagesOf(KIND.LARGE) * PAGE, "var(--large)"],
		["mappings of their own", D.mapped_bytes, "color-mix(in srgb, var(--large) 60%, transparent)"],
		["free pages, resident", (pagesOf(KIND.DIRTY) + pagesOf(KIND.BUSY)) * PAGE, "var(--dirty)"],
		["free pages, given back", pagesOf(KIND.CLEAN) * PAGE, "var(--free)"],
		["libkmem's own records", D.meta_bytes, "var(--moving)"],
	].filter((row) => row[1] > 0);
}

function showSummary() {
	for (const [name, nbytes, color] of sumUp()) {
		const part = element("div", { title: `${name}: ${size(nbytes)}` });
		part.style.flex = String(nbytes);
		part.style.background = color;
		$("summary").append(part);
		$("summary-legend").append(key(color, `${name} ${size(nbytes)}`));
	}
}

function key(color, text) {
	const swatch = element("span", { className: "swatch" });
	swatch.style.background = color;
	return element("li", {}, swatch, text);
}

/* --- the map -------------------------------------------------------------------- */

const map = { zoom: 1, zones: [], selected: null, cache: null };

/* Pages to a row and pixels to a page, so that all zones fill about one screen. */
function layOut() {
	const total = Math.max(1, D.zones.reduce((n, z) => n + z.committed, 0));
	const width = Math.max(200, $("zones").clientWidth);
	const wish = Math.min(16, Math.sqrt((width * 560 * map.zoom * map.zoom) / (2.2 * total)));
	const perRow = Math.max(16, Math.floor(width / wish / 16) * 16);
	const pixels = width / perRow;
	return { width, perRow, pixels, height: Math.max(4, Math.min(24, Math.round(2.2 * pixels))) };
}

function makeZones() {
	D.zones.forEach((zone, index) => {
		const canvas = element("canvas", { tabIndex: 0 });
		canvas.setAttribute("role", "img");
		canvas.setAttribute("aria-label", `zone at ${hex(zone.base)}; arrow keys go from run to run`);
		const free = zone.runs.reduce((n, r) => n + (r[2] <= KIND.BUSY ? r[1] : 0), 0);
		$("zones").append(element("div", { className: "zone" },
			element("p", { className: "dim" }, element("code", {}, hex(zone.base)),
				`  ${size(zone.committed * PAGE)} of ${size(zone.pages * PAGE)}, ${size(free * PAGE)} free`),
			canvas));
		map.zones.push({ zone, index, canvas });
		canvas.addEventListener("click", (e) => select(index, runUnder(map.zones[index], e)));
		canvas.addEventListener("mousemove", (e) => tip(e, describe(index, runUnder(map.zones[index], e))));
		canvas.addEventListener("mouseleave", () => tip(null));
		canvas.addEventListener("keydown", (e) => step(index, e));
	});
}

function draw() {
	const l = (map.layout = layOut());
	lookUpColors();
	$("scale").textContent = `a row is ${size(l.perRow * PAGE)}; a slab is filled as far as its objects are in use`;
	for (const view of map.zones) {
		const rows = Math.max(1, Math.ceil(view.zone.committed / l.perRow));
		const ratio = Math.min(devicePixelRatio || 1, 16000 / (rows * l.height));
		view.canvas.width = Math.round(l.width * ratio);
		view.canvas.height = Math.round(rows * l.height * ratio);
		view.canvas.style.height = rows * l.height + "px";
		const g = view.canvas.getContext("2d");
		g.scale(ratio, ratio);
		view.zone.runs.forEach((run, i) => drawRun(g, run, map.selected && map.selected.zone === view.index && map.selected.run === i));
	}
}

/* Calls with x, y, width of each row's part of [from, to), in pages; gap: the run's end is drawn. */
function parts(from, to, each) {
	const l = map.layout;
	for (let at = from; at < to; ) {
		const row = Math.floor(at / l.perRow);
		const end = Math.min(to, (row + 1) * l.perRow);
		each((at - row * l.perRow) * l.pixels, row * l.height, (end - at) * l.pixels, end === to);
		at = end;
	}
}

function fill(g, from, to, color, gap) {
	g.fillStyle = color;
	parts(from, to, (x, y, w, last) => g.fillRect(x, y, Math.max(0.4, last && gap && w > 3 ? w - 1 : w), map.layout.height - 1));
}

function drawSlab(g, run) {
	const slab = D.slabs[run[3]], cache = D.caches[slab[0]], tone = colors.caches[slab[0]];
	const height = map.layout.height - 1;
	const used = (slab[3] / cache.per_slab) * height, parked = (slab[4] / cache.per_slab) * height;
	parts(run[0], run[0] + run[1], (x, y, w, last) => {
		const width = Math.max(0.4, last && w > 3 ? w - 1 : w);
		g.fillStyle = tone[2];
		g.fillRect(x, y, width, height);
		g.fillStyle = tone[1];
		g.fillRect(x, y + height - used - parked, width, parked);
		g.fillStyle = tone[0];
		g.fillRect(x, y + height - used, width, used);
	});
}

function drawSpan(g, run) {
	const span = D.spans[run[3]], alpha = g.globalAlpha;
	let at = run[0] + 8 / PAGE;
	fill(g, run[0], run[0] + run[1], colors.free, true);
	for (let i = 0; i < span[4].length; i += 2) {
		const to = at + span[4][i] / PAGE;
		g.globalAlpha = alpha * (span[4][i + 1] === 3 ? 0.5 : 1);
		if (span[4][i + 1] !== 1) fill(g, at, to, colors.heap, true);
		at = to;
	}
}

function drawRun(g, run, selected) {
	const end = run[0] + run[1];
	const plain = [colors.dirty, colors.free, colors.dirty, colors.moving, colors.heap, colors.pages, colors.large, colors.guard, colors.moving];
	const others = map.cache !== null && !(run[2] === KIND.SLAB && run[3] >= 0 && D.slabs[run[3]][0] === map.cache);
	g.globalAlpha = others ? 0.18 : 1;
	if (run[2] === KIND.SLAB && run[3] >= 0) drawSlab(g, run);
	else if (run[2] === KIND.SPAN && run[3] >= 0) drawSpan(g, run);
	else fill(g, run[0], end, plain[run[2]], true);
	g.globalAlpha = 1;
	if (!selected) return;
	g.strokeStyle = colors.text;
	g.lineWidth = 2;
	parts(run[0], end, (x, y, w) => g.strokeRect(x + 1, y + 1, Math.max(2, w - 3), map.layout.height - 3));
}

function runAt(zone, page) {
	let low = 0, high = zone.runs.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (zone.runs[middle][0] <= page) low = middle + 1;
		else high = middle;
	}
	return low && page < zone.runs[low - 1][0] + zone.runs[low - 1][1] ? low - 1 : -1;
}

function runUnder(view, event) {
	const l = map.layout, box = view.canvas.getBoundingClientRect();
	const column = Math.floor((event.clientX - box.left) / l.pixels);
	return runAt(view.zone, Math.floor((event.clientY - box.top) / l.height) * l.perRow + column);
}

/* --- what is under the mouse, and the detail ------------------------------------ */

function kindName(run) {
	const names = ["free pages, resident", "free pages, given back", "free pages on their way to the system", "slab", "heap span", "page run (kmem_pages_alloc)", "large malloc", "pool of guarded objects", "in motion when it was read"];
	return names[run[2]];
}

function describe(zone, index) {
	const run = index < 0 ? null : D.zones[zone].runs[index];
	if (!run) return null;
	if (run[2] === KIND.SLAB && run[3] >= 0) {
		const slab = D.slabs[run[3]], cache = D.caches[slab[0]];
		return `${cache.name}: ${slab[3]} of ${cache.per_slab} in use, ${slab[4]} in sheaves`;
	}
	if (run[2] === KIND.SPAN && run[3] >= 0 && D.spans[run[3]][0] >= 0)
		return `${D.heaps[D.spans[run[3]][0]].name}: span of ${size(run[1] * PAGE)}`;
	return `${kindName(run)}, ${size(run[1] * PAGE)}`;
}

function tip(event, text) {
	$("tip").style.display = event && text ? "block" : "none";
	if (!event || !text) return;
	$("tip").textContent = text;
	$("tip").style.left = Math.min(event.clientX + 14, innerWidth - 300) + "px";
	$("tip").style.top = event.clientY + 16 + "px";
}

function facts(rows) {
	const list = element("dl");
	for (const [name, value] of rows) list.append(element("dt", {}, name), element("dd", { className: "mono" }, String(value)));
	return list;
}

function objectStates(text, n) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	return Array.from({ length: n }, (_, i) => (alphabet.indexOf(text[i >> 1]) >> (i & 1 ? 3 : 0)) & 7);
}

function showObject(slab, cache, states, index, cell) {
	const address = slab[2] + index * cache.stride;
	for (const other of $("detail").querySelectorAll(".objects .on")) other.classList.remove("on");
	cell.classList.add("on");
	$("object").textContent = `object ${index} at ${hex(address)}: ${STATES[states[index]]}`;
}

function objectGrid(slab, cache) {
	const grid = element("div", { className: "objects" });
	const tone = [colorOf(cache), "", "", colorOf(cache, 0.5), "var(--guard)"];
	const states = objectStates(slab[8], cache.per_slab);
	states.forEach((state, i) => {
		const cell = element("i", { title: `${i}: ${STATES[state]}` });
		cell.style.background = tone[state];
		if (state === 2) cell.style.opacity = "0.45";
		cell.addEventListener("click", () => showObject(slab, cache, states, i, cell));
		grid.append(cell);
	});
	return grid;
}

function slabDetail(run) {
	const slab = D.slabs[run[3]], cache = D.caches[slab[0]];
	const swatch = element("span", { className: "swatch" });
	swatch.style.background = colorOf(cache);
	return [
		element("h2", { className: "name" }, swatch, cache.name),
		facts([
			["slab", hex(slab[2] - cache.left)], ["objects", `${cache.per_slab} of ${cache.size} bytes, ${cache.stride} apart`],
			["in use", `${slab[3]} (${percent(slab[3], cache.per_slab)}%)`], ["in sheaves", slab[4]], ["free", slab[5]],
			["never handed out", Math.max(0, cache.per_slab - slab[6])], ["a thread takes from it", slab[7] ? "yes" : "no"],
			["record", hex(slab[1])],
		]),
		slab[8] ? objectGrid(slab, cache) : element("p", { className: "dim" }, "Its objects are not listed: there are too many slabs."),
		element("p", { id: "object", className: "mono" }, slab[8] ? "click an object" : ""),
	];
}

function blockStrip(span) {
	const strip = element("div", { className: "strip" });
	let at = span[1] + 16;
	for (let i = 0; i < span[4].length; i += 2) {
		const state = span[4][i + 1];
		const block = element("div", { title: `${hex(at)}: ${size(span[4][i])}, ${STATES[state]}` });
		block.style.flex = String(span[4][i]);
		if (state !== 1) block.style.background = "var(--heap)";
		if (state === 3) block.style.opacity = "0.5";
		strip.append(block);
		at += span[4][i];
	}
	return strip;
}

function spanDetail(run) {
	const span = D.spans[run[3]], blocks = span[4];
	const of = (state) => blocks.filter((_, i) => !(i & 1) && blocks[i + 1] === state);
	const sum = (list) => list.reduce((a, b) => a + b, 0);
	const table = element("table", {}, element("tbody"));
	let at = span[1] + 16;
	for (let i = 0; i < blocks.length && i < 400; i += 2) {
		table.tBodies[0].append(element("tr", {}, element("td", { className: "n" }, hex(at)),
			element("td", { className: "n" }, size(blocks[i])), element("td", {}, STATES[blocks[i + 1]])));
		at += blocks[i];
	}
	return [
		element("h2", {}, span[0] >= 0 ? D.heaps[span[0]].name : "heap"),
		facts([
			["span", hex(span[1])], ["size", size(span[2])], ["blocks", blocks.length / 2],
			["in use", `${of(0).length}, ${size(sum(of(0)))}`], ["in sheaves", `${of(3).length}, ${size(sum(of(3)))}`],
			["free", `${of(1).length}, ${size(sum(of(1)))}`], ["largest free", size(Math.max(0, ...of(1)))],
			...(span[3] ? [["damaged", "behind the last block a head makes no sense"]] : []),
		]),
		blockStrip(span), table,
	];
}

function runDetail(zone, run) {
	return [
		element("h2", {}, kindName(run)),
		facts([["address", hex(zone.base + run[0] * PAGE)], ["size", size(run[1] * PAGE)], ["pages", count(run[1])],
			...(run[2] === KIND.PAGES || run[2] === KIND.LARGE ? [["state", run[4] ? STATES[3] : STATES[0]]] : [])]),
	];
}

function select(zone, index) {
	if (index < 0) return;
	const run = D.zones[zone].runs[index], owned = run[3] >= 0;
	map.selected = { zone, run: index };
	$("detail").replaceChildren(...(run[2] === KIND.SLAB && owned ? slabDetail(run)
		: run[2] === KIND.SPAN && owned ? spanDetail(run) : runDetail(D.zones[zone], run)));
	$("detail").dataset.address = hex(D.zones[zone].base + run[0] * PAGE);
	draw();
}

function step(zone, event) {
	const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
	if (!move) return;
	event.preventDefault();
	const at = map.selected && map.selected.zone === zone ? map.selected.run + move : 0;
	if (at >= 0 && at < D.zones[zone].runs.length) select(zone, at);
}

function find(text) {
	const address = Number(text);
	const zone = D.zones.findIndex((z) => address >= z.base && address < z.base + z.committed * PAGE);
	const index = zone < 0 ? -1 : runAt(D.zones[zone], Math.floor((address - D.zones[zone].base) / PAGE));
	if (index < 0) {
		$("detail").replaceChildren(element("h2", {}, "not in a zone"), element("p", { className: "dim" }, `kmemtop --whatis ${Number.isFinite(address) ? hex(address) : "ADDRESS"} may know it`));
		return;
	}
	select(zone, index);
	const run = D.zones[zone].runs[index];
	if (run[2] !== KIND.SLAB || run[3] < 0) return;
	const slab = D.slabs[run[3]];
	const cell = $("detail").querySelectorAll(".objects i")[Math.floor((address - slab[2]) / D.caches[slab[0]].stride)];
	if (cell) cell.click();
}
