// SPDX-License-Identifier: MIT
/*
 * kmem_stats_print, and its form for people. What is to be printed is read piece by piece, each
 * under its lock, and written with none held.
 */
#include "lib/stats_out.h"

#include "buddy/report.h"
#include "buddy/root.h"
#include "buddy/sys.h"
#include "lib/stats.h"
#include "slab/guard.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static void write_out(struct stats_out *out)
{
	if (!out->err)
		out->err = sys_write(out->fd, out->buf, out->len);
	out->len = 0;
}

void out_text(struct stats_out *out, const char *format, ...)
{
	va_list args;

	if (sizeof(out->buf) - out->len < STATS_LINE)
		write_out(out);
	va_start(args, format);
	out->len += report_vformat(out->buf + out->len, STATS_LINE, format, args);
	va_end(args);
}

void out_padded(struct stats_out *out, uint64_t n, size_t width)
{
	char digits[24];
	size_t len = report_format(digits, sizeof(digits), "%zu", (size_t)n);

	for (; len < width; width--)
		out_text(out, " ");
	out_text(out, "%s", digits);
}

void out_name(const char *name, size_t nbytes, char shown[NAME_SHOWN])
{
	size_t n = 0;

	for (; n < nbytes && n < NAME_SHOWN - 1 && name[n]; n++)
		shown[n] = name[n] >= ' ' && name[n] <= '~' ? name[n] : '?';
	if (!n)
		shown[n++] = '?';
	shown[n] = '\0';
}

int out_end(struct stats_out *out)
{
	if (out->len)
		write_out(out);
	return out->err;
}

static size_t guard_line(char line[STATS_LINE])
{
	struct guard_counts counts;

	if (!guard_count(&counts))
		return 0;
	return report_format(line, STATS_LINE, "kfence: %zu objects so far, %u of %u in use",
			     (size_t)counts.nallocated, counts.ntaken, counts.nobjects);
}

static size_t waiting_line(const struct kmem_stats *stats, char line[STATS_LINE])
{
	return report_format(line, STATS_LINE,
			     "waiting for RCU: %zu objects, %zu bytes; %zu slabs, %zu bytes",
			     stats->waiting_objects, stats->waiting_bytes, stats->waiting_slabs,
			     stats->waiting_slab_bytes);
}

size_t stats_line(const struct kmem_stats *stats, unsigned n, char line[STATS_LINE])
{
	switch (n) {
	case 0:
		return report_format(line, STATS_LINE,
				     "zones: %zu, %zu bytes, %zu free, of them %zu dirty",
				     stats->zones, stats->committed_bytes,
				     stats->dirty_bytes + stats->clean_bytes, stats->dirty_bytes);
	case 1:
		return report_format(line, STATS_LINE,
				     "caches: %zu, slabs %zu bytes, in use %zu, parked %zu",
				     stats->caches, stats->slab_bytes, stats->slab_active_bytes,
				     stats->slab_parked_bytes);
	case 2:
		return report_format(
			line, STATS_LINE, "heaps: spans %zu bytes, in use %zu, parked %zu",
			stats->span_bytes, stats->span_active_bytes, stats->span_parked_bytes);
	case 3:
		return report_format(
			line, STATS_LINE,
			"pages: %zu bytes in zones, parked %zu, %zu in mappings of their own",
			stats->run_bytes, stats->run_parked_bytes, stats->mapped_bytes);
	case 4:
		return report_format(line, STATS_LINE, "in use: %zu bytes, records %zu",
				     stats->used_bytes, stats->meta_bytes);
	default: /* those that not every process has */
		n += !root_record.layout.waiting;
		return n == 5 ? waiting_line(stats, line) : n == 6 ? guard_line(line) : 0;
	}
}

static void print_cache(struct stats_out *out, const struct kmem_cache_stats *cache)
{
	char name[NAME_SHOWN];

	out_padded(out, cache->objects, 9);
	out_padded(out, cache->active, 9);
	out_padded(out, cache->parked, 8);
	out_padded(out, cache->stride, 8);
	out_padded(out, cache->slabs, 7);
	out_padded(out, cache->slab_bytes, 10);
	out_name(cache->name, sizeof(cache->name), name);
	out_text(out, "  %s", name);
	if (cache->counted)
		out_text(out, " (%zu allocations, %zu frees)", cache->allocs, cache->frees);
	out_text(out, "\n");
}

static void stats_text(struct stats_out *out)
{
	struct kmem_cache_stats cache = {.size = sizeof(cache)};
	struct kmem_stats stats = stats_sum();
	char line[STATS_LINE];

	for (unsigned i = 0; stats_line(&stats, i, line); i++)
		out_text(out, "%s\n", line);
	out_text(out, "  objects   active  parked    size  slabs      each  cache\n");
	for (unsigned id = 0; (id = kmem_cache_stats_next(id, &cache));)
		print_cache(out, &cache);
}

int kmem_stats_print(int fd, enum kmem_stats_format format)
{
	struct stats_out out = {.fd = fd};

	switch (format) {
	case KMEM_STATS_TEXT:
		stats_text(&out);
		break;
	case KMEM_STATS_JSON:
		stats_json(&out);
		break;
	default:
		return -EINVAL;
	}
	return out_end(&out);
}
