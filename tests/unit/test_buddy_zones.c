// SPDX-License-Identifier: MIT
/* The zones of the page allocator: reserved, doubled where they are, followed by others. */
#include "buddy_fixture.h"

#include "buddy/sys.h"

#define MIB ((size_t)1 << 20)

static void take_8_mib(unsigned times)
{
	while (times--)
		take(8 * MIB / PAGE_BYTES);
}

/* What a zone of 32 MiB can double to: its GiB, or less if the kernel put something there. */
static uint64_t widest(const struct zone *zone)
{
	uintptr_t base = zone->pub.base, end = base + zone->pub.npages * PAGE_BYTES;
	uintptr_t limit = base + PAGE_BYTES * LEAF_PAGES;
	uint64_t nbytes = 32 * MIB;
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;

	ck_assert_ptr_nonnull(maps);
	while (fscanf(maps, "%lx%*[^\n]", &start) == 1)
		if (start >= end && start < limit)
			limit = start;
	fclose(maps);
	while (2 * nbytes <= limit - base)
		nbytes *= 2;
	return nbytes / PAGE_BYTES;
}

/* A GiB is taken: the first zone could not be wider and is used up, the rest is in others. */
static void expect_widened(uintptr_t base)
{
	const struct zone *zone = buddy_zones();
	uint64_t npages = widest(zone), twice = 2 * npages < LEAF_PAGES ? 2 * npages : LEAF_PAGES;

	ck_assert_uint_eq(zone->pub.base, base);
	ck_assert_uint_eq(zone->pub.npages, npages);
	ck_assert_uint_eq(zone->pub.committed - zone->pub.dirty - zone->pub.clean, npages);
	ck_assert_int_eq(zone_next(zone) == NULL, npages == LEAF_PAGES);
	expect_used(LEAF_PAGES);
	take_8_mib(1);
	ck_assert_uint_eq(zone->pub.npages, npages);
	ck_assert_uint_ge(zone_next(zone)->pub.npages, twice);
	ck_assert_uint_le(zone_next(zone)->pub.npages, LEAF_PAGES);
	ck_assert_ptr_null(buddy_check());
}

START_TEST(a_zone_doubles_where_it_is)
{
	struct zone *zone;
	uintptr_t base;

	take_8_mib(1);
	zone = buddy_zones();
	base = zone->pub.base;
	ck_assert_uint_eq(base % (PAGE_BYTES * LEAF_PAGES), 0);
	ck_assert_uint_eq(zone->pub.npages, 32 * MIB / PAGE_BYTES);
	take_8_mib(3);
	ck_assert_uint_eq(zone->pub.npages, 32 * MIB / PAGE_BYTES);
	take_8_mib(1);
	ck_assert_uint_eq(zone->pub.npages, 64 * MIB / PAGE_BYTES);
	take_8_mib(123);
	expect_widened(base);
}
END_TEST

START_TEST(a_zone_doubles_up_to_its_neighbour)
{
	uintptr_t base;
	char *neighbour;

	take_8_mib(1);
	base = buddy_zones()->pub.base;
	neighbour = (char *)base + 300 * MIB;
	ck_assert_ptr_eq(sys_reserve_at(neighbour, MIB), neighbour);
	take_8_mib(127);
	ck_assert_uint_le(buddy_zones()->pub.npages, 256 * MIB / PAGE_BYTES);
	require(!buddy_holds(neighbour));
	expect_widened(base);
}
END_TEST

START_TEST(where_a_zone_cannot_double_another_is_made)
{
	struct zone *zone;
	char *end;

	take_8_mib(4);
	zone = buddy_zones();
	end = (char *)zone->pub.base + 32 * MIB;
	ck_assert_ptr_eq(sys_reserve_at(end, MIB), end);
	take_8_mib(1);
	ck_assert_uint_eq(zone->pub.npages, 32 * MIB / PAGE_BYTES);
	ck_assert_uint_eq(zone_next(zone)->pub.npages, 64 * MIB / PAGE_BYTES);
	require(!buddy_holds(end));
	ck_assert_ptr_null(sys_reserve_at(end, MIB));
	ck_assert_ptr_null(buddy_check());
}
END_TEST

static long small_mmap(void *addr, size_t nbytes, int prot, int flags)
{
	return nbytes >= 20 * MIB ? -ENOMEM : sys_real.mmap(addr, nbytes, prot, flags);
}

START_TEST(a_refused_reservation_is_halved)
{
	struct sys_table table = sys_real;

	table.mmap = small_mmap;
	sys_calls = &table;
	take(1);
	sys_calls = &sys_real;
	ck_assert_uint_lt(buddy_zones()->pub.npages, 20 * MIB / PAGE_BYTES);
	ck_assert_uint_ge(buddy_zones()->pub.npages, 8 * MIB / PAGE_BYTES);
}
END_TEST

START_TEST(a_whole_gib_can_be_had)
{
	char *one = buddy_alloc(LEAF_PAGES, LEAF_PAGES, PAGE_RUN, &zeroed);

	ck_assert_ptr_nonnull(one);
	ck_assert_uint_eq((uintptr_t)one % ((size_t)1 << LEAF_SHIFT), 0);
	buddy_free(one, LEAF_PAGES);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

UNIT_MAIN("buddy_zones", a_zone_doubles_where_it_is, a_zone_doubles_up_to_its_neighbour,
	  where_a_zone_cannot_double_another_is_made, a_refused_reservation_is_halved,
	  a_whole_gib_can_be_had)
