// SPDX-License-Identifier: MIT
/* See html_data.h. */
#include "html_data.h"

#include "processes.h"

#include <inttypes.h>
#include <time.h>

#define OBJECTS_MOST ((uint64_t)8 << 20) /* whose states are told: half as many bytes */
#define BLOCKS_MOST  ((size_t)1 << 20)

static void string(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == '<' || *c == '>' ||
		    *c == '&' || *c == '\'')
			fprintf(out, "\\u%04x", *c);
		else
			fputc(*c, out);
	fputc('"', out);
}

static const char *comma(size_t i)
{
	return i ? ",\n" : "\n";
}

static void print_head(FILE *out, const struct geometry *g, const struct target *t)
{
	time_t now = time(NULL);
	char name[128] = "", release[17] = "", when[40] = "";
	struct tm tm;

	if (t->core)
		snprintf(name, sizeof(name), "%s", t->path ? t->path : "");
	else
		process_read_name(name, sizeof(name), t->pid);
	snprintf(release, sizeof(release), "%.16s", g->root.release);
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(out,
		"\"pid\":%d,\"core\":%d,\"moving\":%zu,\"mapped_bytes\":%" PRIu64
		",\"meta_bytes\":%" PRIu64 ",\"name\":",
		(int)t->pid, t->core != NULL, g->nmoving, g->root.mapped_bytes, g->root.meta_bytes);
	string(out, name);
	fputs(",\"release\":", out);
	string(out, release);
	fputs(",\"when\":", out);
	string(out, when);
}

