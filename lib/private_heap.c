// SPDX-License-Identifier: MIT
/* Blocks of private heaps: out and back. See private_heap.h. */
#include "lib/private_heap.h"

#include "buddy/limit.h"
#include "buddy/shortage.h"
#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"
#include "lib/heaps.h"
#include "lib/malloc.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

#define SLOW	 __attribute__((noinline))
#define SOON_MAX ((size_t)1 << 20) /* requests that need not be looked at closely */

SLOW void *private_wake(struct kmem_heap *heap, void *result)
{
	sys_futex_wake((uint32_t *)&heap->heap.lock.word);
	return result;
}

/* --- which block ------------------------------------------------------------------------ */

static inline struct block *block_at(const struct kmem_heap *heap, const void *addr)
{
	return (struct block *)((uintptr_t)addr - heap->heap.lead);
}

/* The span of the heap that has the address, or NULL. */
static inline struct span *span_with(struct kmem_heap *heap, const void *addr)
{
	uintptr_t index = (uintptr_t)addr >> PAGE_SHIFT & (LEAF_PAGES - 1);
	const struct leaf *leaf;
	const struct page *page;
	struct span *span;

	if (heap->heap.pub.given) {
		span = &heap->given;
		return (uintptr_t)addr - span->base < span->nbytes ? span : NULL;
	}
	/* pagemap_id and pagemap_page in one */
	leaf = pagemap_leaf(addr);
	page = &leaf->page[index];
	if (atomic_load_explicit(&leaf->id[index], memory_order_relaxed) != ID_PAGES ||
	    (page->kind != PAGE_NONE && page->kind != PAGE_HEAP))
		return NULL;
	span = page->owner;
	return span->heap == &heap->heap ? span : NULL;
}

/* The same with the lock: the usual span from now on. */
static struct span *span_anew(struct kmem_heap *heap, const void *addr)
{
	struct span *span = span_with(heap, addr);

	if (span)
		heap->heap.usual = span;
	return span;
}

static void report_stranger(const struct kmem_heap *heap, const void *addr, const char *doing)
{
	const char *name = heap->heap.pub.name;
	char other[KMEM_HEAP_NAME_MAX + 1];

	if (block_kind(addr) == BLOCK_HEAP)
		report_bug("%s: %p is a block of heap '%s', not of '%s'", doing, addr,
			   span_of(addr)->heap->pub.name, name);
	else if (heap_name_of_given(addr, other))
		report_bug("%s: %p is a block of heap '%s', not of '%s'", doing, addr, other, name);
	else
		report_bug("%s: %p is no block of heap '%s'", doing, addr, name);
}

static void report_wrong(const struct kmem_heap *heap, const void *addr, const char *doing,
			 const char *wrong)
{
	report_bug("%s: %p in heap '%s': %s", doing, addr, heap->heap.pub.name, wrong);
}

static const char *error_of(const struct kmem_heap *heap, const struct span *span,
			    const struct block *block)
{
	const char *wrong = heap_block_error(span, block);

	return wrong || !heap_is_checked(&heap->heap) ? wrong : checked_error(&heap->heap, block);
}

static SLOW struct block *find_slow(struct kmem_heap *heap, const void *addr, const char *doing)
{
	struct block *block = block_at(heap, addr);
	const struct span *span;
	const char *wrong;

	if (!private_may_use(heap, doing))
		return NULL;
	span = span_with(heap, addr);
	if (!span) {
		report_stranger(heap, addr, doing);
		return NULL;
	}
	wrong = error_of(heap, span, block);
	if (!wrong)
		return block;
	report_wrong(heap, addr, doing, wrong);
	return NULL;
}

struct block *private_find(struct kmem_heap *heap, const void *addr, const char *doing)
{
	struct block *block = block_at(heap, addr);
	const struct span *span;

	if (!heap->careful && (!heap->owner || heap->owner == private_thread())) {
		span = span_with(heap, addr);
		if (span && heap_is_live(span, block))
			return block;
	}
	return find_slow(heap, addr, doing);
}

/* --- alloc ------------------------------------------------------------------------------ */

static void *refuse(struct kmem_heap *heap)
{
	private_lock(heap);
	heap->refusals++;
	private_unlock(heap);
	errno = ENOMEM;
	return NULL;
}

/* A block, or NULL; errno is left alone. */
static struct block *take(struct kmem_heap *heap, struct request *request)
{
	struct shortage shortage = {.nbytes = request->nbytes,
				    .npages = request->nbytes >> PAGE_SHIFT,
				    .flags = GFP_MALLOC};
	struct block *block = private_take(heap, request);

	if (block)
		return block;
	do
		block = private_take_growing(heap, request);
	while (!block && !request->of_limit && shortage_again(&shortage));
	/* What was refused is then not the request, but a span for it. */
	if (block || request->of_limit)
		limit_forget();
	return block;
}

static SLOW void *alloc_slow(struct kmem_heap *heap, struct request *request, const char *doing)
{
	struct block *block;

	if (request->nbytes > KMEM_HEAP_BLOCK_MAX ||
	    request->align > KMEM_HEAP_BLOCK_MAX - request->nbytes)
		return refuse(heap);
	request->size = private_bytes(heap, request->nbytes);
	block = take(heap, request);
	if (!block)
		return refuse(heap);
	if (request->was_written)
		report_bug("%s: heap '%s': %p was written to while it was free", doing,
			   heap->heap.pub.name, private_payload(heap, block));
	return private_payload(heap, block);
}

void *private_alloc(struct kmem_heap *heap, size_t nbytes, size_t align, const char *doing)
{
	struct request request = {.nbytes = nbytes, .align = align};

	return alloc_slow(heap, &request, doing);
}

