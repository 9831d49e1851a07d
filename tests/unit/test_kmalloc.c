// SPDX-License-Identifier: MIT
/* kmalloc's promises that a caller of the shared library cannot see: calls made, calls refused. */
#include "unit.h"

#include "faults.h"
#include "waiting.h"

#include "lib/classes.h"

#define MIB    ((size_t)1 << 20)
#define MAPPED (((size_t)64 << 20) + 1) /* a mapping of its own */

START_TEST(without_reclaim_no_call_is_made)
{
	void *blocks[300];
	unsigned got = 0;

	for (unsigned i = 0; i < 300; i++)
		kmem_kfree(kmem_kmalloc(1 + i * 7, GFP_KERNEL));
	faults_count();
	for (size_t nbytes = 1; nbytes < FRONT_MAX * 2; nbytes += nbytes / 8 + 1) {
		for (unsigned i = 0; i < 300; i++) {
			blocks[got] = kmem_kmalloc(nbytes, i % 2 ? GFP_ATOMIC : GFP_NOWAIT);
			require(blocks[got] || errno == EAGAIN);
			got += blocks[got] != NULL;
			if (got == 300 || !blocks[got])
				break;
		}
		require(faults.ncalls == 0);
		while (got > 0)
			kmem_kfree(blocks[--got]);
	}
	faults_end();
}
END_TEST

START_TEST(any_size_is_aligned_to_what_divides_it)
{
	void *blocks[200];
	size_t nbytes[200];

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 200; i++) {
			unsigned log = (unsigned)unit_below(18);

			nbytes[i] = (unit_below(8) + 1) << log;
			blocks[i] = kmem_kmalloc(nbytes[i], GFP_KERNEL);
			require(blocks[i]);
			require((uintptr_t)blocks[i] % (nbytes[i] & -nbytes[i]) == 0);
		}
		for (unsigned i = 0; i < 200; i++)
			kmem_kfree(blocks[i]);
	}
}
END_TEST

START_TEST(a_refused_growth_leaves_the_block)
{
	char *block = kmem_kmalloc(1000, GFP_KERNEL);

	memset(block, 7, 1000);
	faults_begin(1, ~0ul);
	require_errno(ENOMEM, kmem_krealloc(block, MAPPED, GFP_KERNEL));
	faults_end();
	ck_assert_int_eq(block[999], 7);
	require_errno(EAGAIN, kmem_krealloc(block, MAPPED, GFP_ATOMIC));
	ck_assert_int_eq(block[999], 7);
	kmem_kfree(block);
}
END_TEST

START_TEST(a_shrunk_block_stays_where_it_is)
{
	static const size_t sizes[] = {100, 10000, 40000, 200000, 3000000, MAPPED};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *block = kmem_kmalloc(sizes[i], GFP_KERNEL);

		require(block);
		for (size_t nbytes = sizes[i]; nbytes > 0; nbytes /= 3) {
			void *shrunk = kmem_krealloc(block, nbytes, GFP_KERNEL);

			require(shrunk == block);
			require(kmem_ksize(block) >= nbytes);
		}
		kmem_kfree(block);
	}
}
END_TEST

START_TEST(what_must_not_fail_waits)
{
	void *block;

	faults_begin(1, 5);
	block = kmem_kmalloc(MAPPED, GFP_KERNEL | __GFP_NOFAIL);
	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq(faults.nrefused, 5);
	faults_end();
	kmem_kfree(block);
	/* What no address space holds is no reason to wait for ever. */
	require_errno(ENOMEM, kmem_kmalloc(SIZE_MAX / 2, GFP_KERNEL | __GFP_NOFAIL));
	require_errno(EINVAL, kmem_kmalloc(MAPPED, GFP_ATOMIC | __GFP_NOFAIL));
}
END_TEST

