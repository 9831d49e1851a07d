/* SPDX-License-Identifier: MIT */
/* Addresses that go up or down by one step, as neighbours' do: two to an instruction. */
#ifndef SLAB_PAIRS_H
#define SLAB_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

typedef uintptr_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/* n of them, from first on. */
static inline void pairs_count(void **out, uintptr_t first, uintptr_t step, unsigned n)
{
	pair two = {first, first + step};

	for (unsigned i = 0; i < n / 2; i++, two += 2 * step)
		((pair *)out)[i] = two;
	if (n % 2)
		out[n - 1] = (void *)(first + (n - 1) * step);
}

/* Are the n addresses those? */
static inline bool pairs_counted(void *const *addrs, uintptr_t first, uintptr_t step, unsigned n)
{
	pair two = {first, first + step}, differ = {0, 0};

	for (unsigned i = 0; i < n / 2; i++, two += 2 * step)
		differ |= ((const pair *)addrs)[i] ^ two;
	if (n % 2)
		differ[0] |= (uintptr_t)addrs[n - 1] ^ (first + (n - 1) * step);
	return !(differ[0] | differ[1]);
}

#endif
