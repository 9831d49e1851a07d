// SPDX-License-Identifier: MIT
/* Private heaps as a whole: create, destroy, reset, and who may use them. See private_heap.h. */
#include "buddy/meta.h"
#include "buddy/settings.h"
#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"
#include "lib/heaps.h"
#include "lib/private_heap.h"
#include "lib/start.h"
#include "slab/reclaim.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

#define OWN_SHARE 4u /* of a decay period, from one look at a heap of one thread to the next */
#define OWN_PAGES ((size_t)8192)

/* Records stay records of heaps, so that an inspector that comes late reads nothing else. */
static struct kmem_heap *free_records; /* guarded by heaps_lock */

/* --- who ---------------------------------------------------------------------------------- */

void private_report_thread(const struct kmem_heap *heap, const char *doing)
{
	report_bug("%s: heap '%s' is of one thread, and this is another", doing,
		   heap->heap.pub.name);
}

void private_heaps_after_fork(void)
{
	for_each_heap (heap)
		if (heap->private)
			lock_reset(&private_of(heap)->grow);
}

/* --- spans -------------------------------------------------------------------------------- */

void private_count_peak(struct kmem_heap *heap)
{
	uint64_t nbytes = heap->heap.pub.span_bytes;

	if (nbytes > heap->peak_span_bytes)
		heap->peak_span_bytes = nbytes;
}

void private_let_grow(struct kmem_heap *heap, const struct span *span)
{
	if (heap->by_need && !span->own && !heap->heap.pub.given &&
	    heap->heap.fit == KMEM_HEAP_GOOD_FIT)
		heap_list_grow(&heap->heap, span_end(span));
}

struct block *private_enter_locked(struct kmem_heap *heap, struct span *span)
{
	struct block *block;

	private_let_grow(heap, span);
	block = span_enter(&heap->heap, span);
	private_count_peak(heap);
	return block;
}

/* The span's blocks are blocks no longer: who frees one of them later is found out. */
static void wipe(const struct kmem_heap *heap, const struct span *span)
{
	struct block *block = (struct block *)(span->base + BLOCK_HEAD), *next;

	for (; !block_has(block, BLOCK_END); block = next) {
		next = block_next(block);
		if (heap->zero_on_free && !block_has(block, BLOCK_FREE))
			memset(block_payload(block), 0, block_size(block) - BLOCK_HEAD);
		block_unset(block);
	}
}

static void destroy_spans(const struct kmem_heap *heap, struct span *spans)
{
	struct span *next;

	for (; spans; spans = next) {
		next = spans->next;
		if (heap->zero_on_free)
			wipe(heap, spans);
		span_destroy(spans);
	}
}

/* Nothing is left in the heap; its spans, in a chain. */
static struct span *empty_locked(struct heap *heap)
{
	struct span *spans = heap->spans;

	heap->spans = heap->empty = NULL;
	heap->last = heap->wild = NULL;
	heap->usual = &span_none;
	heap->words = 0;
	memset(heap->filled, 0, sizeof(heap->filled));
	memset(heap->lists, 0, sizeof(heap->lists));
	heap_quick_forget(heap);
	__atomic_store_n(&heap->pub.nspans, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&heap->pub.span_bytes, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&heap->pub.live_blocks, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&heap->pub.live_bytes, 0, __ATOMIC_RELAXED);
	return spans;
}

static void keep_locked(struct kmem_heap *heap, struct span *span)
{
	if (heap_is_checked(&heap->heap))
		checked_poison((void *)span->base, (char *)span->base + span->nbytes);
	span->live = 0;
	span->own = false;
	private_enter_locked(heap, span);
	heap->heap.empty = span;
}

void kmem_heap_reset(struct kmem_heap *heap)
{
	struct span *spans, *rest = NULL;

	if (!private_may_use(heap, "kmem_heap_reset"))
		return;
	/* No block of it may be in the hands of who purges. */
	if (!heap->owner)
		lock_take(&reclaim_lock, LOCK_RECLAIM);
	private_lock(heap);
	spans = empty_locked(&heap->heap);
	if (spans) {
		rest = spans->next;
		wipe(heap, spans);
		keep_locked(heap, spans);
	}
	private_unlock(heap);
	if (!heap->owner)
		lock_release(&reclaim_lock, LOCK_RECLAIM);
	destroy_spans(heap, rest);
}

/* --- pages that are long free ---------------------------------------------------------------- */

/* Of a checked heap they are poison, which is looked at, and of given memory the program's. */
static bool may_purge(const struct kmem_heap *heap)
{
	return !heap->heap.pub.given && !heap_is_checked(&heap->heap) &&
	       (!heap->owner || heap->owner == private_thread());
}

/* The heap behind this one, NULL: the first; none leaves the list while the reclaim lock is held.
 */
static struct heap *heap_behind(const struct heap *heap)
{
	struct heap *next;

	lock_take(&heaps_lock, LOCK_HEAPS);
	next = (struct heap *)(heap ? heap->pub.next : root_record.heaps);
	lock_release(&heaps_lock, LOCK_HEAPS);
	return next;
}

size_t private_heaps_purge_locked(uint32_t age_ms, size_t most)
{
	struct heap *heap = heap_behind(NULL);
	size_t npages = 0;

	for (; heap && npages < most; heap = heap_behind(heap))
		if (heap->private && may_purge(private_of(heap)))
			npages += heap_purge(heap, age_ms, most - npages);
	return npages;
}

