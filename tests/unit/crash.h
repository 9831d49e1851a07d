/* SPDX-License-Identifier: MIT */
/*
 * Each crime against the allocator, committed in a child: it must end by SIGABRT after
 * exactly one line that says what was found; with on_error:continue it goes on.
 */
#ifndef TESTS_UNIT_CRASH_H
#define TESTS_UNIT_CRASH_H

#include "unit.h"

#include <kmem.h>

#define FOREIGN                                                                                    \
	"libkmem: foreign pointer: %s(%p): not allocated here, or freed before; another "          \
	"allocator's, on a stack or in static data?\n"

static char *victim;
static void (*crime)(void);
static char expected[600];

/* After a crime that was only reported, all kinds of memory are to be had. */
static inline void commit_and_go_on(void)
{
	static const size_t sizes[] = {1, 100, 5000, 40000, 300000, 2000000};

	kmem_option_set("on_error", "continue");
	crime();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *block = kmem_malloc(sizes[i]);

		if (!block)
			_exit(1);
		memset(block, 1, sizes[i]);
		kmem_free(block);
	}
}

static inline struct last_words expect_line(void (*act)(void))
{
	struct last_words words = unit_child(act);

	ck_assert_str_eq(words.text, expected);
	return words;
}

/* The crime is answered by abort and this line; or by the line alone. */
static inline void __attribute__((format(printf, 2, 3)))
expect(void (*act)(void), const char *format, ...)
{
	struct last_words words;
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	words = expect_line(act);
	ck_assert_msg(unit_aborted(&words), "status %#x", (unsigned)words.status);
	crime = act;
	words = expect_line(commit_and_go_on);
	ck_assert_msg(words.status == 0, "with on_error:continue: status %#x",
		      (unsigned)words.status);
}

static inline void free_victim(void)
{
	kmem_free(victim);
}

static inline void free_victim_twice(void)
{
	kmem_free(victim);
	kmem_free(victim);
}

static inline void free_inside_victim(void)
{
	kmem_free(victim + 64);
}

#endif
