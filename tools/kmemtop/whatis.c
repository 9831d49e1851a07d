// SPDX-License-Identifier: MIT
/*
 * What an address is: looked for in the pages, then in libkmem's own records, then among the
 * mappings. What was in motion when it was read is read again, a few times.
 */
#include "whatis.h"

#include "geometry.h"
#include "geometry_modules.h"
#include "guarded.h"
#include "reading.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS 5

struct question {
	FILE *out;
	struct target *t;
	struct geometry g;
	struct modules modules;
	uint64_t addr;
};

int whatis_parse(const char *text, uint64_t *addr)
{
	char *end;

	errno = 0;
	*addr = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-';
}

static void fact(const struct question *q, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fact(const struct question *q, const char *what, const char *format, ...)
{
	va_list args;

	fprintf(q->out, "  %-10s ", what);
	va_start(args, format);
	vfprintf(q->out, format, args);
	va_end(args);
	fputc('\n', q->out);
}

static void begin(const struct question *q, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void begin(const struct question *q, const char *format, ...)
{
	va_list args;

	fprintf(q->out, "0x%" PRIx64 ": ", q->addr);
	va_start(args, format);
	vfprintf(q->out, format, args);
	va_end(args);
	fputc('\n', q->out);
}

/* --- objects ---------------------------------------------------------------------- */

static void state_of_parked(const struct question *q, uint64_t object)
{
	const struct geometry_parked *p = geometry_parked_at(&q->g, object);

	if (!p)
		fact(q, "state", "free, in a sheaf");
	else if (p->place == GEOMETRY_BARN)
		fact(q, "state", "free, in a full sheaf in barn %" PRIu32, p->holder);
	else
		fact(q, "state", "free, in the %ssheaf of thread %" PRIu32,
		     p->place == GEOMETRY_SPARE ? "spare " : "", p->holder);
}

static void state_of_object(const struct question *q, const struct geometry_slab *s, uint32_t index,
			    uint64_t object)
{
	switch (geometry_object_state(&q->g, s, index)) {
	case GEOMETRY_IN_USE:
		fact(q, "state", "in use");
		break;
	case GEOMETRY_HOME:
		fact(q, "state", "free, in its slab");
		break;
	case GEOMETRY_FRESH:
		fact(q, "state", "free, in its slab, never handed out");
		break;
	case GEOMETRY_ASIDE:
		fact(q, "state", "free, in quarantine or set aside");
		break;
	case GEOMETRY_PARKED:
		state_of_parked(q, object);
		break;
	}
}

static void print_track(struct question *q, const char *what, const struct kmem_root_track *track)
{
	struct geometry_stack stack = {0};
	char line[MODULE_LINE];

	if (!track->tid)
		return;
	fact(q, what, "by thread %" PRIu32 " on CPU %" PRIu32, track->tid, track->cpu);
	if (geometry_stack_read(&q->g, q->t, track->stack, &stack))
		return;
	for (uint32_t i = 0; i < stack.nframes; i++)
		fprintf(q->out, "    %s\n", modules_format(&q->modules, stack.frames[i], line));
}

static void print_both_tracks(struct question *q, const struct kmem_root_track *tracks)
{
	print_track(q, "allocated", &tracks[0]);
	print_track(q, "freed", &tracks[1]);
}

static void print_tracks(struct question *q, const struct geometry_cache *c, uint64_t object)
{
	struct kmem_root_track tracks[2];
	uint32_t asked;

	if (c->asked && !target_read(q->t, object + c->asked, &asked, sizeof(asked)) &&
	    asked <= c->pub.object_size)
		fact(q, "asked for", "%" PRIu32 " bytes", asked);
	if (c->tracks && !target_read(q->t, object + c->tracks, tracks, sizeof(tracks)))
		print_both_tracks(q, tracks);
}

static void about_slab(const struct question *q, const struct geometry_slab *s)
{
	fact(q, "slab",
	     "0x%" PRIx64 ": %" PRIu32 " objects, %" PRIu32 " in use, %" PRIu32
	     " in sheaves, %" PRIu32 " free",
	     s->addr, s->nobjects, s->in_use, s->parked, s->home);
	fact(q, "record", "0x%" PRIx64, s->record);
}

static void tell_object(struct question *q, const struct geometry_slab *s)
{
	const struct geometry_cache *c = &q->g.caches[s->cache];
	uint32_t index = (uint32_t)((q->addr - s->addr) / c->pub.stride);
	uint64_t object = s->base + (uint64_t)index * c->pub.stride;

	if (index >= s->nobjects) {
		begin(q, "behind the last object of a slab of cache '%s'", c->name);
		about_slab(q, s);
		return;
	}
	if (q->addr < object)
		begin(q, "%" PRIu64 " bytes before object %" PRIu32 " of a slab of cache '%s'",
		      object - q->addr, index, c->name);
	else
		begin(q, "%" PRIu64 " bytes into object %" PRIu32 " of a slab of cache '%s'",
		      q->addr - object, index, c->name);
	fact(q, "object", "0x%" PRIx64 ", %" PRIu32 " bytes%s", object, c->pub.object_size,
	     q->addr >= object + c->pub.object_size ? ": the address is behind them" : "");
	state_of_object(q, s, index, object);
	about_slab(q, s);
	print_tracks(q, c, object);
}

/* --- blocks and runs ---------------------------------------------------------------- */

static void tell_block(const struct question *q, const struct geometry_span *span)
{
	const struct geometry_block *b = geometry_block_at(&q->g, span, q->addr);
	const char *name = span->heap == GEOMETRY_NOBODY ? "?" : q->g.heaps[span->heap].name;

	if (!b) {
		begin(q, "in no block of heap '%s'", name);
	} else {
		if (q->addr < b->addr)
			begin(q, "in the head of a block of heap '%s'", name);
		else
			begin(q, "%" PRIu64 " bytes into a block of heap '%s'", q->addr - b->addr,
			      name);
		fact(q, "block", "0x%" PRIx64 ", %" PRIu32 " bytes", b->addr,
		     b->nbytes - GEOMETRY_BLOCK_HEAD);
		if (b->state == GEOMETRY_PARKED)
			state_of_parked(q, b->addr);
		else
			fact(q, "state", b->state == GEOMETRY_IN_USE ? "in use" : "free");
	}
	fact(q, "span", "0x%" PRIx64 ", %" PRIu64 " bytes, %zu blocks%s", span->base, span->nbytes,
	     span->nblocks, span->damaged ? "; behind the last of them a head is damaged" : "");
}

static void tell_used_run(const struct question *q, const struct geometry_run *run)
{
	int mapped = !geometry_zone_at(&q->g, run->addr);

	begin(q, "%" PRIu64 " bytes into a %s of %" PRIu32 " pages from %s", q->addr - run->addr,
	      mapped ? "mapping" : "run", run->npages,
	      run->kind == GEOMETRY_PAGES ? "kmem_pages_alloc" : "malloc");
	fact(q, "pages", "0x%" PRIx64 ", %" PRIu64 " bytes", run->addr,
	     (uint64_t)run->npages * GEOMETRY_PAGE);
	if (geometry_parked_at(&q->g, run->addr))
		state_of_parked(q, run->addr);
	else
		fact(q, "state", run->bin ? "in use" : "in use, or in quarantine: it is debugged");
}

static void state_of_guarded(const struct question *q, const struct guarded *guarded)
{
	static const char *const states[] = {
		[KMEM_GUARD_TAKEN] = "being allocated or freed",
		[KMEM_GUARD_LIVE] = "in use",
		[KMEM_GUARD_LEFT] = "free",
		[KMEM_GUARD_FREED] = "free",
		[KMEM_GUARD_OPEN] = "free, and accessible since a report",
	};

	if (geometry_parked_at(&q->g, guarded->object))
		state_of_parked(q, guarded->object);
	else
		fact(q, "state", "%s",
		     guarded->state <= KMEM_GUARD_OPEN ? states[guarded->state] : "?");
}

static void tell_guarded_object(struct question *q, const struct guarded *guarded)
{
	uint64_t object = guarded->object;

	begin(q, "%" PRIu64 " bytes %s guarded object %" PRIu32 " of cache '%s'",
	      q->addr < object ? object - q->addr : q->addr - object,
	      q->addr < object ? "before" : "into", guarded->number, guarded->name);
	fact(q, "object", "0x%" PRIx64 ", %" PRIu32 " bytes%s", object, guarded->nbytes,
	     q->addr >= object + guarded->nbytes ? ": the address is behind them" : "");
	state_of_guarded(q, guarded);
}

static void tell_guarded(struct question *q, const struct geometry_run *run)
{
	struct guarded guarded;
	int found = guarded_read(&guarded, &q->g, q->t, q->addr);

	if (found > 0 && guarded.state != KMEM_GUARD_IDLE)
		tell_guarded_object(q, &guarded);
	else
		begin(q, "in the pool of guarded objects%s",
		      found > 0	  ? ", where none was yet"
		      : found < 0 ? ""
				  : ", beside them");
	fact(q, "pool", "0x%" PRIx64 ", %" PRIu64 " bytes", run->addr,
	     (uint64_t)run->npages * GEOMETRY_PAGE);
	if (found > 0)
		print_both_tracks(q, guarded.tracks);
}

static void tell_free(const struct question *q, const struct geometry_run *run)
{
	static const char *const states[] = {
		[GEOMETRY_DIRTY] = "free, not yet given back to the system",
		[GEOMETRY_CLEAN] = "free, given back to the system or never used",
		[GEOMETRY_BUSY] = "free, on its way to the system",
		[GEOMETRY_MOVING] = "in motion: it changed hands while it was read",
	};

	if (run->kind > GEOMETRY_BUSY)
		begin(q, "a page of libkmem's");
	else
		begin(q, "a free page of libkmem's");
	fact(q, "run", "0x%" PRIx64 ", %" PRIu32 " pages", run->addr, run->npages);
	fact(q, "state", "%s", states[run->kind > GEOMETRY_BUSY ? GEOMETRY_MOVING : run->kind]);
}

/* 0: it was in motion. */
static int tell_run(struct question *q, const struct geometry_run *run)
{
	switch (run->kind) {
	case GEOMETRY_SLAB:
		if (run->owner == GEOMETRY_NOBODY)
			return 0;
		tell_object(q, &q->g.slabs[run->owner]);
		return 1;
	case GEOMETRY_SPAN:
		if (run->owner == GEOMETRY_NOBODY)
			return 0;
		tell_block(q, &q->g.spans[run->owner]);
		return 1;
	case GEOMETRY_PAGES:
	case GEOMETRY_LARGE:
		tell_used_run(q, run);
		return 1;
	case GEOMETRY_GUARDED:
		tell_guarded(q, run);
		return 1;
	case GEOMETRY_MOVING:
		return 0;
	default:
		tell_free(q, run);
		return 1;
	}
}

/* --- all else ------------------------------------------------------------------------ */

/* Whether it is one of libkmem's records. */
static int tell_record(const struct question *q)
{
	uint32_t size = q->g.root.layout.slab_size;

	for (size_t i = 0; i < q->g.nslabs; i++)
		if (q->addr - q->g.slabs[i].record < size) {
			begin(q, "in libkmem's record of a slab of cache '%s'",
			      q->g.caches[q->g.slabs[i].cache].name);
			about_slab(q, &q->g.slabs[i]);
			return 1;
		}
	for (size_t i = 0; i < q->g.ncaches; i++)
		if (q->addr - q->g.caches[i].record < q->g.root.cache_size) {
			begin(q, "in libkmem's record of cache '%s'", q->g.caches[i].name);
			return 1;
		}
	return 0;
}

static void tell_foreign(const struct question *q)
{
	const struct module_mapping *m = modules_at(&q->modules, q->addr);
	char path[PATH_MAX + 1];

	if (!m) {
		begin(q, "not libkmem's: nothing is mapped there");
		return;
	}
	copy_text(path, m->path, PATH_MAX);
	if (!*m->path)
		begin(q, "not libkmem's: in a mapping without a file");
	else if (*m->path == '/')
		begin(q, "not libkmem's: %s+0x%" PRIx64, m->name, q->addr - m->bias);
	else
		begin(q, "not libkmem's: %s", path);
	fact(q, "mapping", "0x%" PRIx64 "-0x%" PRIx64 " %s%s%s", m->start, m->end, m->access,
	     *m->path ? " " : "", *m->path ? path : "");
}

static void tell_zone(const struct question *q, const struct geometry_zone *z)
{
	begin(q, "a page of libkmem's that was never used");
	fact(q, "zone", "0x%" PRIx64 ", %" PRIu64 " pages, of which %" PRIu64 " have memory",
	     z->base, z->npages, z->committed);
}

static int tell(struct question *q, int last)
{
	const struct geometry_run *run = geometry_run_at(&q->g, q->addr);
	const struct geometry_zone *zone = geometry_zone_at(&q->g, q->addr);

	if (run) {
		int told = tell_run(q, run);

		if (!told && last)
			tell_free(q, run);
		return told || last;
	}
	if (zone)
		tell_zone(q, zone);
	else if (!tell_record(q))
		tell_foreign(q);
	return 1;
}

int whatis_print(FILE *out, struct target *t, uint64_t addr)
{
	struct question q = {.out = out, .t = t, .addr = addr};
	int rc = modules_read(&q.modules, t), told = 0;

	for (int i = 0; !rc && !told && i < ATTEMPTS; i++) {
		rc = geometry_read(&q.g, t);
		if (!rc)
			told = tell(&q, i == ATTEMPTS - 1);
		geometry_free(&q.g);
	}
	modules_free(&q.modules);
	return rc;
}