START_TEST(a_zeroed_block_is_zero_to_its_end)
{
	for (size_t nbytes = 1; nbytes < FRONT_MAX * 3; nbytes += nbytes / 3 + 1) {
		for (unsigned i = 0; i < 3; i++) {
			char *block = kmem_kmalloc(nbytes, GFP_KERNEL | __GFP_ZERO);

			require(block);
			for (size_t k = 0; k < kmem_ksize(block); k++)
				require(!block[k]);
			memset(block, 0xff, kmem_ksize(block));
			kmem_kfree(block);
		}
	}
}
END_TEST

START_TEST(a_growth_heeds_the_flags)
{
	char *block = kmem_kmalloc(MIB, GFP_KERNEL), *grown;
	volatile size_t unseen = SIZE_MAX;

	count_shrinks();
	memset(block, 7, MIB);
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + 4 * MIB), 0);
	require_errno(ENOMEM, kmem_krealloc(block, 20 * MIB + 4096, GFP_KERNEL | __GFP_NORETRY));
	ck_assert_uint_eq(ncounts, 0);
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + 4 * MIB), 0);
	wait_begin(raise_limit);
	grown = kmem_krealloc(block, 20 * MIB + 4096, GFP_KERNEL | __GFP_NOFAIL);
	wait_end(grown);
	ck_assert_int_eq(grown[MIB - 1], 7);
	require_errno(ENOMEM, kmem_krealloc(grown, unseen / 2, GFP_KERNEL | __GFP_NOFAIL));
	require_errno(ENOMEM, kmem_krealloc(grown, unseen, GFP_KERNEL));
	kmem_kfree(grown);
}
END_TEST

/* Also where there was room for it. */
START_TEST(a_grown_block_is_aligned_to_what_divides_its_size)
{
	for (size_t nbytes = 64; nbytes <= 8 * MIB; nbytes *= 2) {
		size_t align = nbytes < 4 * MIB ? nbytes : 4 * MIB;
		char *blocks[10];

		for (unsigned i = 0; i < 10; i++) {
			blocks[i] = kmem_kmalloc(nbytes - 6, GFP_KERNEL);
			memset(blocks[i], (int)i, nbytes - 6);
			blocks[i] = kmem_krealloc(blocks[i], nbytes, GFP_KERNEL);
			require(blocks[i] && (uintptr_t)blocks[i] % align == 0);
			require(blocks[i][nbytes - 7] == (char)i);
		}
		for (unsigned i = 0; i < 10; i++)
			kmem_kfree(blocks[i]);
	}
}
END_TEST

START_TEST(pools_are_of_kmalloc)
{
	for (size_t nbytes = 64; nbytes <= 4 * MIB; nbytes *= 2) {
		struct kmem_mempool *pool = kmem_mempool_create_kmalloc(3, nbytes);

		for (unsigned i = 0; i < 10; i++)
			require((uintptr_t)kmem_mempool_alloc(pool, GFP_KERNEL) % nbytes == 0);
	}
}
END_TEST

START_TEST(a_pool_runs_no_shrinkers_while_it_has_some)
{
	struct kmem_mempool *pool = kmem_mempool_create_kmalloc(2, 3 * MIB);

	count_shrinks();
	faults_begin(1, ~0ul);
	while (kmem_kmalloc(3 * MIB, GFP_KERNEL | __GFP_NORETRY))
		;
	ck_assert_ptr_nonnull(kmem_mempool_alloc(pool, GFP_KERNEL));
	ck_assert_int_eq(kmem_mempool_reserve(pool), 1);
	faults_end();
	ck_assert_uint_eq(ncounts, 0);
}
END_TEST

UNIT_MAIN("kmalloc", without_reclaim_no_call_is_made, any_size_is_aligned_to_what_divides_it,
	  a_refused_growth_leaves_the_block, a_shrunk_block_stays_where_it_is,
	  what_must_not_fail_waits, a_zeroed_block_is_zero_to_its_end, a_growth_heeds_the_flags,
	  a_grown_block_is_aligned_to_what_divides_its_size, pools_are_of_kmalloc,
	  a_pool_runs_no_shrinkers_while_it_has_some)
