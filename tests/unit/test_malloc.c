// SPDX-License-Identifier: MIT
/* malloc's semantics: sizes, overflow, alignment, errno, usable and good sizes. */
#include "unit.h"

#include "faults.h"

#include "lib/classes.h"
#include "slab/thread.h"

#include <kmem/malloc.h>

static const size_t sizes[] = {0,      1,      8,	16,	 17,	  100,	   128,	   129,
			       1024,   1025,   32768,	32769,	 36864,	  40000,   131072, 131073,
			       200000, 999999, 1048576, 1048577, 3000000, 80000000};
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

static volatile size_t most = PTRDIFF_MAX; /* unseen by the compiler */

START_TEST(every_size_is_aligned_usable_and_apart)
{
	char *blocks[NSIZES];

	for (unsigned i = 0; i < NSIZES; i++) {
		blocks[i] = kmem_malloc(sizes[i]);
		require(blocks[i] && (uintptr_t)blocks[i] % 16 == 0);
		require(kmem_usable_size(blocks[i]) >= sizes[i]);
		memset(blocks[i], (int)i + 1, kmem_usable_size(blocks[i]));
	}
	for (unsigned i = 0; i < NSIZES; i++) {
		for (size_t k = 0; k < kmem_usable_size(blocks[i]); k++)
			require(blocks[i][k] == (char)(i + 1));
		kmem_free(blocks[i]);
	}
}
END_TEST

START_TEST(size_zero_is_a_block_of_its_own)
{
	void *one = kmem_malloc(0), *two = kmem_malloc(0);

	ck_assert_ptr_nonnull(one);
	ck_assert_ptr_nonnull(two);
	ck_assert_ptr_ne(one, two);
	kmem_free(one);
	kmem_free(two);
	ck_assert_uint_eq(kmem_usable_size(NULL), 0);
	kmem_free(NULL);
}
END_TEST

START_TEST(more_than_ptrdiff_max_is_enomem)
{
	require_errno(ENOMEM, kmem_malloc(most + 1));
	require_errno(ENOMEM, kmem_malloc(most * 2 + 1));
	require_errno(ENOMEM, kmem_calloc(1, most + 1));
	require_errno(ENOMEM, kmem_malloc(most));
}
END_TEST

START_TEST(calloc_overflow_is_enomem)
{
	require_errno(ENOMEM, kmem_calloc(most, 3));
	require_errno(ENOMEM, kmem_calloc(most / 2, most / 2));
	ck_assert_ptr_nonnull(kmem_calloc(0, most));
}
END_TEST

START_TEST(calloc_is_zero_whatever_was_there)
{
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < NSIZES; i++) {
			char *block = kmem_calloc(1, sizes[i]);

			require(block);
			for (size_t k = 0; k < sizes[i]; k++)
				require(block[k] == 0);
			memset(block, 0xee, sizes[i]);
			kmem_free(block);
		}
}
END_TEST

START_TEST(free_keeps_errno)
{
	void *blocks[NSIZES];

	for (unsigned i = 0; i < NSIZES; i++)
		blocks[i] = kmem_malloc(sizes[i]);
	errno = 77;
	for (unsigned i = 0; i < NSIZES; i++)
		kmem_free(blocks[i]);
	faults_refuse(FAULT_MUNMAP);
	kmem_free(kmem_malloc(80000000));
	faults_end();
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(good_size_is_what_one_gets)
{
	for (size_t nbytes = 1; nbytes < (size_t)8 << 20; nbytes += 1 + nbytes / 50) {
		size_t good = kmem_good_size(nbytes);
		void *block = kmem_malloc(good);

		require(good >= nbytes);
		if (kmem_good_size(good) != good)
			ck_abort_msg("good_size(%zu) is %zu, of which it is %zu", nbytes, good,
				     kmem_good_size(good));
		if (kmem_usable_size(block) > good + 32)
			ck_abort_msg("good_size(%zu) is %zu, but malloc of it gives %zu", nbytes,
				     good, kmem_usable_size(block));
		kmem_free(block);
	}
}
END_TEST

START_TEST(classes_hold_their_sizes_and_waste_little)
{
	for (size_t n = 1; n <= SMALL_MAX; n++) {
		unsigned index = class_index(n);

		require(index < NCLASSES && class_size(index) >= n);
		require(class_slots[(n + 15) / 16] == (ID_CLASSES + index) * sizeof(struct slot));
		require(index == 0 || class_size(index - 1) < n);
		require(n <= 128 || class_size(index) - n < n / 4);
		require(n <= 1024 || n > 8192 || class_size(index) - n < n / 8);
	}
	for (size_t n = SMALL_MAX + 1; n <= FRONT_MAX; n++) {
		unsigned index = front_index(n);

		require(index < NFRONTS && front_usable(index) >= n);
		require(index == 0 || front_usable(index - 1) < n);
		require(front_usable(index) - n < n / 8 + 4096);
		require(front_is_run(index) == (n > HEAP_MAX));
	}
}
END_TEST

START_TEST(refused_memory_is_enomem_for_every_size)
{
	faults_begin(1, ~0ul);
	for (unsigned i = 0; i < NSIZES; i++) {
		require_errno(ENOMEM, kmem_malloc(sizes[i]));
		require_errno(ENOMEM, kmem_calloc(1, sizes[i]));
	}
	faults_end();
	kmem_free(kmem_malloc(10));
}
END_TEST

UNIT_MAIN("malloc", every_size_is_aligned_usable_and_apart, size_zero_is_a_block_of_its_own,
	  more_than_ptrdiff_max_is_enomem, calloc_overflow_is_enomem,
	  calloc_is_zero_whatever_was_there, free_keeps_errno, good_size_is_what_one_gets,
	  classes_hold_their_sizes_and_waste_little, refused_memory_is_enomem_for_every_size)
