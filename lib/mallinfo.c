// SPDX-License-Identifier: MIT
/* The C library's statistics of malloc, of the same sums as all others: see stats.h. */
#include "buddy/report.h"
#include "buddy/root.h"
#include "lib/core.h"
#include "lib/stats.h"
#include "lib/stats_out.h"

#include <errno.h>
#include <kmem/mallinfo.h>

struct mallinfo2 kmem_mallinfo2(void)
{
	struct kmem_stats stats = stats_sum();
	uint64_t in_zones = stats.used_bytes - stats.mapped_bytes;

	return (struct mallinfo2){
		.arena = stats.committed_bytes,
		.ordblks = 1,
		.hblks = stats.zones,
		.hblkhd = stats.mapped_bytes,
		.fsmblks = stats.slab_parked_bytes,
		.uordblks = stats.used_bytes,
		/* In motion the terms may be read out of step. */
		.fordblks = stats.committed_bytes > in_zones ? stats.committed_bytes - in_zones : 0,
		.keepcost = stats.dirty_bytes,
	};
}

/* Without what is not text to XML. */
static void print_name(FILE *stream, const struct kmem_cache_stats *cache)
{
	char shown[NAME_SHOWN];

	out_name(cache->name, sizeof(cache->name), shown);
	for (const char *c = shown; *c; c++)
		switch (*c) {
		case '&':
		case '<':
		case '>':
		case '"':
		case '\'':
			fprintf(stream, "&#%d;", *c);
			break;
		default:
			fputc(*c, stream);
		}
}

static void print_cache(FILE *stream, const struct kmem_cache_stats *cache)
{
	fprintf(stream, "<cache name=\"");
	print_name(stream, cache);
	fprintf(stream, "\" size=\"%u\" objects=\"%lu\" parked=\"%lu\" slabs=\"%lu\"/>\n",
		cache->stride, cache->active, cache->parked, cache->slabs);
}

static void print_total(FILE *stream, const char *type, uint64_t nbytes)
{
	fprintf(stream, "<total type=\"%s\" size=\"%lu\"/>\n", type, nbytes);
}

int kmem_malloc_info(int options, FILE *stream)
{
	struct kmem_cache_stats cache = {.size = sizeof(cache)};
	struct kmem_stats stats;

	if (options != 0)
		return EINVAL;
	/* First: the stream may allocate its buffer. */
	fprintf(stream, "<malloc version=\"libkmem-%s\">\n", root_record.release);
	stats = stats_sum();
	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &cache));)
		print_cache(stream, &cache);
	print_total(stream, "slabs", stats.slab_bytes);
	print_total(stream, "heaps", stats.span_bytes);
	print_total(stream, "runs", stats.run_bytes);
	print_total(stream, "mmap", stats.mapped_bytes);
	print_total(stream, "used", stats.used_bytes);
	fprintf(stream, "<system type=\"current\" size=\"%lu\"/>\n",
		stats.committed_bytes + stats.mapped_bytes);
	fprintf(stream, "</malloc>\n");
	return ferror(stream) ? EIO : 0;
}

void kmem_malloc_stats(void)
{
	struct kmem_stats stats = stats_sum();
	char line[STATS_LINE];

	for (unsigned i = 0; stats_line(&stats, i, line); i++)
		report("%s", line);
}

int kmem_mallopt(int parameter, int value)
{
	(void)value;
	return parameter == M_MXFAST || (parameter >= M_ARENA_MAX && parameter <= M_TRIM_THRESHOLD);
}

CORE_DEFINE(mallinfo2);
CORE_DEFINE(malloc_info);
CORE_DEFINE(malloc_stats);
CORE_DEFINE(mallopt);
