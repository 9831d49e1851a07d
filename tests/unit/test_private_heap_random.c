// SPDX-License-Identifier: MIT
/* Private heaps of all kinds against a shadow, from random bytes: the seed is printed. */
#include "unit.h"

#include "heap_shadow.h"

#define NBYTES 2000u

static uint8_t input[NBYTES];

static void run(unsigned options, unsigned memory)
{
	for (unsigned i = 0; i < NBYTES; i++)
		input[i] = (uint8_t)unit_next();
	input[0] = (uint8_t)options;
	input[1] = (uint8_t)memory;
	shadow_run(input, NBYTES);
}

START_TEST(every_option_against_a_shadow)
{
	for (unsigned options = 0; options < 64; options += UNDER_TSAN || UNDER_ASAN ? 3 : 1)
		run(options, (unsigned)unit_below(256));
}
END_TEST

/* What most programs have: quick lists, and spans that grow by need; without a limit and with. */
START_TEST(no_option_against_a_shadow)
{
	for (unsigned memory = 1; memory < 64; memory += UNDER_TSAN || UNDER_ASAN ? 13 : 1)
		run(memory & 8, memory);
}
END_TEST

START_TEST(every_memory_against_a_shadow)
{
	for (unsigned memory = 0; memory < 256; memory += UNDER_TSAN || UNDER_ASAN ? 64 : 16)
		for (unsigned kind = 0; kind < 4; kind++)
			run((unsigned)unit_below(64), memory + kind);
}
END_TEST

UNIT_MAIN("private_heap_random", every_option_against_a_shadow, no_option_against_a_shadow,
	  every_memory_against_a_shadow)
