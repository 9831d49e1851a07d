/* SPDX-License-Identifier: MIT */
/* Frames that a child prints, and what has to be among its words. */
#ifndef TESTS_UNIT_SYMBOL_FIXTURE_H
#define TESTS_UNIT_SYMBOL_FIXTURE_H

#include "unit.h"

#include "buddy/symbol.h"
#include "buddy/symbol_helper.h"

#ifndef TEST_KMEM_SYMBOLS
#define TEST_KMEM_SYMBOLS ""
#endif
#define HAVE_HELPER (TEST_KMEM_SYMBOLS[0] != '\0')

static uintptr_t frames[64];
static unsigned nframes;

static inline void set_frame(uintptr_t frame)
{
	frames[0] = frame;
	nframes = 1;
}

static inline void print(void)
{
	symbols_print(frames, nframes);
}

static inline void print_signal(void)
{
	symbols_print_signal(frames, nframes);
}

static inline void print_alone(void)
{
	symbol_helper_set("");
	print();
}

/*
 * The child leaves in good order, and says this among other things; one of three, as on a busy
 * machine a helper's 2 s may pass before it had the processor.
 */
static inline void expect_text(void (*act)(void), const char *expected)
{
	struct last_words words = unit_child(act);

	for (int i = 0; i < 2 && words.status == 0 && !strstr(words.text, expected); i++)
		words = unit_child(act);
	ck_assert_int_eq(words.status, 0);
	ck_assert_msg(strstr(words.text, expected), "%s, not in: %s", expected, words.text);
}

/* With kmem-symbols, if it is there, and without. */
static inline void expect_either(const char *expected)
{
	expect_text(print, expected);
	expect_text(print_alone, expected);
}

static __attribute__((noinline, unused)) void known(void)
{
	__asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop\n\tnop");
}

static inline void set_known(void)
{
	set_frame((uintptr_t)known + 2);
}

#endif
