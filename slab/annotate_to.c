// SPDX-License-Identifier: MIT
/*
 * See annotate_to.h. Memcheck is spoken to by client requests, some instructions without effect
 * that valgrind sees, out of a header that need not be there; AddressSanitizer by functions that
 * are there if it is.
 */
#include "slab/annotate_to.h"

#include "buddy/meta.h"
#include "slab/annotate.h"
#include "slab/slab.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define HAVE_MEMCHECK 1
#else
#define HAVE_MEMCHECK			0
#define VALGRIND_GET_VBITS(at, bits, n) 0
#define VALGRIND_MAKE_MEM_NOACCESS(at, n)
#define VALGRIND_MAKE_MEM_DEFINED(at, n)
#define VALGRIND_MALLOCLIKE_BLOCK(at, n, red, zeroed)
#define VALGRIND_RESIZEINPLACE_BLOCK(at, old, n, red)
#define VALGRIND_FREELIKE_BLOCK(at, red)
#define VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(at, n)
#define VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(at, n)
#endif

extern void __asan_poison_memory_region(void const volatile *at, size_t nbytes)
	__attribute__((weak));
extern void __asan_unpoison_memory_region(void const volatile *at, size_t nbytes)
	__attribute__((weak));
extern void __lsan_register_root_region(const void *at, size_t nbytes) __attribute__((weak));
extern void __lsan_unregister_root_region(const void *at, size_t nbytes) __attribute__((weak));

bool to_memcheck_is_there(void)
{
	unsigned char byte = 0, bits = 0;

	/* Other tools, as callgrind, answer 0, and so does the processor. */
	(void)byte;
	(void)bits;
	return HAVE_MEMCHECK && VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

bool to_asan_is_there(void)
{
	return &__asan_poison_memory_region && &__asan_unpoison_memory_region;
}

static bool to_memcheck(void)
{
	return annotator == ANNOTATOR_MEMCHECK;
}

static bool to_asan(void)
{
	return annotator == ANNOTATOR_ASAN;
}

void to_close(void *at, size_t nbytes)
{
	if (to_memcheck())
		VALGRIND_MAKE_MEM_NOACCESS(at, nbytes);
	else if (to_asan())
		__asan_poison_memory_region(at, nbytes);
}

void to_open(void *at, size_t nbytes)
{
	if (to_memcheck())
		VALGRIND_MAKE_MEM_DEFINED(at, nbytes);
	else if (to_asan())
		__asan_unpoison_memory_region(at, nbytes);
}

void to_announce(void *block, size_t nbytes)
{
	if (to_memcheck())
		VALGRIND_MALLOCLIKE_BLOCK(block, nbytes, 0, 0);
	else if (to_asan())
		__asan_unpoison_memory_region(block, nbytes);
}

void to_shrink(void *block, size_t old_nbytes, size_t nbytes)
{
	if (to_memcheck())
		VALGRIND_RESIZEINPLACE_BLOCK(block, old_nbytes, nbytes, 0);
}

void to_retire(void *block)
{
	if (to_memcheck())
		VALGRIND_FREELIKE_BLOCK(block, 0);
}

void to_root(void *at, size_t nbytes)
{
	if (to_asan() && &__lsan_register_root_region)
		__lsan_register_root_region(at, nbytes);
}

void to_root_end(void *at, size_t nbytes)
{
	if (to_asan() && &__lsan_unregister_root_region)
		__lsan_unregister_root_region(at, nbytes);
}

/* Chunks of records in which closed words may be read; a bit each. */
static _Atomic uint32_t readable;
_Static_assert(META_CHUNKS <= 32, "a bit for each chunk");

/*
 * Memcheck takes any mapping for a place that leads to blocks, but for what is closed in it: so
 * the word is closed, and may be read all the same.
 */
static void hide_base(struct slab *slab)
{
	unsigned number = meta_index(slab) >> META_CHUNK_SHIFT;

	/* Before the bit: who sees that may close words. */
	if (!(atomic_load_explicit(&readable, memory_order_relaxed) >> number & 1)) {
		VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(meta_chunks[number].base,
							       meta_chunks[number].nbytes);
		atomic_fetch_or_explicit(&readable, 1u << number, memory_order_relaxed);
	}
	VALGRIND_MAKE_MEM_NOACCESS(&slab->base, sizeof(slab->base));
}

/* In libkmem-malloc, if that is in the process. */
extern const char kmem_core_override __attribute__((weak));

/*
 * Memcheck complains of such ranges at the end. All who use the library have come to theirs; but
 * valgrind lets the C library free what it has after that, by our free it may be.
 */
__attribute__((destructor)) static void ranges_end(void)
{
	uint32_t numbers = atomic_load_explicit(&readable, memory_order_relaxed);

	if (&kmem_core_override)
		return;
	for (unsigned i = 0; numbers >> i; i++)
		if (numbers >> i & 1)
			VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(meta_chunks[i].base,
								      meta_chunks[i].nbytes);
}

void to_slab_begin(struct slab *slab, void *pages, size_t nbytes)
{
	if (to_memcheck())
		hide_base(slab);
	to_root(pages, nbytes);
}

void to_slab_end(struct slab *slab, void *pages, size_t nbytes)
{
	if (to_memcheck())
		VALGRIND_MAKE_MEM_DEFINED(&slab->base, sizeof(slab->base));
	to_root_end(pages, nbytes);
}
