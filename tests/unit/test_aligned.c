// SPDX-License-Identifier: MIT
/* Aligned requests over all alignments and sizes; what is no alignment; refusals. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "lib/front.h"

#include <kmem/malloc.h>

static volatile size_t odd = 24, one = 1; /* unseen by the compiler */

START_TEST(every_alignment_of_every_size)
{
	for (size_t align = 1; align <= (size_t)32 << 20; align *= 2)
		for (size_t nbytes = 0; nbytes <= (size_t)4 << 20; nbytes = nbytes * 3 + 1) {
			char *block = kmem_aligned_alloc(align, nbytes);

			require(block && (uintptr_t)block % align == 0);
			require(kmem_usable_size(block) >= nbytes);
			memset(block, 1, nbytes);
			kmem_free(block);
		}
	ck_assert_ptr_null(buddy_check());
	for (unsigned i = 0; front_heap(i); i++)
		ck_assert_ptr_null(heap_validate(front_heap(i)));
}
END_TEST

START_TEST(no_power_of_two_is_einval)
{
	require_errno(EINVAL, kmem_aligned_alloc(odd, 100));
	require_errno(EINVAL, kmem_aligned_alloc(odd - 24, 100));
}
END_TEST

START_TEST(too_much_is_enomem)
{
	require_errno(ENOMEM, kmem_aligned_alloc(64, (size_t)PTRDIFF_MAX + odd));
	require_errno(ENOMEM, kmem_aligned_alloc(one << 62, 100));
	require_errno(ENOMEM, kmem_aligned_alloc(one << 63, odd));
}
END_TEST

START_TEST(refused_memory_is_enomem)
{
	faults_begin(1, ~0ul);
	for (size_t align = 64; align <= 65536; align *= 4)
		for (size_t nbytes = 10; nbytes < 3000000; nbytes *= 20) {
			require_errno(ENOMEM, kmem_aligned_alloc(align, nbytes));
		}
	faults_end();
}
END_TEST

START_TEST(realloc_of_an_aligned_block_keeps_the_bytes)
{
	char *block = kmem_aligned_alloc(4096, 50000);

	memset(block, 3, 50000);
	block = kmem_realloc(block, 300000);
	for (unsigned i = 0; i < 50000; i++)
		require(block[i] == 3);
	kmem_free(block);
}
END_TEST

UNIT_MAIN("aligned", every_alignment_of_every_size, no_power_of_two_is_einval, too_much_is_enomem,
	  refused_memory_is_enomem, realloc_of_an_aligned_block_keeps_the_bytes)
