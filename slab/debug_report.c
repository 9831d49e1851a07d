// SPDX-License-Identifier: MIT
/* See debug_report.h. */
#include "slab/debug_report.h"

#include "buddy/report.h"
#include "buddy/stacks.h"
#include "buddy/symbol.h"
#include "buddy/sys.h"
#include "slab/annotate.h"
#include "slab/slab.h"

#define ROW	  16u  /* bytes to a line of a dump */
#define DUMP_MOST 256u /* of an object */
#define DEPTH	  32u

static const char thick[] = "=============================================================="
			    "===============";
static const char thin[] = "--------------------------------------------------------------"
			   "---------------";

void debug_view(struct debug_view *view, const struct kmem_cache *cache, const void *object)
{
	const struct debug *debug = &cache->debug;
	const unsigned char *at = object;
	const struct slab *slab = slab_of(object);
	uint32_t size = cache->pub.object_size;

	annotate_open(cache, object);
	*view = (struct debug_view){
		.name = cache->pub.name,
		.object = object,
		.base = (uintptr_t)slab_pages(slab),
		.body = {at, size},
		.continues = debug->continues,
	};
	report_format(view->place, sizeof(view->place), "Slab %p objects=%u used=%u",
		      slab_pages(slab), cache->pub.slab_objects,
		      cache->pub.slab_objects - slab_count_home(slab));
	if (debug->flags & SLAB_RED_ZONE) {
		view->left = (struct debug_bytes){at - debug->left, debug->left};
		view->right = (struct debug_bytes){at + size, debug->tracks - size};
	}
	if (debug->flags & SLAB_POISON)
		view->padding = (struct debug_bytes){
			at + debug->padding, cache->pub.stride - debug->left - debug->padding};
	if (debug->flags & SLAB_STORE_USER)
		view->tracks = debug_tracks(cache, object);
}

static char hex_digit(unsigned n)
{
	return "0123456789abcdef"[n & 15];
}

/* As the kernel prints it: what it is, address, bytes, characters. */
static void put_row(const char *what, const unsigned char *at, size_t n)
{
	char hex[ROW * 3 + 1], text[ROW + 1];

	for (size_t i = 0; i < ROW; i++) {
		hex[i * 3] = i < n ? hex_digit(at[i] >> 4) : ' ';
		hex[i * 3 + 1] = i < n ? hex_digit(at[i]) : ' ';
		hex[i * 3 + 2] = ' ';
		text[i] = i >= n ? '\0' : at[i] >= 0x20 && at[i] < 0x7f ? (char)at[i] : '.';
	}
	hex[ROW * 3] = text[ROW] = '\0';
	report_text("%s %p: %s %s", what, (const void *)at, hex, text);
}

static void put_bytes(const char *what, struct debug_bytes bytes)
{
	size_t most = bytes.nbytes < DUMP_MOST ? bytes.nbytes : DUMP_MOST;

	for (size_t i = 0; i < most; i += ROW)
		put_row(what, bytes.at + i, most - i < ROW ? most - i : ROW);
}

static void put_stack(void)
{
	uintptr_t frames[DEPTH];
	unsigned n = stack_now(frames, DEPTH);

	report_text("CPU: %u PID: %u", sys_cpu(), sys_tid());
	report_text("Call Trace:");
	symbols_print(frames, n);
}

static void put_differ(const struct debug_view *view, const unsigned char *first,
		       const unsigned char *last, unsigned char expected)
{
	report_text("%p-%p @offset=%zu. First byte 0x%c%c instead of 0x%c%c", (const void *)first,
		    (const void *)last, (size_t)((uintptr_t)first - view->base),
		    hex_digit(*first >> 4), hex_digit(*first), hex_digit(expected >> 4),
		    hex_digit(expected));
}

static void put_bug(const struct debug_view *view, const char *reason)
{
	report_text(thick);
	report_text("BUG %s: %s", view->name, reason);
	report_text(thin);
	if (view->tracks)
		tracks_print(view->tracks);
	report_text("%s", view->place);
	report_text("Object %p @offset=%zu", view->object,
		    (size_t)((uintptr_t)view->object - view->base));
	put_bytes("Redzone ", view->left);
	put_bytes("Object  ", view->body);
	put_bytes("Redzone ", view->right);
	put_bytes("Padding ", view->padding);
	put_stack();
}

void debug_report_bytes(const struct debug_view *view, const struct debug_zone *zone,
			const unsigned char *first, const unsigned char *last)
{
	char reason[64];

	report_format(reason, sizeof(reason), "%s overwritten", zone->name);
	report_begin();
	put_differ(view, first, last, zone->byte);
	put_bug(view, reason);
	report_text("FIX %s: Restoring %s %p-%p=0x%c%c", view->name, zone->name,
		    (const void *)first, (const void *)last, hex_digit(zone->byte >> 4),
		    hex_digit(zone->byte));
	report_end(view->continues);
}

void debug_report_dirty(const struct debug_view *view, const char *reason,
			const unsigned char *first, unsigned char expected)
{
	report_begin();
	put_differ(view, first, first, expected);
	put_bug(view, reason);
	report_text("FIX %s: Object %p is as constructed again", view->name, view->object);
	report_end(view->continues);
}

void debug_report_aside(const struct debug_view *view)
{
	report_text("FIX %s: Object %p set aside", view->name, view->object);
}

void debug_report_pointer(const struct debug_view *view, const void *pointer)
{
	report_begin();
	put_bug(view, "Invalid object pointer");
	report_text("FIX %s: %p not freed", view->name, pointer);
	report_end(view->continues);
}

void debug_report_twice(const struct debug_view *view)
{
	report_begin();
	put_bug(view, "Object already free");
	report_text("FIX %s: Object at %p not freed", view->name, view->object);
	report_end(view->continues);
}

void debug_trace(const struct kmem_cache *cache, const void *object, const char *doing)
{
	report_text("TRACE %s %s %p inuse=%u", cache->pub.name, doing, object,
		    cache->pub.slab_objects - slab_count_home(slab_of(object)));
	put_stack();
}
