// SPDX-License-Identifier: MIT
/* See debug_block.h. */
#include "lib/debug_block.h"

#include "buddy/lock.h"
#include "buddy/meta.h"
#include "buddy/report.h"
#include "buddy/run.h"
#include "slab/annotate.h"
#include "slab/annotate_to.h"
#include "slab/debug_report.h"
#include "slab/debug_spec.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define RED_LEAST  ((size_t)64)	      /* bytes behind a block */
#define LEFT_BYTES PAGE_BYTES	      /* before it */
#define KEPT_MOST  64u		      /* blocks in quarantine … */
#define KEPT_BYTES ((size_t)16 << 20) /* … and bytes, unless it is one */

/* Apart from the run, where nothing that a program writes reaches it. */
struct record {
	uintptr_t first; /* page of the run, by its number: who looks for leaks sees no pointer */
	size_t lead;	 /* pages from there to the block */
	size_t nbytes;	 /* asked for */
	size_t npages;	 /* of the run */
	enum debug_source source;
	_Atomic bool given_back; /* somebody frees it, or did … */
	bool is_free;		 /* … and it is in quarantine, or on its way there */
	struct track tracks[TRACKS];
};

static struct meta_pool records = {.nbytes = sizeof(struct record), .align = 16};
static slab_flags_t flags;
bool debug_blocks;
struct lock debug_block_lock;
static struct record *kept[KEPT_MOST]; /* a ring; guarded by the lock, as are these */
static unsigned nkept, oldest;
static size_t kept_bytes;

void debug_blocks_start(void)
{
	flags = debug_spec_flags(DEBUG_BLOCK_NAME) & DEBUG_FLAGS;
	if (annotate_wanted())
		flags |= DEBUG_ANNOTATED;
	debug_blocks = flags;
}

/* NULL: it has gone, just now. */
static struct record *record_of(const void *block)
{
	const void *run = pagemap_page(block)->owner;
	struct record *record = run ? pagemap_page(run)->owner : NULL;

	/* Of a page that became free the word is links of a list. */
	return meta_index(record) ? record : NULL;
}

static unsigned char *run_of(const struct record *record)
{
	return (unsigned char *)(record->first << PAGE_SHIFT);
}

static unsigned char *block_of(const struct record *record)
{
	return run_of(record) + (record->lead << PAGE_SHIFT);
}

static unsigned char *end_of(const struct record *record)
{
	return run_of(record) + (record->npages << PAGE_SHIFT);
}

/* The block and its red zones to those of slab/annotate.h: all is open, all is closed. */
static void reveal(const struct record *record)
{
	unsigned char *left = block_of(record) - LEFT_BYTES;

	if (flags & DEBUG_ANNOTATED)
		to_open(left, (size_t)(end_of(record) - left));
}

static void hide(const struct record *record)
{
	unsigned char *left = block_of(record) - LEFT_BYTES;

	if (flags & DEBUG_ANNOTATED)
		to_close(left, (size_t)(end_of(record) - left));
}

/* It is the program's; no longer. */
static void announce(const struct record *record)
{
	unsigned char *block = block_of(record);

	if (!(flags & DEBUG_ANNOTATED))
		return;
	hide(record);
	to_announce(block, record->nbytes);
	to_root(block, record->nbytes);
}

static void retract(const struct record *record)
{
	if (!(flags & DEBUG_ANNOTATED))
		return;
	to_root_end(block_of(record), record->nbytes);
	to_retire(block_of(record));
	reveal(record);
}

/* Somebody frees what is not his to free. */
static void wrong(const void *block)
{
	if (flags & DEBUG_ANNOTATED)
		to_retire((void *)block);
}

/* What lies around the block, and in it while it is free. */
static unsigned zones_of(const struct record *record, struct debug_zone zones[ZONES])
{
	unsigned char *block = block_of(record), *end = block + record->nbytes;
	unsigned char red = record->is_free ? RED_HOME : RED_OUT;
	unsigned n = 0;

	if (flags & SLAB_RED_ZONE) {
		zones[n++] =
			(struct debug_zone){"Left Redzone", block - LEFT_BYTES, LEFT_BYTES, red};
		zones[n++] = (struct debug_zone){"Right Redzone", end,
						 (size_t)(end_of(record) - end), red};
	}
	if (flags & SLAB_POISON && record->is_free)
		zones[n++] = (struct debug_zone){"Poison", block, record->nbytes, POISON_FREE};
	return n;
}

static void fill(const struct record *record)
{
	struct debug_zone zones[ZONES];
	unsigned n = zones_of(record, zones);

	for (unsigned i = 0; i < n; i++)
		memset(zones[i].at, zones[i].byte, zones[i].nbytes);
}

static void view_of(struct debug_view *view, const struct record *record)
{
	const unsigned char *block = block_of(record);

	reveal(record);
	*view = (struct debug_view){
		.name = DEBUG_BLOCK_NAME,
		.object = block,
		.base = (uintptr_t)run_of(record),
		.body = {block, record->nbytes},
		.tracks = flags & SLAB_STORE_USER ? record->tracks : NULL,
	};
	report_format(view->place, sizeof(view->place), "Pages %p npages=%zu",
		      (const void *)run_of(record), record->npages);
	if (flags & SLAB_RED_ZONE) {
		view->left = (struct debug_bytes){block - RED_LEAST, RED_LEAST};
		view->right = (struct debug_bytes){block + record->nbytes, RED_LEAST};
	}
}

static void check(const struct record *record)
{
	struct debug_zone zones[ZONES];
	unsigned n = zones_of(record, zones);
	struct debug_view view;

	for (unsigned i = 0; i < n; i++)
		if (zone_first_other(&zones[i])) {
			view_of(&view, record);
			debug_repair(&view, &zones[i]);
		}
}

