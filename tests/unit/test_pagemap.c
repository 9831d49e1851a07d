// SPDX-License-Identifier: MIT
/* The page map: ids of ours, of strangers, of no address at all; refusals. */
#include "unit.h"

#include "faults.h"

#include "buddy/pagemap.h"

static char *place(void)
{
	char *base = sys_reserve((size_t)1 << 20, (size_t)1 << 20);

	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(pagemap_cover(base), 0);
	return base;
}

START_TEST(foreign_addresses_have_no_id)
{
	static int global;
	int local = 0;

	ck_assert_uint_eq(pagemap_id(&local), ID_NONE);
	ck_assert_uint_eq(pagemap_id(&global), ID_NONE);
	ck_assert_uint_eq(pagemap_id(NULL), ID_NONE);
	ck_assert_uint_eq(pagemap_id((void *)place), ID_NONE);
}
END_TEST

START_TEST(bits_no_address_has_are_ignored)
{
	uintptr_t end = (uintptr_t)1 << ARCH_ADDRESS_BITS;

	ck_assert_uint_eq(pagemap_id((void *)(end - 1)), ID_NONE);
	ck_assert_uint_eq(pagemap_id((void *)end), ID_NONE);
	ck_assert_uint_eq(pagemap_id((void *)UINTPTR_MAX), ID_NONE);
}
END_TEST

START_TEST(set_marks_these_pages_only)
{
	char *base = place();

	ck_assert_int_eq(pagemap_commit(base, 8), 0);
	pagemap_set(base + 2 * PAGE_BYTES, 3, 4711, base);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(pagemap_id(base + i * PAGE_BYTES + 4095),
				  i >= 2 && i < 5 ? 4711 : ID_NONE);
	ck_assert_ptr_eq(pagemap_page(base + 4 * PAGE_BYTES)->owner, base);
	pagemap_set(base + 2 * PAGE_BYTES, 3, ID_NONE, NULL);
	ck_assert_uint_eq(pagemap_id(base + 3 * PAGE_BYTES), ID_NONE);
	ck_assert_ptr_eq(pagemap_page(base + 4 * PAGE_BYTES)->owner, base);
}
END_TEST

START_TEST(set_marks_from_any_page_to_any)
{
	char *base = place();

	ck_assert_int_eq(pagemap_commit(base, 64), 0);
	for (unsigned first = 0; first < 10; first++)
		for (unsigned npages = 0; npages < 50; npages++) {
			pagemap_set(base + first * PAGE_BYTES, npages, 0xabcd, base + npages);
			for (unsigned i = 0; i < 64; i++) {
				bool in = i >= first && i < first + npages;

				require(pagemap_id(base + i * PAGE_BYTES) == (in ? 0xabcd : 0u));
				require(!in || pagemap_page(base + i * PAGE_BYTES)->owner ==
						       base + npages);
			}
			pagemap_set(base + first * PAGE_BYTES, npages, ID_NONE, NULL);
		}
}
END_TEST

START_TEST(the_last_id_fits)
{
	char *base = place();

	ck_assert_int_eq(pagemap_commit(base, 1), 0);
	pagemap_set(base, 1, ID_LIMIT - 1, NULL);
	ck_assert_uint_eq(pagemap_id(base), ID_LIMIT - 1);
}
END_TEST

START_TEST(covering_twice_maps_one_leaf)
{
	char *base = place();

	faults_count();
	ck_assert_int_eq(pagemap_cover(base), 0);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
}
END_TEST

/* A GiB of which nothing was ever ours. */
#define EMPTY_GIB ((void *)((uintptr_t)5 << LEAF_SHIFT))

START_TEST(refused_cover_leaves_the_gib_absent)
{
	for (unsigned long n = 1;; n++) {
		int err;

		faults_begin(n, n);
		err = pagemap_cover(EMPTY_GIB);
		faults_end();
		ck_assert_uint_eq(pagemap_id(EMPTY_GIB), ID_NONE);
		if (!faults.nrefused)
			break;
		/* Advice may be refused: nothing hangs on it. */
		require(err == -ENOMEM || err == 0);
		if (err == 0)
			break;
	}
	ck_assert_int_eq(pagemap_cover(EMPTY_GIB), 0);
}
END_TEST

START_TEST(refused_commit_is_an_error)
{
	char *base = place();

	faults_refuse(FAULT_MPROTECT);
	ck_assert_int_eq(pagemap_commit(base, 1), -ENOMEM);
	faults_end();
}
END_TEST

UNIT_MAIN("pagemap", foreign_addresses_have_no_id, bits_no_address_has_are_ignored,
	  set_marks_these_pages_only, set_marks_from_any_page_to_any, the_last_id_fits,
	  covering_twice_maps_one_leaf, refused_cover_leaves_the_gib_absent,
	  refused_commit_is_an_error)