/*
 * Others cannot purge a heap of one thread, and when that thread comes by, another may have had
 * the process's turn: it is looked after by itself.
 */
static void purge_own(struct kmem_heap *heap)
{
	uint32_t decay_ms = settings_decay_ms(), now = sys_now_ms();

	if (!may_purge(heap) || now - heap->purge_ms <= decay_ms / OWN_SHARE)
		return;
	heap->purge_ms = now;
	heap_purge(&heap->heap, decay_ms, OWN_PAGES);
}

void private_pass(struct kmem_heap *heap)
{
	/* It makes no system call, for others neither. */
	if (heap->heap.pub.given)
		return;
	if (heap->owner)
		purge_own(heap);
	decay_pass();
}

/* --- create and destroy --------------------------------------------------------------------- */

static bool memory_is_valid(const struct kmem_heap_options *options)
{
	if (!options->memory)
		return options->memory_bytes == 0;
	return options->memory_bytes >= KMEM_HEAP_MEMORY_MIN &&
	       options->memory_bytes <= KMEM_HEAP_MEMORY_MAX && !options->limit_bytes &&
	       !options->span_bytes;
}

static bool size_is_valid(size_t nbytes, size_t most)
{
	return nbytes == 0 || (nbytes >= KMEM_HEAP_SPAN_MIN && nbytes <= most);
}

static bool is_valid(const char *name, const struct kmem_heap_options *options)
{
	return name && name[0] && strlen(name) <= KMEM_HEAP_NAME_MAX &&
	       (unsigned)options->fit <= KMEM_HEAP_WORST_FIT &&
	       (unsigned)options->insertion <= KMEM_HEAP_ADDRESS_ORDER &&
	       size_is_valid(options->limit_bytes, SIZE_MAX) &&
	       size_is_valid(options->span_bytes, KMEM_HEAP_SPAN_MAX) && memory_is_valid(options);
}

/* Where in memory that was given the record stands, and behind it the heap's one span. */
static struct kmem_heap *given_record(const struct kmem_heap_options *options)
{
	uintptr_t align = _Alignof(struct kmem_heap);

	return (struct kmem_heap *)(((uintptr_t)options->memory + align - 1) & ~(align - 1));
}

static void given_enter(struct kmem_heap *heap, const struct kmem_heap_options *options)
{
	uintptr_t end = (uintptr_t)options->memory + options->memory_bytes;
	uintptr_t base = ((uintptr_t)(heap + 1) + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1);

	heap->given = (struct span){.heap = &heap->heap, .base = base};
	heap->given.nbytes = (end - base) & ~(uintptr_t)(BLOCK_ALIGN - 1);
	heap->heap.pub.given = heap->given.nbytes;
	keep_locked(heap, &heap->given);
}

static struct kmem_heap *record_get(void)
{
	struct kmem_heap *heap;

	lock_take(&heaps_lock, LOCK_HEAPS);
	heap = free_records;
	if (heap)
		free_records = heap->next_free;
	lock_release(&heaps_lock, LOCK_HEAPS);
	return heap ? heap : meta_alloc(sizeof(struct kmem_heap), _Alignof(struct kmem_heap));
}

static void record_put(struct kmem_heap *heap)
{
	lock_take(&heaps_lock, LOCK_HEAPS);
	heap->next_free = free_records;
	free_records = heap;
	lock_release(&heaps_lock, LOCK_HEAPS);
}

struct kmem_heap *kmem_heap_create(const char *name, const struct kmem_heap_options *given)
{
	struct kmem_heap_options options = given ? *given : (struct kmem_heap_options){0};
	struct kmem_heap *heap;

	if (!is_valid(name, &options)) {
		errno = EINVAL;
		return NULL;
	}
	start_ensure();
	heap = options.memory ? given_record(&options) : record_get();
	if (!heap) {
		errno = ENOMEM;
		return NULL;
	}
	memset(heap, 0, sizeof(*heap));
	heap_init(&heap->heap, name, options.span_bytes);
	heap->by_need = !options.span_bytes;
	heap->heap.private = true;
	heap->heap.fit = (uint8_t)options.fit;
	heap->heap.insertion = (uint8_t)options.insertion;
	if (options.checked)
		heap->heap.lead = CHECKED_LEAD;
	else if (!options.zero_on_free && !options.fit && !options.insertion)
		heap_quick_allow(&heap->heap);
	heap->limit_bytes = options.limit_bytes;
	heap->zero_on_free = options.zero_on_free;
	heap->careful = options.checked || options.zero_on_free;
	heap->owner = options.one_thread ? private_thread() : NULL;
	if (options.memory)
		given_enter(heap, &options);
	heap_publish(&heap->heap);
	return heap;
}

void kmem_heap_destroy(struct kmem_heap *heap)
{
	if (!heap)
		return;
	lock_take(&reclaim_lock, LOCK_RECLAIM);
	heap_withdraw(&heap->heap);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	if (heap->heap.pub.given) {
		if (heap->zero_on_free)
			wipe(heap, &heap->given);
		return;
	}
	destroy_spans(heap, empty_locked(&heap->heap));
	record_put(heap);
}