static void print_cache(FILE *out, const struct geometry_cache *c)
{
	fprintf(out, "{\"id\":%" PRIu32 ",\"name\":", c->id);
	string(out, c->name);
	fprintf(out,
		",\"size\":%" PRIu32 ",\"stride\":%" PRIu32 ",\"align\":%" PRIu32
		",\"pages\":%" PRIu32 ",\"per_slab\":%" PRIu32 ",\"slabs\":%zu,\"active\":%" PRIu64
		",\"parked\":%" PRIu64 ",\"home\":%" PRIu64 ",\"flags\":%" PRIu32
		",\"debug\":%" PRIu32 ",\"hardened\":%d,\"ctor\":%" PRIu64 ",\"limit\":%" PRIu64
		",\"left\":%" PRIu32 ",\"fills\":[",
		c->pub.object_size, c->pub.stride, c->pub.align, c->pub.slab_pages,
		c->pub.slab_objects, c->nslabs, c->in_use, c->parked, c->home, c->pub.flags,
		c->debug, c->hardened, c->ctor, c->limit, c->left);
	for (int i = 0; i < GEOMETRY_FILLS; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", c->nslabs_by_fill[i]);
	fputs("]}", out);
}

static void print_run(FILE *out, const struct geometry *g, const struct geometry_zone *z,
		      const struct geometry_run *run)
{
	fprintf(out, "[%" PRIu64 ",%" PRIu32 ",%d,%" PRId64 ",%d]",
		(run->addr - z->base) / GEOMETRY_PAGE, run->npages, (int)run->kind,
		run->owner == GEOMETRY_NOBODY ? -1 : (int64_t)run->owner,
		run->bin > 1 && geometry_parked_at(g, run->addr) != NULL);
}

static void print_zone(FILE *out, const struct geometry *g, const struct geometry_zone *z)
{
	fprintf(out,
		"{\"base\":%" PRIu64 ",\"pages\":%" PRIu64 ",\"committed\":%" PRIu64
		",\"orders\":[",
		z->base, z->npages, z->committed);
	for (int i = 0; i < GEOMETRY_ORDERS; i++)
		fprintf(out, "%s%" PRIu64, i ? "," : "", z->free_orders[i]);
	fputs("],\"runs\":[", out);
	for (size_t i = 0; i < z->nruns; i++) {
		fputs(comma(i), out);
		print_run(out, g, z, &g->runs[z->first_run + i]);
	}
	fputs("]}", out);
}

static void print_states(FILE *out, const struct geometry *g, const struct geometry_slab *s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (uint32_t i = 0; i < s->nobjects; i += 2) {
		unsigned two = (unsigned)geometry_object_state(g, s, i);

		if (i + 1 < s->nobjects)
			two |= (unsigned)geometry_object_state(g, s, i + 1) << 3;
		fputc(alphabet[two], out);
	}
}

static void print_slabs(FILE *out, const struct geometry *g)
{
	uint64_t nobjects = 0;

	for (size_t i = 0; i < g->nslabs; i++) {
		const struct geometry_slab *s = &g->slabs[i];

		fprintf(out,
			"%s[%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32
			",%" PRIu32 ",%" PRIu32 ",\"",
			comma(i), s->cache, s->record, s->base, s->in_use, s->parked, s->home,
			s->fresh, s->owned);
		nobjects += s->nobjects;
		if (nobjects <= OBJECTS_MOST)
			print_states(out, g, s);
		fputs("\"]", out);
	}
}

static void print_spans(FILE *out, const struct geometry *g)
{
	for (size_t i = 0; i < g->nspans; i++) {
		const struct geometry_span *s = &g->spans[i];
		const struct geometry_block *blocks = g->blocks + s->first_block;
		size_t n = g->nblocks <= BLOCKS_MOST ? s->nblocks : 0;

		fprintf(out, "%s[%d,%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",[", comma(i),
			s->heap == GEOMETRY_NOBODY ? -1 : (int)s->heap, s->base, s->nbytes,
			s->damaged);
		for (size_t k = 0; k < n; k++)
			fprintf(out, "%s%" PRIu32 ",%d", k ? "," : "", blocks[k].nbytes,
				(int)blocks[k].state);
		fputs("]]", out);
	}
}

static void print_heap(FILE *out, const struct geometry_heap *h)
{
	fputs("{\"name\":", out);
	string(out, h->name);
	fprintf(out,
		",\"spans\":%zu,\"bytes\":%" PRIu64 ",\"live\":[%" PRIu64 ",%" PRIu64
		"],\"parked\":[%" PRIu64 ",%" PRIu64 "],\"free\":[%" PRIu64 ",%" PRIu64
		"],\"largest\":%" PRIu64 ",\"fragmentation\":%u}",
		h->nspans, h->nbytes, h->live_blocks, h->live_nbytes, h->parked_blocks,
		h->parked_nbytes, h->free_blocks, h->free_nbytes, h->largest_free,
		geometry_fragmentation(h));
}

void html_data(FILE *out, const struct geometry *g, const struct target *t)
{
	fputc('{', out);
	print_head(out, g, t);
	fputs(",\n\"caches\":[", out);
	for (size_t i = 0; i < g->ncaches; i++) {
		fputs(comma(i), out);
		print_cache(out, &g->caches[i]);
	}
	fputs("],\n\"zones\":[", out);
	for (size_t i = 0; i < g->nzones; i++) {
		fputs(comma(i), out);
		print_zone(out, g, &g->zones[i]);
	}
	fputs("],\n\"slabs\":[", out);
	print_slabs(out, g);
	fputs("],\n\"spans\":[", out);
	print_spans(out, g);
	fputs("],\n\"heaps\":[", out);
	for (size_t i = 0; i < g->nheaps; i++) {
		fputs(comma(i), out);
		print_heap(out, &g->heaps[i]);
	}
	fputs("],\n\"mappings\":[", out);
	for (size_t i = 0; i < g->nmappings; i++)
		fprintf(out, "%s[%" PRIu64 ",%" PRIu32 ",%d]", comma(i), g->mappings[i].addr,
			g->mappings[i].npages, (int)g->mappings[i].kind);
	fputs("]}\n", out);
}