/* Let the page map lead from the block's first page to its run and its record, or no longer. */
static int enter(const struct record *record, bool in)
{
	void *block = block_of(record);
	struct page *page;

	if (pagemap_cover(block) < 0 || pagemap_commit(block, 1) < 0)
		return -1;
	page = pagemap_page(block);
	page->owner = in ? run_of(record) : NULL;
	page->kind = in ? PAGE_DEBUG : PAGE_NONE;
	pagemap_tag(block, in ? ID_PAGES : ID_NONE);
	return 0;
}

/* A run of so many pages with its record; NULL: no memory. */
static struct record *make(size_t npages, size_t align, bool *zeroed)
{
	struct record *record = meta_pool_get(&records);
	void *run = record ? run_alloc(npages, align, PAGE_LARGE, zeroed) : NULL;

	if (run) {
		record->first = (uintptr_t)run >> PAGE_SHIFT;
		record->npages = npages;
		pagemap_page(run)->owner = record;
		return record;
	}
	if (record)
		meta_pool_put(&records, record);
	return NULL;
}

static void unmake(struct record *record)
{
	run_free(run_of(record));
	meta_pool_put(&records, record);
}

void *debug_block_alloc(size_t nbytes, size_t align, enum debug_source source, bool *zeroed)
{
	size_t lead = align > PAGE_BYTES ? align >> PAGE_SHIFT : 1;
	size_t npages = lead + ((nbytes + RED_LEAST + PAGE_BYTES - 1) >> PAGE_SHIFT);
	struct record *record = make(npages, lead, zeroed);

	if (!record)
		return NULL;
	record->lead = lead;
	record->nbytes = nbytes;
	record->source = source;
	if (enter(record, true) < 0) {
		unmake(record);
		return NULL;
	}
	/* Its first page is nothing to free. */
	pagemap_tag(run_of(record), ID_NONE);
	if (flags & SLAB_STORE_USER)
		track_set(&record->tracks[TRACK_ALLOC]);
	fill(record);
	announce(record);
	/* That it reads as zeros is nothing that malloc promises. */
	if (flags & DEBUG_ANNOTATED)
		*zeroed = false;
	return block_of(record);
}

/* The longest kept one, if there are more, or more bytes and it is not the only one; else NULL. */
static struct record *take_beyond(unsigned most, size_t most_bytes)
{
	struct record *record = NULL;

	lock_take(&debug_block_lock, LOCK_HEAP);
	if (nkept > most || (nkept > 1 && kept_bytes > most_bytes)) {
		record = kept[oldest];
		oldest = (oldest + 1) % KEPT_MOST;
		nkept--;
		kept_bytes -= record->nbytes;
	}
	lock_release(&debug_block_lock, LOCK_HEAP);
	return record;
}

/* Into quarantine, for which there is room; false: others were quicker. */
static bool keep(struct record *record)
{
	bool kept_it;

	lock_take(&debug_block_lock, LOCK_HEAP);
	kept_it = nkept < KEPT_MOST;
	if (kept_it) {
		kept[(oldest + nkept++) % KEPT_MOST] = record;
		kept_bytes += record->nbytes;
	}
	lock_release(&debug_block_lock, LOCK_HEAP);
	return kept_it;
}

/* It leaves quarantine: nobody should have written into it. */
static void release(struct record *record)
{
	reveal(record);
	check(record);
	enter(record, false);
	unmake(record);
}

/* Is it a block's beginning, and of those that are freed so? Else a report. */
static bool check_begin(const struct record *record, const void *block, enum debug_source source)
{
	struct debug_view view;

	if (block == block_of(record) && record->source == source)
		return true;
	wrong(block);
	view_of(&view, record);
	debug_report_pointer(&view, block);
	return false;
}

/* The first to give it back? Else a report. */
static bool check_first(struct record *record)
{
	struct debug_view view;

	/* relaxed: whoever is second changes nothing */
	if (!atomic_exchange_explicit(&record->given_back, true, memory_order_relaxed))
		return true;
	wrong(block_of(record));
	view_of(&view, record);
	debug_report_twice(&view);
	return false;
}

void debug_block_free(void *block, enum debug_source source)
{
	struct record *record = record_of(block), *old;

	if (!record) {
		report_bug("double free: block %p is free already", block);
		return;
	}
	if (!check_begin(record, block, source) || !check_first(record))
		return;
	retract(record);
	check(record);
	if (flags & SLAB_STORE_USER)
		track_set(&record->tracks[TRACK_FREE]);
	record->is_free = true;
	fill(record);
	hide(record);
	do
		while ((old = take_beyond(KEPT_MOST - 1, KEPT_BYTES)))
			release(old);
	while (!keep(record));
}

void debug_blocks_drain(void)
{
	struct record *record;

	while ((record = take_beyond(0, 0)))
		release(record);
}

size_t debug_block_usable(const void *block)
{
	const struct record *record = record_of(block);
	struct debug_view view;

	if (!record || !check_begin(record, block, record->source))
		return 0;
	if (!record->is_free)
		return record->nbytes;
	view_of(&view, record);
	debug_report_twice(&view);
	return 0;
}

bool debug_block_dump(const void *page, const void *addr)
{
	const struct record *record = record_of(page);
	size_t offset = (size_t)((uintptr_t)addr - (uintptr_t)page);

	if (!record || (uintptr_t)addr - (uintptr_t)run_of(record) >= record->npages << PAGE_SHIFT)
		return false;
	report("kmem_dump_obj: %p is %zu bytes into the debugged block of %zu at %p, %s", addr,
	       offset, record->nbytes, page, record->is_free ? "free, in quarantine" : "in use");
	if (flags & SLAB_STORE_USER)
		tracks_print(record->tracks);
	return true;
}