static SLOW void *alloc(struct kmem_heap *heap, size_t nbytes, size_t align, const char *doing)
{
	if (private_may_use(heap, doing))
		return private_alloc(heap, nbytes, align, doing);
	errno = EINVAL;
	return NULL;
}

/* No quick block will do; the lock, if it is held, is released. */
static SLOW void *alloc_split(struct kmem_heap *heap, size_t nbytes, enum private_hold hold)
{
	struct block *block = NULL;
	uint32_t size;

	if (nbytes <= SOON_MAX && !heap_is_checked(&heap->heap) && hold) {
		size = block_bytes(nbytes);
		if (heap_quick_none(&heap->heap, size))
			block = heap_take_locked(&heap->heap, size, BLOCK_ALIGN);
	}
	if (block) {
		heap->allocs++;
		return private_drop(heap, hold, block_payload(block));
	}
	if (hold)
		private_unlock(heap);
	return alloc(heap, nbytes, BLOCK_ALIGN, "kmem_heap_alloc");
}

void *kmem_heap_alloc(struct kmem_heap *heap, size_t nbytes)
{
	enum private_hold hold = private_try_hold(heap);
	struct block *block = NULL;

	if (__builtin_expect(hold && nbytes <= HEAP_QUICK_MAX - BLOCK_HEAD, 1))
		block = heap_quick_pop(&heap->heap, block_bytes(nbytes));
	if (__builtin_expect(!block, 0))
		return alloc_split(heap, nbytes, hold);
	heap->allocs++;
	return private_drop(heap, hold, block_payload(block));
}

/* Much of it may be zero anyway, but for a free block's tags. */
static void *zalloc_large(struct kmem_heap *heap, size_t nbytes)
{
	struct request request = {.nbytes = nbytes, .align = BLOCK_ALIGN};
	char *addr;

	if (!private_may_use(heap, "kmem_heap_zalloc")) {
		errno = EINVAL;
		return NULL;
	}
	addr = alloc_slow(heap, &request, "kmem_heap_zalloc");
	if (!addr)
		return NULL;
	if (!request.zeroed)
		return memset(addr, 0, nbytes);
	memset(addr, 0, sizeof(struct block));
	memset(addr + nbytes - sizeof(struct block), 0, sizeof(struct block));
	return addr;
}

void *kmem_heap_zalloc(struct kmem_heap *heap, size_t nbytes)
{
	void *addr;

	if (nbytes >= HEAP_OWN_MIN)
		return zalloc_large(heap, nbytes);
	addr = kmem_heap_alloc(heap, nbytes);
	return addr ? memset(addr, 0, nbytes) : NULL;
}

void *kmem_heap_aligned(struct kmem_heap *heap, size_t align, size_t nbytes)
{
	if (align == 0 || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return alloc(heap, nbytes, align < BLOCK_ALIGN ? BLOCK_ALIGN : align, "kmem_heap_aligned");
}

/* --- free ------------------------------------------------------------------------------- */

/* With the lock, which it releases: a live block to be merged. */
static void merge(struct kmem_heap *heap, struct span *span, struct block *block)
{
	struct span *gone = heap_give_locked(&heap->heap, span, block);
	bool pass = ++heap->merges % PASSES == 0;

	private_unlock(heap);
	if (gone)
		span_destroy(gone);
	if (gone || pass)
		private_pass(heap);
}

/* With the lock, which it releases: a block that may not be one, or not all there is to do. */
static SLOW void free_checked(struct kmem_heap *heap, struct span *span, struct block *block,
			      const char *doing)
{
	const char *wrong = span ? error_of(heap, span, block) : NULL;
	void *addr = private_payload(heap, block);

	if (span && !wrong) {
		if (heap->zero_on_free)
			memset(addr, 0, private_usable(heap, block));
		if (heap_is_checked(&heap->heap))
			checked_poison((char *)block + BLOCK_HEAD, block_next(block));
		merge(heap, span, block);
		return;
	}
	private_unlock(heap);
	if (span)
		report_wrong(heap, addr, doing, wrong);
	else if (addr)
		report_stranger(heap, addr, doing);
}

static SLOW void free_other(struct kmem_heap *heap, struct span *span, struct block *block)
{
	if (heap->careful)
		free_checked(heap, span, block, "kmem_heap_free");
	else
		merge(heap, span, block);
}

void private_free(struct kmem_heap *heap, void *addr, const char *doing)
{
	struct span *span = span_with(heap, addr);

	private_lock(heap);
	free_checked(heap, span, block_at(heap, addr), doing);
}

static SLOW void free_slow(struct kmem_heap *heap, void *addr)
{
	if (addr && private_may_use(heap, "kmem_heap_free"))
		private_free(heap, addr, "kmem_heap_free");
}

void kmem_heap_free(struct kmem_heap *heap, void *addr)
{
	enum private_hold hold = private_try_hold(heap);
	struct block *block = block_at(heap, addr);
	struct span *span;

	if (!hold) {
		free_slow(heap, addr);
		return;
	}
	span = heap->heap.usual;
	if ((uintptr_t)addr - span->base >= span->nbytes)
		span = span_anew(heap, addr);
	if (!span || !heap_is_live(span, block))
		free_checked(heap, span, block, "kmem_heap_free");
	else if (heap_quick_push(&heap->heap, span, block))
		private_drop(heap, hold, NULL);
	else
		free_other(heap, span, block);
}

size_t kmem_heap_usable_size(struct kmem_heap *heap, const void *addr)
{
	const struct block *block = addr ? private_find(heap, addr, "kmem_heap_usable_size") : NULL;

	return block ? private_usable(heap, block) : 0;
}
