/* The tables below the map, and what starts all of it. */

/* --- caches ---------------------------------------------------------------------- */

function usedBar(cache) {
	const bar = element("div", { className: "bar" });
	const total = cache.slabs * cache.per_slab;
	for (const [part, alpha] of [[cache.active, 1], [cache.parked, 0.5]]) {
		const piece = element("div");
		piece.style.width = (total ? (100 * part) / total : 0) + "%";
		piece.style.background = colorOf(cache, alpha);
		bar.append(piece);
	}
	return bar;
}

function fillBars(cache) {
	const most = Math.max(1, ...cache.fills);
	const bars = element("div", { className: "fills" });
	cache.fills.forEach((n, i) => {
		const what = i === 0 ? "with none in use" : i === 11 ? "with all in use" : `${10 * (i - 1)} to ${10 * i}% in use`;
		const bar = element("i", { title: `${n} slabs ${what}` });
		bar.style.height = (n ? Math.max(12, (100 * n) / most) : 0) + "%";
		bar.style.background = n ? colorOf(cache) : "var(--line)";
		bars.append(bar);
	});
	return bars;
}

function cacheName(cache) {
	const swatch = element("span", { className: "swatch" });
	swatch.style.background = colorOf(cache);
	const traits = [cache.ctor && "constructor", cache.limit && `limit ${cache.limit}`, cache.debug && "debugged", cache.hardened && "hardened"].filter(Boolean);
	return element("span", { className: "name" }, swatch, cache.name, traits.length ? element("span", { className: "dim" }, traits.join(", ")) : null);
}

/* Title, value to sort by, what is shown; n: a number. */
const total = (c) => c.slabs * c.per_slab;
const COLUMNS = [
	{ title: "Cache", value: (c) => c.name, show: cacheName },
	{ title: "Object", n: true, value: (c) => c.size, show: (c) => count(c.size) },
	{ title: "Objects", n: true, value: total, show: (c) => count(total(c)) },
	{ title: "In use", n: true, value: (c) => c.active, show: (c) => count(c.active) },
	{ title: "In sheaves", n: true, value: (c) => c.parked, show: (c) => count(c.parked) },
	{ title: "Use", n: true, value: (c) => (total(c) ? c.active / total(c) : 0), show: (c) => percent(c.active, total(c)) + "%" },
	{ title: "", value: (c) => (total(c) ? c.active / total(c) : 0), show: usedBar },
	{ title: "Slabs", n: true, value: (c) => c.slabs, show: (c) => count(c.slabs) },
	{ title: "Size", n: true, value: bytesOf, show: (c) => size(bytesOf(c)) },
	{ title: "Wasted", n: true, value: (c) => bytesOf(c) - c.active * c.size, show: (c) => size(bytesOf(c) - c.active * c.size) },
	{ title: "Slabs by fill", value: (c) => c.fills[11] / Math.max(1, c.slabs), show: fillBars },
];
const order = { column: 8, descending: true };

function showCaches() {
	const by = COLUMNS[order.column].value;
	const rows = [...D.caches].sort((a, b) => {
		const x = by(a), y = by(b);
		return (x < y ? -1 : x > y ? 1 : a.index - b.index) * (order.descending ? -1 : 1);
	});
	$("caches").tBodies[0].replaceChildren(...rows.map((cache) => {
		const row = element("tr", { tabIndex: 0 }, ...COLUMNS.map((c) => element("td", { className: c.n ? "n" : "" }, c.show(cache))));
		row.classList.toggle("on", map.cache === cache.index);
		row.addEventListener("click", () => highlight(cache.index));
		row.addEventListener("keydown", (e) => e.key === "Enter" && highlight(cache.index));
		return row;
	}));
	[...$("caches").tHead.rows[0].cells].forEach((cell, i) => {
		if (i === order.column) cell.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
		else cell.removeAttribute("aria-sort");
	});
}

function sortBy(column) {
	order.descending = order.column === column ? !order.descending : Boolean(COLUMNS[column].n);
	order.column = column;
	showCaches();
}

function makeCaches() {
	COLUMNS.forEach((column, i) => {
		const button = element("button", { type: "button" }, column.title);
		button.addEventListener("click", () => sortBy(i));
		$("caches").tHead.rows[0].append(element("th", { className: column.n ? "n" : "" }, column.title ? button : ""));
	});
	showCaches();
}

/* The others pale, until the same is chosen again. */
function highlight(index) {
	map.cache = map.cache === index ? null : index;
	showCaches();
	draw();
}

