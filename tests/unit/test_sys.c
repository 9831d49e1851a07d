// SPDX-License-Identifier: MIT
/* The system's calls through a table: results, alignment, what a refusal leaves behind. */
#include "unit.h"

#include "faults.h"

#include <errno.h>

#define MIB ((size_t)1 << 20)

START_TEST(reserve_aligns_and_unmaps_both_ends)
{
	faults_count();
	for (size_t align = 4096; align <= 64 * MIB; align *= 4) {
		char *base = sys_reserve(MIB, align);

		ck_assert_ptr_nonnull(base);
		ck_assert_uint_eq((uintptr_t)base % align, 0);
		ck_assert_int_eq(sys_commit(base, MIB), 0);
		ck_assert_int_eq(base[MIB - 1], 0);
		sys_unmap(base, MIB);
	}
	ck_assert_uint_gt(faults.calls[FAULT_MUNMAP], 7);
	faults_end();
}
END_TEST

START_TEST(refused_map_is_null_and_keeps_errno)
{
	errno = 77;
	faults_refuse(FAULT_MMAP);
	ck_assert_ptr_null(sys_map(MIB, 4096));
	ck_assert_ptr_null(sys_reserve(MIB, 4096));
	faults_end();
	ck_assert_ptr_null(sys_map(SIZE_MAX - 4096, 2 * MIB));
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(refused_commit_is_an_error)
{
	void *base = sys_reserve(MIB, 4096);

	faults_refuse(FAULT_MPROTECT);
	ck_assert_int_eq(sys_commit(base, MIB), -ENOMEM);
	faults_end();
	ck_assert_int_eq(sys_commit(base, MIB), 0);
}
END_TEST

START_TEST(refused_unmap_purges)
{
	char *base = sys_map(MIB, 4096);

	base[5] = 5;
	faults_refuse(FAULT_MUNMAP);
	sys_unmap(base, MIB);
	ck_assert_uint_eq(faults.calls[FAULT_MADVISE], 1);
	ck_assert_int_eq(base[5], 0);
	faults_end();
}
END_TEST

START_TEST(purged_memory_reads_as_zeros)
{
	char *base = sys_map(MIB, 4096);

	memset(base, 7, MIB);
	ck_assert_int_eq(sys_purge(base, MIB), 0);
	for (size_t i = 0; i < MIB; i++)
		require(base[i] == 0);
}
END_TEST

START_TEST(moved_pages_leave_zeros)
{
	char *base = sys_map(MIB, 4096), *moved;

	memset(base, 7, MIB);
	moved = sys_move(base, MIB);
	ck_assert_ptr_nonnull(moved);
	ck_assert_ptr_ne(moved, base);
	ck_assert_int_eq(moved[MIB - 1], 7);
	ck_assert_int_eq(base[MIB - 1], 0);
}
END_TEST

START_TEST(remap_to_a_place_takes_the_pages_along)
{
	char *base = sys_map(MIB, 4096), *to = sys_reserve(2 * MIB, 4096);

	memset(base, 7, MIB);
	ck_assert_int_eq(sys_remap_to(base, MIB, 2 * MIB, to), 0);
	ck_assert_int_eq(to[MIB - 1], 7);
	ck_assert_int_eq(to[2 * MIB - 1], 0);
}
END_TEST

START_TEST(refused_remap_to_leaves_the_pages)
{
	char *base = sys_map(MIB, 4096), *to = sys_reserve(2 * MIB, 4096);

	memset(base, 7, MIB);
	faults_refuse(FAULT_MREMAP);
	ck_assert_int_eq(sys_remap_to(base, MIB, 2 * MIB, to), -ENOMEM);
	faults_end();
	ck_assert_int_eq(base[MIB - 1], 7);
}
END_TEST

static char *squatter;

/* As the kernel before 6.17: the target is unmapped before the limits are looked at. */
static long mremap_late_refusal(void *addr, size_t old_nbytes, size_t nbytes, int flags, void *to)
{
	(void)addr;
	(void)old_nbytes;
	if (flags & MREMAP_FIXED) {
		munmap(to, nbytes);
		squatter = mmap(to, nbytes, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		squatter[0] = 1;
	}
	return -ENOMEM;
}

static void remap_meets_a_squatter(void)
{
	struct sys_table table = sys_real;
	char *base = sys_map(MIB, 4096), *to = sys_reserve(2 * MIB, 4096);

	table.mremap = mremap_late_refusal;
	sys_calls = &table;
	sys_remap_to(base, MIB, 2 * MIB, to);
	sys_calls = &sys_real;
	_exit(squatter[0] == 1 ? 0 : 1);
}

/* Another thread's mapping may stand where the refused remap's target was. */
START_TEST(refused_remap_to_unmaps_nothing_of_others)
{
	ck_assert_int_eq(unit_child(remap_meets_a_squatter).status, 0);
}
END_TEST

START_TEST(pages_round_up)
{
	size_t page = sys_page_size();

	ck_assert_uint_eq(page & (page - 1), 0);
	ck_assert_uint_eq(sys_page_up(0), 0);
	ck_assert_uint_eq(sys_page_up(1), page);
	ck_assert_uint_eq(sys_page_up(page), page);
	ck_assert_uint_eq(sys_page_up(page + 1), 2 * page);
}
END_TEST

START_TEST(processor_thread_and_clock)
{
	uint32_t before = sys_now_ms();

	ck_assert_uint_ge(sys_ncpus(), 1);
	ck_assert_uint_lt(sys_cpu(), 65536);
	ck_assert_uint_eq(sys_tid(), (uint32_t)getpid());
	unit_sleep_ms(30);
	ck_assert_uint_ge(sys_now_ms() - before, 20);
	require(!sys_secure());
	ck_assert_ptr_nonnull(sys_random16());
}
END_TEST

UNIT_MAIN("sys", reserve_aligns_and_unmaps_both_ends, refused_map_is_null_and_keeps_errno,
	  refused_commit_is_an_error, refused_unmap_purges, purged_memory_reads_as_zeros,
	  moved_pages_leave_zeros, remap_to_a_place_takes_the_pages_along,
	  refused_remap_to_leaves_the_pages, refused_remap_to_unmaps_nothing_of_others,
	  pages_round_up, processor_thread_and_clock)
