// SPDX-License-Identifier: MIT
/*
 * A pool's reserve: see reserve.h. All its atomic operations are seq_cst: that a look at
 * the places was whole, and that whoever puts sees who waits (mempool.c), follows from
 * one order of all of them. None is on a path that the allocator can serve.
 */
#include "lib/reserve.h"

#include "lib/malloc.h"

#include <errno.h>
#include <string.h>

static unsigned part_of(uint32_t i)
{
	return 31u - (unsigned)__builtin_clz(i / RESERVE_PART + 1);
}

/* Places in the parts before it. */
static uint32_t part_first(unsigned part)
{
	return RESERVE_PART * ((1u << part) - 1);
}

static place_t *place_at(struct reserve *reserve, uint32_t i)
{
	unsigned part = part_of(i);

	return atomic_load_explicit(&reserve->part[part], memory_order_seq_cst) + i -
	       part_first(part);
}

/* 0 or -ENOMEM. */
static int part_make(struct reserve *reserve, unsigned part)
{
	size_t nbytes = ((size_t)RESERVE_PART << part) * sizeof(place_t);
	place_t *fresh, *absent = NULL;

	if (atomic_load_explicit(&reserve->part[part], memory_order_seq_cst))
		return 0;
	fresh = facade_malloc(nbytes);
	if (!fresh)
		return -ENOMEM;
	memset((void *)fresh, 0, nbytes);
	if (!atomic_compare_exchange_strong_explicit(&reserve->part[part], &absent, fresh,
						     memory_order_seq_cst, memory_order_seq_cst))
		facade_free((void *)fresh); /* another thread was first */
	return 0;
}

int reserve_grow(struct reserve *reserve, uint32_t n)
{
	int err = 0;

	for (unsigned part = 0; !err && part <= part_of(n - 1); part++)
		err = part_make(reserve, part);
	return err;
}

void reserve_free(struct reserve *reserve)
{
	for (unsigned part = 0; part < RESERVE_PARTS; part++)
		facade_free(
			(void *)atomic_load_explicit(&reserve->part[part], memory_order_seq_cst));
}

void *reserve_take_at(struct reserve *reserve, uint32_t i)
{
	place_t *place = place_at(reserve, i);
	void *element;

	if (!atomic_load_explicit(place, memory_order_seq_cst))
		return NULL;
	atomic_fetch_sub_explicit(&reserve->count, 1, memory_order_seq_cst); /* first (R1) */
	element = atomic_exchange_explicit(place, NULL, memory_order_seq_cst);
	if (element)
		atomic_fetch_add_explicit(&reserve->takes, 1, memory_order_seq_cst);
	else
		atomic_fetch_add_explicit(&reserve->count, 1, memory_order_seq_cst);
	return element;
}

static bool put_at(struct reserve *reserve, uint32_t i, void *element)
{
	void *none = NULL;

	if (!atomic_compare_exchange_strong_explicit(place_at(reserve, i), &none, element,
						     memory_order_seq_cst, memory_order_seq_cst))
		return false;
	atomic_fetch_add_explicit(&reserve->count, 1, memory_order_seq_cst);
	atomic_fetch_add_explicit(&reserve->puts, 1, memory_order_seq_cst);
	return true;
}

/* Where the elements end, were the places filled from the first on: below n. */
static uint32_t likely_end(const struct reserve *reserve, uint32_t n)
{
	int32_t count = atomic_load_explicit(&reserve->count, memory_order_seq_cst);

	return count > 0 && (uint32_t)count < n ? (uint32_t)count : 0;
}

/* Put it into one of the first n places; which, or n: all are full. */
static uint32_t put_below(struct reserve *reserve, uint32_t n, void *element)
{
	uint32_t i = likely_end(reserve, n);

	for (uint32_t left = n; left > 0; left--, i = i + 1 < n ? i + 1 : 0)
		if (put_at(reserve, i, element))
			return i;
	return n;
}

#define NOWHERE UINT32_MAX

/* The place it was put into; NOWHERE: all were full at once. */
static uint32_t put_anywhere(struct reserve *reserve, void *element)
{
	uint32_t takes, n, i;

	do {
		takes = atomic_load_explicit(&reserve->takes, memory_order_seq_cst);
		n = atomic_load_explicit(&reserve->least, memory_order_seq_cst);
		i = put_below(reserve, n, element);
		if (i < n)
			return i;
	} while (atomic_load_explicit(&reserve->takes, memory_order_seq_cst) != takes);
	return NOWHERE;
}

void *reserve_put(struct reserve *reserve, void *element)
{
	while (element) {
		uint32_t i = put_anywhere(reserve, element);

		if (i == NOWHERE)
			return element;
		if (i < atomic_load_explicit(&reserve->least, memory_order_seq_cst))
			return NULL;
		element = reserve_take_at(reserve, i); /* it was made smaller meanwhile (R2) */
	}
	return NULL;
}

void *reserve_take(struct reserve *reserve)
{
	uint32_t puts, n, i;
	void *element;

	do {
		puts = atomic_load_explicit(&reserve->puts, memory_order_seq_cst);
		n = atomic_load_explicit(&reserve->least, memory_order_seq_cst);
		i = likely_end(reserve, n);
		for (uint32_t left = n; left > 0; left--) {
			i = i > 0 ? i - 1 : n - 1;
			element = reserve_take_at(reserve, i);
			if (element)
				return element;
		}
	} while (atomic_load_explicit(&reserve->puts, memory_order_seq_cst) != puts);
	return NULL;
}

const char *reserve_check(struct reserve *reserve)
{
	uint32_t least = atomic_load_explicit(&reserve->least, memory_order_seq_cst), i = 0;
	int32_t n = 0, beyond = 0;

	for (unsigned part = 0; part < RESERVE_PARTS; part++) {
		if (!atomic_load_explicit(&reserve->part[part], memory_order_seq_cst))
			break;
		for (; i < part_first(part + 1); i++)
			if (atomic_load_explicit(place_at(reserve, i), memory_order_seq_cst)) {
				n++;
				beyond += i >= least;
			}
	}
	if (n != atomic_load_explicit(&reserve->count, memory_order_seq_cst))
		return "R1: the count is not that of the elements";
	return beyond ? "R2: an element lies in a place beyond those in use" : NULL;
}