/* --- heaps, free pages, mappings ---------------------------------------------------- */

const STRIPS = 48; /* spans shown of each heap */

function showHeaps() {
	const heaps = D.heaps.filter((h) => h.spans);
	$("heap-section").hidden = !heaps.length && !D.mappings.length;
	for (const heap of heaps) {
		const box = element("div", { className: "heap" }, element("h2", {}, heap.name));
		const list = element("dl");
		for (const [name, value] of [["spans", `${heap.spans}, ${size(heap.bytes)}`], ["in use", `${count(heap.live[0])}, ${size(heap.live[1])}`],
			["in sheaves", `${count(heap.parked[0])}, ${size(heap.parked[1])}`], ["free", `${count(heap.free[0])}, ${size(heap.free[1])}`],
			["largest free", size(heap.largest)], ["fragmentation", heap.fragmentation + "%"]])
			list.append(element("div", {}, element("dt", {}, name), element("dd", { className: "mono" }, value)));
		box.append(list);
		const spans = D.spans.filter((s) => D.heaps[s[0]] === heap && s[4].length);
		const most = Math.max(...spans.map((s) => s[2]));
		for (const span of spans.slice(0, STRIPS)) {
			const strip = blockStrip(span);
			strip.style.width = (100 * span[2]) / most + "%";
			box.append(strip);
		}
		if (spans.length > STRIPS) box.append(element("p", { className: "dim" }, `and ${spans.length - STRIPS} more spans`));
		$("heaps").append(box);
	}
	if (D.mappings.length)
		$("heaps").append(element("div", { className: "heap" }, element("h2", {}, "Mappings of their own"),
			element("ul", { className: "legend" }, ...D.mappings.map((m) => element("li", {}, element("code", {}, hex(m[0])), `${size(m[1] * PAGE)}, ${kindName([0, 0, m[2]])}`)))));
}

function showOrders() {
	const head = $("orders").tHead.rows[0];
	head.append(element("th", {}, element("button", { type: "button", disabled: true }, "Zone")));
	for (let i = 0; i < 11; i++) head.append(element("th", { className: "n" }, element("button", { type: "button", disabled: true }, size(PAGE << i))));
	for (const zone of D.zones)
		$("orders").tBodies[0].append(element("tr", {}, element("td", { className: "n", style: "text-align:left" }, hex(zone.base)),
			...zone.orders.map((n) => element("td", { className: "n" }, count(n)))));
}

function showLegend() {
	const kinds = [["heap block", "var(--heap)"], ["page run", "var(--pages)"], ["large malloc", "var(--large)"],
		["free, resident", "var(--dirty)"], ["free, given back", "var(--free)"]];
	const caches = [...D.caches].sort((a, b) => bytesOf(b) - bytesOf(a)).filter((c) => c.slabs).slice(0, 12);
	$("legend").replaceChildren(...caches.map((c) => key(colorOf(c), c.name)), ...kinds.map(([name, color]) => key(color, name)));
}

/* --- all of it ----------------------------------------------------------------------- */

function recolor() {
	showLegend();
	showCaches();
	draw();
	if (map.selected) select(map.selected.zone, map.selected.run);
}

function toggleTheme() {
	document.documentElement.dataset.theme = document.documentElement.dataset.theme === "light" ? "dark" : "light";
	recolor();
}

function zoom(factor) {
	map.zoom = Math.max(1, Math.min(16, map.zoom * factor));
	draw();
}

function start() {
	document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
	document.title = `${D.name || "process"} ${D.core ? "" : D.pid}: kmemtop`;
	$("name").textContent = D.core ? D.name : `${D.name} ${D.pid}`;
	$("about").textContent = `libkmem ${D.release}, ${D.when}, ${D.caches.length} caches, ${count(D.slabs.length)} slabs` +
		(D.moving ? `; ${count(D.moving)} things changed while they were read, and are left out` : "");
	$("detail").append(element("h2", {}, "Detail"), element("p", { className: "dim" }, "Click into a zone: a slab shows its objects, a span its blocks."));
	showSummary();
	makeZones();
	makeCaches();
	showHeaps();
	showOrders();
	showLegend();
	draw();
	$("theme").addEventListener("click", toggleTheme);
	$("in").addEventListener("click", () => zoom(1.5));
	$("out").addEventListener("click", () => zoom(1 / 1.5));
	$("find").addEventListener("submit", (e) => {
		e.preventDefault();
		find($("address").value.trim());
	});
	addEventListener("resize", draw);
}

start();
